"""Backup and restore of the store: one verified file, written and read back while the product runs."""
