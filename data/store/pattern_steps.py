"""What patterns asked, did and took back on tickets. A step is begun before it is done, and once only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select, update

from data.store.pattern_table import pattern_steps
from data.store.statements import insert_new


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one pattern on one ticket. `facts` hold no words of the requester."""

    tenant: str
    ticket_id: str
    pattern: str
    step: str
    state: str
    facts: Mapping[str, Any]
    at: datetime


def begin(conn: Connection, step: Step) -> bool:
    """Keep a step that was not there; False, changing nothing, where it was. The ticket must be stored."""
    row = {
        "tenant": step.tenant,
        "ticket_id": step.ticket_id,
        "pattern": step.pattern,
        "step": step.step,
        "state": step.state,
        "facts": dict(step.facts),
        "at": step.at,
    }
    return insert_new(conn, pattern_steps, row)


def move(conn: Connection, step: Step, state: str, facts: Mapping[str, Any] | None = None) -> bool:
    """Give a step another state, and facts besides; False where it is not in the state of `step` any more."""
    mine = and_(
        pattern_steps.c.tenant == step.tenant,
        pattern_steps.c.ticket_id == step.ticket_id,
        pattern_steps.c.pattern == step.pattern,
        pattern_steps.c.step == step.step,
        pattern_steps.c.state == step.state,
    )
    values = {"state": state, "facts": {**step.facts, **(facts or {})}}
    return conn.execute(update(pattern_steps).where(mine).values(values)).rowcount == 1


def take_over(conn: Connection, step: Step, now: datetime) -> bool:
    """Make an unfinished step ours from now on; False where another has done so meanwhile."""
    mine = and_(
        pattern_steps.c.tenant == step.tenant,
        pattern_steps.c.ticket_id == step.ticket_id,
        pattern_steps.c.pattern == step.pattern,
        pattern_steps.c.step == step.step,
        pattern_steps.c.state == step.state,
        pattern_steps.c.at == step.at,
    )
    return conn.execute(update(pattern_steps).where(mine).values(at=now)).rowcount == 1


def of_ticket(conn: Connection, tenant: str, ticket_id: str) -> list[Step]:
    """Return the steps on one ticket, oldest first."""
    mine = and_(pattern_steps.c.tenant == tenant, pattern_steps.c.ticket_id == ticket_id)
    query = select(pattern_steps).where(mine).order_by(pattern_steps.c.at, pattern_steps.c.step)
    return [
        Step(r.tenant, r.ticket_id, r.pattern, r.step, r.state, dict(r.facts), r.at)
        for r in conn.execute(query)
    ]
