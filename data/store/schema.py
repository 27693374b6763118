"""The tables. The tenant (the client's key) is the first column of every key of tenant data.

Here is what belongs to a client, and `staged_changes` (history read before its ticket is known); what is
the desk's own stands in `schema_desk` and can be had from here as well.
Changes need a migration; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
)

from data.store.columns import CleanText, Moment
from data.store.metadata import metadata, of_ticket, text_column
from data.store.schema_desk import (
    alerts,
    api_keys,
    audit,
    audit_head,
    inbox,
    reconciliations,
    switches,
    sync_state,
    tracker_reach,
    workers,
)

__all__ = [
    "alerts",
    "api_keys",
    "audit",
    "audit_head",
    "changes",
    "comments",
    "decisions",
    "inbox",
    "jobs",
    "ledger",
    "metadata",
    "outbox",
    "outcomes",
    "people",
    "reconciliations",
    "staged_changes",
    "switches",
    "sync_state",
    "tickets",
    "tracker_reach",
    "workers",
]


tickets = Table(
    "tickets",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    text_column("readable_id"),
    text_column("project"),
    text_column("summary"),
    text_column("description"),
    text_column("client", null=True),
    text_column("country", null=True),
    text_column("lang", null=True),
    Column("ticket_created", Moment),
    text_column("reporter"),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("resolved", Moment),
    text_column("state"),
    text_column("issue_type", null=True),
    text_column("category", null=True),
    text_column("priority", null=True),
    text_column("team", null=True),
    Column("tags", JSON, nullable=False),
    Column("fields", JSON, nullable=False, server_default="[]"),
    Column("links", JSON, nullable=False, server_default="[]"),
    Column("attachments", JSON, nullable=False, server_default="[]"),
    text_column("raw_hash"),
    text_column("content_hash"),
    Column("seen_at", Moment, nullable=False),
    Column("missing_since", Moment),  # the tracker did not show it: to be looked at again
    Column("gone_at", Moment),
    text_column("gone_reason", null=True),  # not_found | moved
    PrimaryKeyConstraint("tenant", "ticket_id"),
    UniqueConstraint("ticket_id"),  # the tracker's id: one ticket belongs to one client at a time
    Index(None, "resolved", "issue_type", "created"),
    Index(None, "readable_id"),
    # Tickets page by page. Without the tenant: while the table is empty PostgreSQL would plan the foreign key
    # checks of a first synchronisation with such an index, and read all of a client's entries each time.
    Index(None, "created"),
)

comments = Table(
    "comments",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    text_column("comment_id"),
    Column("position", Integer, nullable=False),
    text_column("author"),
    text_column("text"),
    Column("created", Moment, nullable=False),
    Column("internal", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id", "comment_id"),
    of_ticket(),
)

changes = Table(
    "changes",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    text_column("change_id"),
    Column("position", Integer, nullable=False),
    text_column("author"),
    Column("at", Moment, nullable=False),
    text_column("field"),
    text_column("removed", null=True),
    text_column("added", null=True),
    Column("kind", CleanText, nullable=False, server_default="field"),
    text_column("subject", null=True),
    PrimaryKeyConstraint("tenant", "ticket_id", "change_id"),
    of_ticket(),
)

staged_changes = Table(
    "staged_changes",
    metadata,
    text_column("ticket_id"),
    text_column("change_id"),
    text_column("author"),
    Column("at", Moment, nullable=False),
    text_column("field"),
    text_column("removed", null=True),
    text_column("added", null=True),
    Column("kind", CleanText, nullable=False, server_default="field"),
    text_column("subject", null=True),
    PrimaryKeyConstraint("ticket_id", "change_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    Column("resolved_at", Moment, nullable=False),
    text_column("resolver"),
    Column("by_human", Boolean, nullable=False),
    text_column("issue_type", null=True),
    text_column("category", null=True),
    text_column("priority", null=True),
    text_column("team", null=True),
    Column("reopened", Integer, nullable=False),
    Column("audited", Boolean, nullable=False),
    Column("root_cause", Boolean, nullable=False),
    text_column("merged_into", null=True),  # readable id of the ticket that it duplicates; may be empty
    PrimaryKeyConstraint("tenant", "ticket_id"),
    of_ticket(),
)

ledger = Table(
    "ledger",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    text_column("kind"),  # resolution | root_cause
    text_column("state"),  # candidate | rejected | trained_in
    text_column("reason", null=True),
    text_column("dataset", null=True),
    text_column("model", null=True),
    Column("resolved_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id", "kind"),
    of_ticket(),
    Index(None, "kind", "state"),
)

decisions = Table(
    "decisions",
    metadata,
    text_column("tenant"),
    text_column("ticket_id"),
    Column("decided_at", Moment, nullable=False),
    text_column("decision"),
    text_column("priority_decision"),
    text_column("issue_type"),
    text_column("category"),
    text_column("priority"),
    text_column("team"),
    Column("probability", Float, nullable=False),
    Column("priority_probability", Float, nullable=False),
    text_column("bundle"),
    text_column("policy"),
    Column("body", JSON, nullable=False),
    Column("undone_at", Moment),  # a person took it back: nothing is learnt from it
    text_column("undone_by", null=True),
    PrimaryKeyConstraint("tenant", "ticket_id"),
    of_ticket(),
    Index(None, "decided_at"),
)

outbox = Table(
    "outbox",
    metadata,
    text_column("tenant"),
    text_column("op_id"),
    text_column("ticket_id"),
    text_column("kind"),
    Column("payload", JSON, nullable=False),
    text_column("payload_hash"),
    text_column("state"),  # new | sending | done | dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    text_column("lease_owner", null=True),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    text_column("remote_id", null=True),
    text_column("last_error", null=True),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("project", CleanText, nullable=False, server_default=""),
    Column("automatic", Boolean, nullable=False, server_default=false()),  # no person asked for it
    # The effect's evidence: what the fields held before our write and after it.
    Column("fields_found", JSON(none_as_null=True)),
    Column("fields_left", JSON(none_as_null=True)),
    Column("acted_at", Moment),  # when an automatic write of fields was allowed: what caps count
    Column("said_at", Moment),  # when a comment was last sent off: it may be there without our knowing
    text_column("outcome", null=True),
    PrimaryKeyConstraint("tenant", "op_id"),
    UniqueConstraint("op_id"),  # opaque, so a collision tells a tenant nothing about another
    Index(None, "state", "next_at"),
    Index(None, "tenant", "ticket_id"),
    Index(None, "project", "acted_at"),
)

jobs = Table(
    "jobs",
    metadata,
    text_column("tenant"),
    text_column("dedupe_key"),
    text_column("kind"),
    Column("payload", JSON, nullable=False),
    text_column("state"),  # new | running | done | dead
    Column("run_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner", null=True),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    text_column("last_error", null=True),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    PrimaryKeyConstraint("tenant", "dedupe_key"),
    Index(None, "state", "run_at"),
)

people = Table(
    "people",
    metadata,
    text_column("tenant"),
    Column("position", Integer, nullable=False),
    text_column("name"),
    text_column("email"),
    text_column("employee_id"),
    text_column("phone"),
    text_column("iban"),
    text_column("national_id"),
    text_column("address"),
    PrimaryKeyConstraint("tenant", "position"),
)
