"""The table of what patterns did on tickets, step by step; `data.store` adds it to the schema."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, PrimaryKeyConstraint, Table

from data.store.columns import CleanText, Moment
from data.store.metadata import metadata, of_ticket

pattern_steps = Table(
    "pattern_steps",
    metadata,
    Column("tenant", CleanText, nullable=False),
    Column("ticket_id", CleanText, nullable=False),
    Column("pattern", CleanText, nullable=False),
    Column("step", CleanText, nullable=False),  # run, ask:month, write:0, undo:0
    Column("state", CleanText, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id", "pattern", "step"),
    of_ticket(),
    Index(None, "state", "at"),
)
