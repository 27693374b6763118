"""Triage decisions: the first decision on a ticket stands, so that it takes effect once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update

from data.decision import TriageDecision
from data.store import tickets as ticket_rows
from data.store.schema import decisions, tickets
from data.store.statements import insert_new
from data.ticket import TicketRecord


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with whose ticket it was and when it was made."""

    tenant: str
    ticket_id: str
    decided_at: datetime
    decision: TriageDecision
    undone_at: datetime | None = None
    undone_by: str | None = None


_COLUMNS = (
    "decision",
    "priority_decision",
    "issue_type",
    "category",
    "priority",
    "team",
    "probability",
    "priority_probability",
    "bundle",
    "policy",
)


def save(
    conn: Connection, tenant: str, ticket_id: str, decision: TriageDecision, decided_at: datetime
) -> bool:
    """Store a decision; return False, changing nothing, where the ticket already has one.

    The ticket must be stored. Enqueue its effects in the same transaction, and only on True.
    """
    facts = {name: getattr(decision, name) for name in _COLUMNS}
    key = {"tenant": tenant, "ticket_id": ticket_id, "decided_at": decided_at}
    return insert_new(conn, decisions, {**key, **facts, "body": asdict(decision)})


def get(conn: Connection, tenant: str, ticket_id: str) -> StoredDecision | None:
    """Return the decision on one ticket, or `None`."""
    mine = and_(decisions.c.tenant == tenant, decisions.c.ticket_id == ticket_id)
    row = conn.execute(select(decisions).where(mine)).first()
    return None if row is None else _stored(row)


def mark_undone(conn: Connection, tenant: str, ticket_id: str, actor: str, now: datetime) -> bool:
    """Note that a person took the decision back; False where it was before, or there is none.

    The decision stays, so the ticket is not triaged again.
    """
    mine = and_(decisions.c.tenant == tenant, decisions.c.ticket_id == ticket_id)
    open_ = update(decisions).where(mine, decisions.c.undone_at.is_(None))
    return conn.execute(open_.values(undone_at=now, undone_by=actor)).rowcount == 1


def iterate(conn: Connection, *, since: datetime | None = None) -> Iterator[StoredDecision]:
    """Yield decisions, oldest first, from `since` on."""
    query = select(decisions).order_by(decisions.c.decided_at, decisions.c.tenant, decisions.c.ticket_id)
    if since is not None:
        query = query.where(decisions.c.decided_at >= since)
    for row in conn.execute(query):
        yield _stored(row)


def untriaged(conn: Connection, limit: int) -> list[TicketRecord]:
    """Return up to `limit` new arrivals, oldest first: open, issue type empty, no decision yet."""
    waiting = and_(
        tickets.c.resolved.is_(None),
        tickets.c.issue_type.is_(None),
        tickets.c.gone_at.is_(None),
        decisions.c.ticket_id.is_(None),
    )
    query = select(tickets.c.ticket_id).select_from(tickets.outerjoin(decisions)).where(waiting)
    ids = conn.execute(query.order_by(tickets.c.created, tickets.c.ticket_id).limit(limit)).scalars().all()
    return ticket_rows.find_all(conn, ids)


def counts(conn: Connection) -> dict[str, int]:
    """Return how many decisions there are per kind (`apply`, `suggest`, `abstain`)."""
    found = dict.fromkeys(("apply", "suggest", "abstain"), 0)
    for kind, n in conn.execute(select(decisions.c.decision, func.count()).group_by(decisions.c.decision)):
        found[kind] = n
    return found


def _stored(row: Row[Any]) -> StoredDecision:
    body = dict(row.body)
    body["top"] = tuple((label, p) for label, p in body["top"])
    return StoredDecision(
        row.tenant, row.ticket_id, row.decided_at, TriageDecision(**body), row.undone_at, row.undone_by
    )
