"""The tables. The tenant (the client's key) is the first column of every key of tenant data.

Not tenant data, so without it: `inbox` (an event is only a hint and carries nothing but ids),
`staged_changes` (history read before its ticket is known), `switches`, `workers`, `sync_state`, and what
the desk is told about itself (`alerts`, `reconciliations`).
Changes here need a migration; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
)

from data.store.columns import CleanText, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of_ticket() -> ForeignKeyConstraint:
    # A ticket whose client is corrected takes everything about it along.
    return ForeignKeyConstraint(
        ["tenant", "ticket_id"],
        ["tickets.tenant", "tickets.ticket_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    )


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, CleanText, nullable=null)


tickets = Table(
    "tickets",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    _text("readable_id"),
    _text("project"),
    _text("summary"),
    _text("description"),
    _text("client", null=True),
    _text("country", null=True),
    _text("lang", null=True),
    Column("ticket_created", Moment),
    _text("reporter"),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("resolved", Moment),
    _text("state"),
    _text("issue_type", null=True),
    _text("category", null=True),
    _text("priority", null=True),
    _text("team", null=True),
    Column("tags", JSON, nullable=False),
    Column("fields", JSON, nullable=False, server_default="[]"),
    _text("raw_hash"),
    _text("content_hash"),
    Column("seen_at", Moment, nullable=False),
    Column("missing_since", Moment),  # the tracker did not show it: to be looked at again
    Column("gone_at", Moment),
    _text("gone_reason", null=True),  # not_found | moved
    PrimaryKeyConstraint("tenant", "ticket_id"),
    UniqueConstraint("ticket_id"),  # the tracker's id: one ticket belongs to one client at a time
    Index(None, "resolved", "issue_type", "created"),
    Index(None, "readable_id"),
)

comments = Table(
    "comments",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    _text("comment_id"),
    Column("position", Integer, nullable=False),
    _text("author"),
    _text("text"),
    Column("created", Moment, nullable=False),
    Column("internal", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id", "comment_id"),
    _of_ticket(),
)

changes = Table(
    "changes",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    _text("change_id"),
    Column("position", Integer, nullable=False),
    _text("author"),
    Column("at", Moment, nullable=False),
    _text("field"),
    _text("removed", null=True),
    _text("added", null=True),
    Column("kind", CleanText, nullable=False, server_default="field"),
    _text("subject", null=True),
    PrimaryKeyConstraint("tenant", "ticket_id", "change_id"),
    _of_ticket(),
)

staged_changes = Table(
    "staged_changes",
    metadata,
    _text("ticket_id"),
    _text("change_id"),
    _text("author"),
    Column("at", Moment, nullable=False),
    _text("field"),
    _text("removed", null=True),
    _text("added", null=True),
    Column("kind", CleanText, nullable=False, server_default="field"),
    _text("subject", null=True),
    PrimaryKeyConstraint("ticket_id", "change_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    Column("resolved_at", Moment, nullable=False),
    _text("resolver"),
    Column("by_human", Boolean, nullable=False),
    _text("issue_type", null=True),
    _text("category", null=True),
    _text("priority", null=True),
    _text("team", null=True),
    Column("reopened", Integer, nullable=False),
    Column("audited", Boolean, nullable=False),
    Column("root_cause", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id"),
    _of_ticket(),
)

ledger = Table(
    "ledger",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    _text("kind"),  # resolution | root_cause
    _text("state"),  # candidate | rejected | trained_in
    _text("reason", null=True),
    _text("dataset", null=True),
    _text("model", null=True),
    Column("resolved_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("tenant", "ticket_id", "kind"),
    _of_ticket(),
    Index(None, "kind", "state"),
)

decisions = Table(
    "decisions",
    metadata,
    _text("tenant"),
    _text("ticket_id"),
    Column("decided_at", Moment, nullable=False),
    _text("decision"),
    _text("priority_decision"),
    _text("issue_type"),
    _text("category"),
    _text("priority"),
    _text("team"),
    Column("probability", Float, nullable=False),
    Column("priority_probability", Float, nullable=False),
    _text("bundle"),
    _text("policy"),
    Column("body", JSON, nullable=False),
    Column("undone_at", Moment),  # a person took it back: nothing is learnt from it
    _text("undone_by", null=True),
    PrimaryKeyConstraint("tenant", "ticket_id"),
    _of_ticket(),
    Index(None, "decided_at"),
)

outbox = Table(
    "outbox",
    metadata,
    _text("tenant"),
    _text("op_id"),
    _text("ticket_id"),
    _text("kind"),
    Column("payload", JSON, nullable=False),
    _text("payload_hash"),
    _text("state"),  # new | sending | done | dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    _text("lease_owner", null=True),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    _text("remote_id", null=True),
    _text("last_error", null=True),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("project", CleanText, nullable=False, server_default=""),
    Column("automatic", Boolean, nullable=False, server_default=false()),  # no person asked for it
    # The effect's evidence: what the fields held before our write and after it.
    Column("fields_found", JSON(none_as_null=True)),
    Column("fields_left", JSON(none_as_null=True)),
    Column("acted_at", Moment),  # when an automatic write of fields was allowed: what caps count
    Column("said_at", Moment),  # when a comment was last sent off: it may be there without our knowing
    _text("outcome", null=True),
    PrimaryKeyConstraint("tenant", "op_id"),
    UniqueConstraint("op_id"),  # opaque, so a collision tells a tenant nothing about another
    Index(None, "state", "next_at"),
    Index(None, "tenant", "ticket_id"),
    Index(None, "project", "acted_at"),
)

switches = Table(
    "switches",
    metadata,
    _text("project"),  # empty: every project
    Column("paused", Boolean, nullable=False),
    _text("actor"),
    _text("reason"),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("project"),
)

workers = Table(
    "workers",
    metadata,
    _text("worker"),
    _text("place"),  # machine and process namespace: where the process id means something
    Column("pid", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    PrimaryKeyConstraint("worker"),
)

inbox = Table(
    "inbox",
    metadata,
    _text("event_key"),
    _text("body"),
    Column("received_at", Moment, nullable=False),
    Column("processed_at", Moment),
    _text("webhook_id", null=True),  # of the newest signature seen on this event, with its moment
    Column("signed_at", Moment),
    PrimaryKeyConstraint("event_key"),
    Index(None, "webhook_id"),
    Index(None, "processed_at", "received_at"),
)

jobs = Table(
    "jobs",
    metadata,
    _text("tenant"),
    _text("dedupe_key"),
    _text("kind"),
    Column("payload", JSON, nullable=False),
    _text("state"),  # new | running | done | dead
    Column("run_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("lease_owner", null=True),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    _text("last_error", null=True),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    PrimaryKeyConstraint("tenant", "dedupe_key"),
    Index(None, "state", "run_at"),
)

alerts = Table(
    "alerts",
    metadata,
    _text("kind"),
    _text("subject"),
    Column("opened", Moment, nullable=False),
    Column("closed", Moment),
    Column("facts", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "subject", "opened"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    _text("kind"),  # tickets | ledger
    _text("project"),
    Column("at", Moment, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "project", "at"),
)

sync_state = Table(
    "sync_state",
    metadata,
    _text("key"),
    Column("value", JSON, nullable=False),
    PrimaryKeyConstraint("key"),
)

people = Table(
    "people",
    metadata,
    _text("tenant"),
    Column("position", Integer, nullable=False),
    _text("name"),
    _text("email"),
    _text("employee_id"),
    _text("phone"),
    _text("iban"),
    _text("national_id"),
    _text("address"),
    PrimaryKeyConstraint("tenant", "position"),
)

tracker_reach = Table(
    "tracker_reach",
    metadata,
    _text("host"),
    _text("state"),  # closed | open | half_open
    Column("failures", Integer, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("spent_until", Moment, nullable=False),
    Column("retry_at", Moment, nullable=False),
    PrimaryKeyConstraint("host"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, autoincrement=False),
    Column("at", Moment, nullable=False),
    _text("actor"),
    _text("tenant", null=True),  # None: an action on the desk itself
    _text("action"),
    _text("subject"),
    _text("facts"),  # canonical JSON as text: what is hashed is what is stored
    _text("hash"),
    PrimaryKeyConstraint("seq"),
    Index(None, "subject"),
    Index(None, "tenant", "seq"),
)

# One row: the end of the chain. Its lock is what makes writers take turns on PostgreSQL, and a tenant
# that may not see the rows of others can still append its own.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    _text("hash"),
    PrimaryKeyConstraint("id"),
)
