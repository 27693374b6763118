"""What people ask for: fields to be written, our own delivery to be taken back.

Both become operations in the outbox, in the caller's transaction; the worker delivers them. The kill
switch does not hold them back: it is there for what no person asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from data.errors import BadInputError
from data.intake import desk_of, judge
from data.mapping import TrackerMapping
from data.store import alerts, audit, decisions, outbox, tickets, verdicts
from data.store.leases import DONE
from data.store.outbox import Operation
from data.ticket import TicketRecord

FIELDS, UNDO = verdicts.FIELDS, verdicts.UNDO
GIVEN_UP = "delivery_given_up"
"""The kind of alert on an operation that was given up; its subject is the operation's id."""


def enqueue_fields(
    conn: Connection,
    tenant: str,
    ticket_id: str,
    values: Mapping[str, str | None],
    *,
    actor: str,
    now: datetime,
) -> str:
    """Have these fields written (by the tracker's names; `None` clears) and return the operation's id.

    Raises `BadInputError` for a ticket that the tenant does not have.
    """
    project = _record_of(conn, tenant, ticket_id).project
    op_id = _op_id(FIELDS, ticket_id, now.isoformat(), *(f"{n}={v}" for n, v in sorted(values.items())))
    payload = {"values": dict(values), "project": project, "by": actor}
    if outbox.enqueue(conn, op_id, tenant, ticket_id, FIELDS, payload, now, project=project):
        _note(conn, actor, "fields.requested", tenant, ticket_id, op_id, now)
    return op_id


def request_undo(
    conn: Connection,
    tenant: str,
    ticket_id: str,
    *,
    actor: str,
    now: datetime,
    names: TrackerMapping | None = None,
) -> str:
    """Have our latest delivery on a ticket that still stands taken back; return the operation's id.

    Fields that still hold what we wrote get back what they held; our comment is marked. What waits
    undelivered, or was given up, is withdrawn. Asking again takes back the delivery before; once none
    stands it changes nothing and gives the last id. A ticket that closed with what is taken back teaches
    nothing from now on. Raises `BadInputError` where nothing was delivered.
    """
    record = _record_of(conn, tenant, ticket_id)
    known = outbox.of_ticket(conn, tenant, ticket_id)
    ours = standing(known)
    if not ours:
        undone = [op.op_id for op in known if op.kind == UNDO]
        if undone:
            return undone[-1]
        raise BadInputError(
            "Firstline has delivered nothing on this ticket.", remedy="There is nothing to undo."
        )
    last = ours[-1]
    drop(conn, last, now)
    decisions.mark_undone(conn, tenant, ticket_id, actor, now)
    op_id = _op_id(UNDO, last.op_id)
    payload = {"of": last.op_id, "project": record.project, "by": actor}
    outbox.enqueue(conn, op_id, tenant, ticket_id, UNDO, payload, now, project=record.project)
    _note(conn, actor, "undo.requested", tenant, ticket_id, op_id, now)
    judge(conn, [record], now, desk_of(names or TrackerMapping()))
    return op_id


def standing(known: Sequence[Operation]) -> list[Operation]:
    """Return a ticket's deliveries that nobody took back, oldest first.

    What ended without a trace in the ticket (every field held it already) is none.
    """
    taken_back = {op.payload["of"] for op in known if op.kind == UNDO}
    return [op for op in known if op.kind != UNDO and op.op_id not in taken_back and not _traceless(op)]


def _traceless(op: Operation) -> bool:
    return op.state == DONE and op.found is None and op.remote_id is None


def drop(conn: Connection, operation: Operation, now: datetime) -> bool:
    """Give up for good what waits or was given up; False where it is being sent or done. Ends its alert."""
    alerts.close(conn, GIVEN_UP, operation.op_id, now)
    return outbox.withdraw(conn, operation.op_id, now)


def restoration(
    done: Operation, current: Mapping[str, str | None]
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Return (what to write to undo `done`, fields that stay because a person changed them since)."""
    found, left = done.found or {}, done.left or {}
    restored: dict[str, str | None] = {}
    kept: dict[str, str | None] = {}
    for name, before in found.items():
        now = current.get(name)
        if now == before:
            continue
        if name in left and now == left[name]:
            restored[name] = before
        else:
            kept[name] = now
    return restored, kept


def undone_text(text: str, actor: str, op_id: str, restored: Collection[str], kept: Collection[str]) -> str:
    """Return our comment with a heading that says it was taken back. Marking twice changes nothing."""
    mark = f"firstline:undo={op_id}"
    if mark in text:
        return text
    who = actor.partition(":")[2] or actor
    fields = f" Put back: {', '.join(restored)}." if restored else " No field was changed."
    stay = f" Left as they are, because changed since: {', '.join(kept)}." if kept else ""
    return f"**Undone by {who}.**{fields}{stay} `{mark}`\n\n{text}"


def _record_of(conn: Connection, tenant: str, ticket_id: str) -> TicketRecord:
    record = tickets.get(conn, tenant, ticket_id)
    if record is None:
        raise BadInputError("There is no such ticket.", remedy="Give the id of a ticket in the store.")
    return record


def _op_id(kind: str, *parts: str) -> str:
    return kind[0] + hashlib.sha256(" ".join((kind, *parts)).encode()).hexdigest()[:12]


def _note(
    conn: Connection, actor: str, action: str, tenant: str, ticket_id: str, op_id: str, now: datetime
) -> None:
    facts = {"operation": op_id}
    audit.record(conn, actor=actor, action=action, subject=ticket_id, at=now, tenant=tenant, facts=facts)
