"""What people did with suggestions: one row per order, so that the same order counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select

from data.store.feedback_table import feedback
from data.store.statements import one_writer


@dataclass(frozen=True, slots=True)
class Feedback:
    """One order of a person. `fields`: what they chose, by our names; `effect`: its operation, if any."""

    operation: str
    ticket_id: str
    action: str
    fields: dict[str, str]
    request_hash: str
    effect: str | None
    actor: str
    at: datetime


def take_turns(conn: Connection) -> None:
    """Let transactions that look at feedback and then add to it come one after the other."""
    one_writer(conn, feedback)


def find(conn: Connection, tenant: str, operation: str) -> Feedback | None:
    """Return the order with this key, or `None`."""
    mine = and_(feedback.c.tenant == tenant, feedback.c.operation == operation)
    row = conn.execute(select(feedback).where(mine)).first()
    return None if row is None else _feedback(row)


def of_ticket(conn: Connection, tenant: str, ticket_id: str) -> list[Feedback]:
    """Return what was done about one ticket, oldest first."""
    mine = and_(feedback.c.tenant == tenant, feedback.c.ticket_id == ticket_id)
    query = select(feedback).where(mine).order_by(feedback.c.at, feedback.c.operation)
    return [_feedback(row) for row in conn.execute(query)]


def add(
    conn: Connection,
    tenant: str,
    ticket_id: str,
    *,
    operation: str,
    action: str,
    fields: Mapping[str, str],
    request_hash: str,
    effect: str | None,
    actor: str,
    at: datetime,
) -> None:
    """Keep an order; the ticket must be stored and the key new (`take_turns`, then `find`)."""
    row = {
        "tenant": tenant,
        "operation": operation,
        "ticket_id": ticket_id,
        "action": action,
        "fields": dict(fields),
        "request_hash": request_hash,
        "effect": effect,
        "actor": actor,
        "at": at,
    }
    conn.execute(insert(feedback).values(row))


def _feedback(row: Row[Any]) -> Feedback:
    return Feedback(
        operation=row.operation,
        ticket_id=row.ticket_id,
        action=row.action,
        fields=dict(row.fields),
        request_hash=row.request_hash,
        effect=row.effect,
        actor=row.actor,
        at=row.at,
    )
