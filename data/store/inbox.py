"""Received events. A row is committed before the sender gets its answer, so no accepted event is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from data.store.schema import inbox
from data.store.statements import one_writer, portions


class Receipt(StrEnum):
    """What became of an event that was offered."""

    NEW = "new"
    DUPLICATE = "duplicate"
    """It was stored before; this is another, newer signature on it."""
    REPLAYED = "replayed"
    """This signature, or a newer one on the same event or id, was seen before."""
    FULL = "full"


def accept(
    conn: Connection,
    event_key: str,
    body: bytes,
    now: datetime,
    *,
    room: int,
    webhook_id: str | None = None,
    signed_at: datetime | None = None,
) -> Receipt:
    """Keep an event unless it was seen before or `room` unprocessed events are waiting.

    `webhook_id` and `signed_at` are the sender's id and the moment in the verified signature; an event
    without a signature has neither and cannot be told from its replay.
    """
    one_writer(conn, inbox)  # two copies at once, and the bound, are decided one after the other
    same = [inbox.c.event_key == event_key]
    if webhook_id is not None:
        same.append(inbox.c.webhook_id == webhook_id)
    known = conn.execute(select(inbox.c.event_key, inbox.c.signed_at).where(or_(*same))).all()
    if signed_at is not None and any(k.signed_at is not None and signed_at <= k.signed_at for k in known):
        return Receipt.REPLAYED
    if any(k.event_key == event_key for k in known):
        newer = update(inbox).where(inbox.c.event_key == event_key)
        if signed_at is not None:
            conn.execute(newer.values(webhook_id=webhook_id, signed_at=signed_at))
        return Receipt.DUPLICATE
    if _waiting(conn, room):
        return Receipt.FULL
    text = body.decode("utf-8", "replace")
    row = {"event_key": event_key, "body": text, "received_at": now, "processed_at": None}
    conn.execute(insert(inbox).values(**row, webhook_id=webhook_id, signed_at=signed_at))
    return Receipt.NEW


def pending(conn: Connection, limit: int = 500) -> list[tuple[str, str]]:
    """Return `(event_key, body)` of events not processed yet, oldest first."""
    query = select(inbox.c.event_key, inbox.c.body).where(inbox.c.processed_at.is_(None))
    query = query.order_by(inbox.c.received_at, inbox.c.event_key).limit(limit)
    return [(key, body) for key, body in conn.execute(query)]


def count(conn: Connection) -> int:
    """Return how many events are stored, processed or not."""
    return int(conn.execute(select(func.count()).select_from(inbox)).scalar_one())


def processed(conn: Connection, event_keys: Sequence[str], now: datetime) -> None:
    """Mark events as dealt with."""
    for some in portions(event_keys):
        conn.execute(update(inbox).where(inbox.c.event_key.in_(some)).values(processed_at=now))


def forget(conn: Connection, before: datetime) -> int:
    """Delete events processed before that moment; return how many. Keep at least a day for duplicates."""
    return conn.execute(delete(inbox).where(inbox.c.processed_at < before)).rowcount


def _waiting(conn: Connection, count: int) -> bool:
    """Whether at least `count` events wait to be processed."""
    waiting = select(inbox.c.event_key).where(inbox.c.processed_at.is_(None))
    return conn.execute(waiting.offset(max(count, 1) - 1).limit(1)).first() is not None
