"""The tables of the audit sample and of what it took away; `data.store` adds them to the schema."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from data.store.columns import CleanText, Moment
from data.store.metadata import metadata, of_ticket

reviews = Table(
    "reviews",
    metadata,
    Column("tenant", CleanText, nullable=False),
    Column("ticket_id", CleanText, nullable=False),
    Column("drawn_at", Moment, nullable=False),
    Column("group_client", CleanText, nullable=False),  # empty: every client that is not a group of its own
    Column("group_category", CleanText, nullable=False),  # empty: the pool
    Column("bundle", CleanText, nullable=False),
    Column("said", CleanText, nullable=False),  # the category that was decided
    Column("alone", Boolean, nullable=False),  # it was written alone, or would have been but for a suspension
    Column("reviewed_at", Moment),
    Column("reviewer", CleanText),
    Column("issue_type", CleanText),
    Column("category", CleanText),
    PrimaryKeyConstraint("tenant", "ticket_id"),
    of_ticket(),
    Index(None, "reviewed_at", "drawn_at"),
    Index(None, "bundle", "group_client", "group_category"),
)

# The desk's own: which groups may not act alone any more, and the evidence for it.
suspensions = Table(
    "suspensions",
    metadata,
    Column("group_client", CleanText, nullable=False),
    Column("group_category", CleanText, nullable=False),
    Column("bundle", CleanText, nullable=False),
    Column("since", Moment, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("reviewed", Integer, nullable=False),
    Column("budget", Float, nullable=False),
    Column("lifted_at", Moment),
    PrimaryKeyConstraint("group_client", "group_category", "bundle", "since"),
)
