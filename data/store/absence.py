"""Tickets that the tracker no longer shows: noted, looked for again, and kept under a tombstone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, update

from data.store.schema import tickets
from data.store.statements import portions

NOT_FOUND, MOVED = "not_found", "moved"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A ticket that is gone from our project: since when it was missed, when and why that was believed."""

    tenant: str
    ticket_id: str
    readable_id: str
    missing_since: datetime
    gone_at: datetime
    reason: str


def missed(conn: Connection, ticket_ids: Sequence[str], now: datetime) -> None:
    """Note that the tracker did not show these tickets; an earlier note stays."""
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.missing_since.is_(None))
        conn.execute(update(tickets).where(mine).values(missing_since=now))


def seen(conn: Connection, ticket_ids: Sequence[str]) -> None:
    """Take notes and tombstones off these tickets: the tracker shows them."""
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.missing_since.is_not(None))
        conn.execute(update(tickets).where(mine).values(missing_since=None, gone_at=None, gone_reason=None))


def bury(conn: Connection, ticket_ids: Sequence[str], reason: str, now: datetime) -> None:
    """Believe that these tickets are gone; their history stays. A tombstone stays as it is."""
    missed(conn, ticket_ids, now)
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.gone_at.is_(None))
        conn.execute(update(tickets).where(mine).values(gone_at=now, gone_reason=reason))


def due(conn: Connection, before: datetime, limit: int = 100) -> list[str]:
    """Return the ids of tickets missed at `before` or earlier and not buried yet, longest first."""
    waiting = and_(tickets.c.missing_since <= before, tickets.c.gone_at.is_(None))
    query = select(tickets.c.ticket_id).where(waiting).order_by(tickets.c.missing_since, tickets.c.ticket_id)
    return list(conn.execute(query.limit(limit)).scalars())


def buried(conn: Connection, *, ticket_id: str | None = None) -> list[Tombstone]:
    """Return the tombstones, newest first; of one ticket (by either id) with `ticket_id`."""
    names = ("tenant", "ticket_id", "readable_id", "missing_since", "gone_at", "gone_reason")
    query = select(*(tickets.c[n] for n in names)).where(tickets.c.gone_at.is_not(None))
    if ticket_id is not None:
        query = query.where(or_(tickets.c.ticket_id == ticket_id, tickets.c.readable_id == ticket_id))
    rows = conn.execute(query.order_by(tickets.c.gone_at.desc(), tickets.c.ticket_id))
    return [Tombstone(*row) for row in rows]
