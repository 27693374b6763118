"""Alembic migrations; run by `open_store`, never by hand."""
