"""The product's one store: SQLAlchemy Core on SQLite (default) or PostgreSQL (by URL)."""

from data.store import (  # noqa: F401  (complete the schema before anyone uses it)
    feedback_table,
    pattern_table,
    review_tables,
)
from data.store.database import Store, open_store

__all__ = ["Store", "open_store"]
