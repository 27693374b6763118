"""What people said about our values on tickets, read from what they asked for and had undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from data.mapping import TrackerMapping
from data.store.schema import outbox
from data.store.statements import portions
from data.taken_back import FieldValues, Verdicts
from data.ticket import TicketRecord

TRIAGE, FIELDS, UNDO = "triage", "fields", "undo"
"""The kinds of operations: our decision's effect, what a person asked for, the way back from either."""
_LABELS = ("issue_type", "category", "team", "priority")


def of(conn: Connection, records: Sequence[TicketRecord], names: TrackerMapping) -> dict[str, Verdicts]:
    """Return the verdicts on these tickets by database id; a ticket on which nothing was undone has none."""
    found: dict[str, Verdicts] = {}
    tenants = {r.tenant for r in records}
    for some in portions([r.ticket.id for r in records]):
        mine = and_(outbox.c.tenant.in_(tenants), outbox.c.ticket_id.in_(some))
        undone = select(outbox.c.ticket_id).where(mine, outbox.c.kind == UNDO)
        by_ticket: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in conn.execute(select(outbox).where(mine, outbox.c.ticket_id.in_(undone))):
            by_ticket[row.ticket_id].append(row)
        found |= {ticket_id: _verdicts(rows, names) for ticket_id, rows in by_ticket.items()}
    return found


def _verdicts(rows: Sequence[Row[Any]], names: TrackerMapping) -> Verdicts:
    undone = {r.payload["of"]: r.created_at for r in rows if r.kind == UNDO}
    asked = [r for r in rows if r.kind == FIELDS and r.op_id not in undone]
    return Verdicts(
        [(undone[r.op_id], written(r.payload, names)) for r in rows if r.op_id in undone],
        [(r.created_at, written(r.payload, names)) for r in asked],
    )


def written(payload: Mapping[str, Any], names: TrackerMapping) -> FieldValues:
    """Return what an operation is meant to write, by the tracker's names."""
    if "values" in payload:
        return dict(payload["values"])
    body = payload.get("decision", {})
    return {names.named(n): names.value_of(n, body[n]) for n in _LABELS if names.named(n) and body.get(n)}
