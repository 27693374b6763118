"""Received events. A row is committed before the sender gets its answer, so no accepted event is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from data.store.schema import inbox
from data.store.statements import insert_new, portions


def receive(conn: Connection, event_key: str, body: bytes | str, now: datetime) -> bool:
    """Keep an event; return False where the same `event_key` was received before."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    row = {"event_key": event_key, "body": text, "received_at": now, "processed_at": None}
    return insert_new(conn, inbox, row)


def pending(conn: Connection, limit: int = 500) -> list[tuple[str, str]]:
    """Return `(event_key, body)` of events not processed yet, oldest first."""
    query = select(inbox.c.event_key, inbox.c.body).where(inbox.c.processed_at.is_(None))
    query = query.order_by(inbox.c.received_at, inbox.c.event_key).limit(limit)
    return [(key, body) for key, body in conn.execute(query)]


def processed(conn: Connection, event_keys: Sequence[str], now: datetime) -> None:
    """Mark events as dealt with."""
    for some in portions(event_keys):
        conn.execute(update(inbox).where(inbox.c.event_key.in_(some)).values(processed_at=now))


def forget(conn: Connection, before: datetime) -> int:
    """Delete events processed before that moment; return how many. Keep at least a day for duplicates."""
    return conn.execute(delete(inbox).where(inbox.c.processed_at < before)).rowcount
