"""Outcomes: one row per ticket that is resolved now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select

from data.outcome import Outcome
from data.store.schema import outcomes
from data.store.statements import portions

_NAMES = tuple(f.name for f in fields(Outcome))


def replace(conn: Connection, ticket_ids: Sequence[str], found: Sequence[Outcome]) -> None:
    """Make `found` the outcomes of `ticket_ids`; those without one (open again) lose theirs."""
    for some in portions(ticket_ids):
        conn.execute(delete(outcomes).where(outcomes.c.ticket_id.in_(some)))
    if found:
        conn.execute(insert(outcomes), [asdict(o) for o in found])


def get(conn: Connection, tenant: str, ticket_id: str) -> Outcome | None:
    """Return the outcome of one ticket, or `None` while it is open."""
    mine = and_(outcomes.c.tenant == tenant, outcomes.c.ticket_id == ticket_id)
    row = conn.execute(select(outcomes).where(mine)).first()
    return None if row is None else _outcome(row)


def iterate(conn: Connection, *, by_human_only: bool = False) -> Iterator[Outcome]:
    """Yield outcomes ordered by tenant and ticket id."""
    query = select(outcomes).order_by(outcomes.c.tenant, outcomes.c.ticket_id)
    if by_human_only:
        query = query.where(outcomes.c.by_human)
    for row in conn.execute(query):
        yield _outcome(row)


def counts(conn: Connection) -> dict[str, int]:
    """Return how many outcomes there are: `resolved`, `by_human`, `audited`, `root_cause`."""
    query = select(outcomes.c.by_human, outcomes.c.audited, outcomes.c.root_cause, func.count())
    found = dict.fromkeys(("resolved", "by_human", "audited", "root_cause"), 0)
    for human, audited, cause, n in conn.execute(query.group_by(*query.selected_columns[:3])):
        found["resolved"] += n
        found["by_human"] += n * bool(human)
        found["audited"] += n * bool(audited)
        found["root_cause"] += n * bool(cause)
    return found


def _outcome(row: Row[Any]) -> Outcome:
    return Outcome(**{name: getattr(row, name) for name in _NAMES})
