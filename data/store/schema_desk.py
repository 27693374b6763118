"""Tables that belong to no client: events, switches, progress, alerts, keys, the audit log.

An event is only a hint and carries nothing but ids; the audit log names a client only where its entry is
about one.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, false

from data.store.columns import Moment
from data.store.metadata import metadata, text_column

switches = Table(
    "switches",
    metadata,
    text_column("project"),  # empty: every project
    Column("paused", Boolean, nullable=False),
    text_column("actor"),
    text_column("reason"),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("project"),
)

workers = Table(
    "workers",
    metadata,
    text_column("worker"),
    text_column("place"),  # machine and process namespace: where the process id means something
    Column("pid", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    PrimaryKeyConstraint("worker"),
)

inbox = Table(
    "inbox",
    metadata,
    text_column("event_key"),
    text_column("body"),
    Column("received_at", Moment, nullable=False),
    Column("processed_at", Moment),
    text_column("webhook_id", null=True),  # of the newest signature seen on this event, with its moment
    Column("signed_at", Moment),
    PrimaryKeyConstraint("event_key"),
    Index(None, "webhook_id"),
    Index(None, "processed_at", "received_at"),
)

alerts = Table(
    "alerts",
    metadata,
    text_column("kind"),
    text_column("subject"),
    Column("opened", Moment, nullable=False),
    Column("closed", Moment),
    Column("facts", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "subject", "opened"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    text_column("kind"),  # tickets | ledger
    text_column("project"),
    Column("at", Moment, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "project", "at"),
)

sync_state = Table(
    "sync_state",
    metadata,
    text_column("key"),
    Column("value", JSON, nullable=False),
    PrimaryKeyConstraint("key"),
)

tracker_reach = Table(
    "tracker_reach",
    metadata,
    text_column("host"),
    text_column("state"),  # closed | open | half_open
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
    text_column("actor"),
    text_column("tenant", null=True),  # None: an action on the desk itself
    text_column("action"),
    text_column("subject"),
    text_column("facts"),  # canonical JSON as text: what is hashed is what is stored
    text_column("hash"),
    PrimaryKeyConstraint("seq"),
    Index(None, "subject"),
    Index(None, "tenant", "seq"),
)

api_keys = Table(
    "api_keys",
    metadata,
    text_column("key_id"),
    text_column("name"),
    text_column("role"),
    text_column("tenant", null=True),  # None: every client
    text_column("digest"),  # HMAC under a pepper that is not in the database
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    Column("acts_for_people", Boolean, nullable=False, server_default=false()),  # the tracker's app
    PrimaryKeyConstraint("key_id"),
)

# One row: the end of the chain. Its lock is what makes writers take turns on PostgreSQL, and a tenant
# that may not see the rows of others can still append its own.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    text_column("hash"),
    PrimaryKeyConstraint("id"),
)
