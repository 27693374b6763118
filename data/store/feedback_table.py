"""The table of what people did with suggestions; `data.store` adds it to the schema."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, PrimaryKeyConstraint, Table

from data.store.columns import CleanText, Moment
from data.store.metadata import metadata, of_ticket

feedback = Table(
    "feedback",
    metadata,
    Column("tenant", CleanText, nullable=False),
    Column("operation", CleanText, nullable=False),  # the caller's key: the same order counts once
    Column("ticket_id", CleanText, nullable=False),
    Column("action", CleanText, nullable=False),  # accept | edit | dismiss | undo
    Column("fields", JSON, nullable=False),
    Column("request_hash", CleanText, nullable=False),
    Column("effect", CleanText),  # the operation in the outbox, where there is one
    Column("actor", CleanText, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("tenant", "operation"),
    of_ticket(),
    Index(None, "tenant", "ticket_id"),
)
