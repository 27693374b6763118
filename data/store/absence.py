"""Tickets that the tracker no longer shows: noted, looked for again, and kept under a tombstone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from data.store import audit
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


def seen(conn: Connection, ticket_ids: Sequence[str], now: datetime) -> None:
    """Take notes and tombstones off these tickets: the tracker shows them. Lifted tombstones are audited."""
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.missing_since.is_not(None))
        for tenant, ticket_id in _keys(conn, and_(mine, tickets.c.gone_at.is_not(None))):
            audit.record(
                conn, actor="sync", action="ticket.returned", subject=ticket_id, at=now, tenant=tenant
            )
        conn.execute(update(tickets).where(mine).values(missing_since=None, gone_at=None, gone_reason=None))


def bury(
    conn: Connection, ticket_ids: Sequence[str], reason: str, now: datetime, *, actor: str = "sync"
) -> int:
    """Believe that these tickets are gone; return how many have a tombstone that had none.

    Their history stays, a tombstone stays as it is, and every new one is audited.
    """
    missed(conn, ticket_ids, now)
    fresh = 0
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.gone_at.is_(None))
        for tenant, ticket_id in _keys(conn, mine):
            facts = {"reason": reason}
            audit.record(
                conn, actor=actor, action="ticket.gone", subject=ticket_id, at=now, tenant=tenant, facts=facts
            )
            fresh += 1
        conn.execute(update(tickets).where(mine).values(gone_at=now, gone_reason=reason))
    return fresh


def noted(conn: Connection, project: str) -> list[str]:
    """Return the ids of a project's tickets that were missed and are not buried, longest first."""
    waiting = and_(tickets.c.missing_since.is_not(None), tickets.c.gone_at.is_(None))
    query = select(tickets.c.ticket_id).where(tickets.c.project == project, waiting)
    return list(conn.execute(query.order_by(tickets.c.missing_since, tickets.c.ticket_id)).scalars())


def known(conn: Connection, project: str) -> int:
    """Return how many tickets of a project are stored and not buried; missed ones count."""
    mine = and_(tickets.c.project == project, tickets.c.gone_at.is_(None))
    return int(conn.execute(select(func.count()).select_from(tickets).where(mine)).scalar_one())


def names(conn: Connection, ticket_ids: Sequence[str]) -> list[str]:
    """Return the readable ids of these tickets, in their order; an unknown one as it is."""
    found: dict[str, str] = {}
    for some in portions(ticket_ids):
        query = select(tickets.c.ticket_id, tickets.c.readable_id).where(tickets.c.ticket_id.in_(some))
        found |= {row[0]: row[1] for row in conn.execute(query)}
    return [found.get(i, i) for i in ticket_ids]


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


def _keys(conn: Connection, condition: ColumnElement[bool]) -> list[tuple[str, str]]:
    query = select(tickets.c.tenant, tickets.c.ticket_id).where(condition).order_by(tickets.c.ticket_id)
    return [(row[0], row[1]) for row in conn.execute(query)]
