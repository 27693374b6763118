"""Tickets as a list: newest first, page by page, with what was decided on each.

A page goes on after a (created, ticket) position, so tickets that come in meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from data.store.schema import decisions, ledger, tickets

UNDECIDED = "none"
DECISIONS = ("apply", "suggest", "abstain", UNDECIDED)
Position = tuple[datetime, str]
"""When a ticket was created, and its database id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is listed. `None`: whatever; `since`: changed at that moment or later; `gone`: also what is.

    `decision` is one of `DECISIONS`; `state` is the tracker's own word.
    """

    open: bool | None = None
    state: str | None = None
    since: datetime | None = None
    decision: str | None = None
    gone: bool = True


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    tenant: str
    ticket_id: str
    readable_id: str
    project: str
    summary: str
    country: str | None
    state: str
    created: datetime
    updated: datetime
    resolved: datetime | None
    issue_type: str | None
    category: str | None
    priority: str | None
    team: str | None
    gone_at: datetime | None
    decision: str | None
    decided_at: datetime | None
    undone_at: datetime | None

    @property
    def position(self) -> Position:
        return self.created, self.ticket_id


_TICKET = Listed.__match_args__[:15]
_DECISION = Listed.__match_args__[15:]


def page(
    conn: Connection, tenant: str | None, wanted: Wanted, after: Position | None, limit: int
) -> list[Listed]:
    """Return up to `limit` tickets of one tenant, or of all (`None`), newest first."""
    key = (tickets.c.created, tickets.c.ticket_id)
    query = _query(tenant).where(*_conditions(wanted)).order_by(key[0].desc(), key[1].desc())
    if after is not None:
        at, ticket_id = after
        query = query.where(or_(key[0] < at, and_(key[0] == at, key[1] < ticket_id)))
    return [_listed(row) for row in conn.execute(query.limit(limit))]


def find(conn: Connection, tenant: str | None, ticket_id: str, *, gone: bool = True) -> Listed | None:
    """Return the line of one ticket, by database id or readable id; `gone`: also where it is."""
    named = or_(tickets.c.ticket_id == ticket_id, tickets.c.readable_id == ticket_id)
    row = conn.execute(_query(tenant).where(named, *_conditions(Wanted(gone=gone)))).first()
    return None if row is None else _listed(row)


def ledger_rows(conn: Connection, tenant: str, ticket_id: str) -> Sequence[dict[str, Any]]:
    """Return the ledger rows of one ticket of one tenant, by database id, with all their facts."""
    mine = and_(ledger.c.tenant == tenant, ledger.c.ticket_id == ticket_id)
    return [dict(r) for r in conn.execute(select(ledger).where(mine).order_by(ledger.c.kind)).mappings()]


def _query(tenant: str | None) -> Any:
    columns = [tickets.c[n] for n in _TICKET] + [decisions.c[n] for n in _DECISION]
    query = select(*columns).select_from(tickets.outerjoin(decisions))
    return query if tenant is None else query.where(tickets.c.tenant == tenant)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.open is not None:
        done = tickets.c.resolved
        found.append(done.is_(None) if wanted.open else done.is_not(None))
    if wanted.state is not None:
        found.append(tickets.c.state == wanted.state)
    if wanted.since is not None:
        found.append(tickets.c.updated >= wanted.since)
    if wanted.decision == UNDECIDED:
        found.append(decisions.c.ticket_id.is_(None))
    elif wanted.decision is not None:
        found.append(decisions.c.decision == wanted.decision)
    if not wanted.gone:
        found.append(tickets.c.gone_at.is_(None))
    return found


def _listed(row: Row[Any]) -> Listed:
    return Listed(**row._mapping)
