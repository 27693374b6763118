"""The product's one store: SQLAlchemy Core on SQLite (default) or PostgreSQL (by URL)."""

from data.store import feedback_table  # noqa: F401  (completes the schema before anyone uses it)
from data.store.database import Store, open_store

__all__ = ["Store", "open_store"]
