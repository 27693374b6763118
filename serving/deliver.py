"""Delivery: one decision's effect on the tracker, at least once, with the effect of once.

Fields are set to absolute values after a look at what they hold now, and a comment carries its
operation's marker, which is looked for before it is written. What a person filled in stays, and so does
what a person emptied or set back since we read the ticket: of that only the ticket's history tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from data.clock import from_millis, to_millis
from data.decision import TriageDecision
from data.labels import merged_into, rules_of
from data.mapping import TrackerMapping
from data.store import decisions, outbox, verdicts
from data.store.outbox import Operation
from data.ticket import TicketRecord
from data.youtrack.client import YouTrackClient
from serving.comment import MARKER, compose, marker
from serving.effects import restoration, undone_text

__all__ = [
    "KIND",
    "MARKER",
    "Delivered",
    "HeldBackError",
    "NotSettledError",
    "deliver",
    "deliver_fields",
    "deliver_undo",
    "enqueue",
    "operation_id",
    "plan",
]

KIND = verdicts.TRIAGE


def operation_id(ticket_id: str) -> str:
    """Return the id of the triage operation of a ticket: one per ticket, whatever happens."""
    return "t" + hashlib.sha256(f"triage {ticket_id}".encode()).hexdigest()[:12]


def enqueue(
    conn: Connection,
    record: TicketRecord,
    decision: TriageDecision,
    thresholds: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Store a decision and its intended effect in one transaction; False where the ticket has one."""
    if not decisions.save(conn, record.tenant, record.ticket.id, decision, now):
        return False
    payload = {
        "decision": asdict(decision),
        "project": record.project,
        "priority_seen": record.priority,
        "updated_seen": to_millis(record.updated),
        "thresholds": dict(thresholds),
    }
    op_id = operation_id(record.ticket.id)
    return outbox.enqueue(
        conn,
        op_id,
        record.tenant,
        record.ticket.id,
        KIND,
        payload,
        now,
        project=record.project,
        automatic=True,
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an effect left: our comment, the written fields as re-read afterwards, how it ended."""

    comment: str | None
    left: dict[str, str | None]
    outcome: str


class HeldBackError(Exception):
    """The write was not allowed right before it: the claim was lost, or automation was paused."""


class NotSettledError(Exception):
    """A comment was sent off a moment ago without an answer: whether it is there cannot be told yet."""


Allow = Callable[[Mapping[str, str | None], bool], bool]
"""Asked right before a write, with the fields as found and whether it is a comment."""


def deliver(client: YouTrackClient, operation: Operation, allow: Allow, *, settled: bool = True) -> Delivered:
    """Bring one operation's effect about. Raises `TrackerError`, `HeldBackError`, `NotSettledError`.

    `settled`: a comment sent off earlier would be visible by now.
    """
    decision = _decision(operation.payload["decision"])
    record, before = client.issue_with_fields(operation.ticket_id)
    if merged_into(record, rules_of(client.names)) is not None:  # nobody reads there any more
        return Delivered(None, {n: before.get(n) for n in operation.found or {}}, "merged")
    seen = operation.payload["priority_seen"]
    values, written, kept = plan(decision, record, seen, client.names)
    if values and (touched := _touched(client, operation, record)):
        values, written, kept = plan(decision, record, seen, client.names, touched)
    left: dict[str, str | None] = {}
    if values:
        left = write(client, operation, values, {n: before.get(n) for n in values}, allow)
    elif operation.found:  # written by an earlier attempt whose answer was lost
        left = {n: before.get(n) for n in operation.found}
    mark = marker(operation.op_id)
    said = [c.id for c in record.comments if mark in c.text and not c.deleted]
    if said:
        return Delivered(said[0], left, "delivered")
    if operation.said_at is not None and not settled:
        raise NotSettledError
    text = compose(
        decision,
        operation.op_id,
        thresholds=operation.payload["thresholds"],
        written=written,
        kept=kept,
    )
    if not allow({}, True):
        raise HeldBackError
    comment = client.add_internal_comment(operation.ticket_id, text, project=operation.payload["project"])
    return Delivered(comment, left, "delivered")


def _touched(client: YouTrackClient, operation: Operation, record: TicketRecord) -> set[str]:
    """Return the fields that a person changed since our read. Asks only where the ticket changed since."""
    seen = operation.payload.get("updated_seen")
    if seen is None or to_millis(record.updated) <= seen:
        return set()
    changes = client.history(record.ticket.id, categories=("CustomFieldCategory",), start=from_millis(seen))
    return {
        a.change.field
        for a in changes
        if a.change is not None and a.author not in client.names.service_accounts and to_millis(a.at) > seen
    }


def write(
    client: YouTrackClient,
    operation: Operation,
    values: Mapping[str, str | None],
    found: Mapping[str, str | None],
    allow: Allow,
) -> dict[str, str | None]:
    """Write fields and return what they hold then: rules of the tracker may rewrite them.

    The answer of the write tells; what it leaves out is looked up.
    """
    if not allow(found, False):
        raise HeldBackError
    now = client.update_fields(operation.ticket_id, values, project=operation.payload["project"])
    if not found.keys() <= now.keys():
        now = client.field_values(operation.ticket_id)
    return {n: now.get(n) for n in found}


def deliver_fields(client: YouTrackClient, operation: Operation, allow: Allow) -> Delivered:
    """Write what a person asked for; on a retry, what somebody changed meanwhile stays."""
    wanted: dict[str, str | None] = operation.payload["values"]
    now = client.field_values(operation.ticket_id)
    current = {n: now.get(n) for n in wanted}
    found = operation.found or current
    values = {n: v for n, v in wanted.items() if current[n] != v and current[n] == found[n]}
    if not values:
        return Delivered(None, current, "held already" if current == wanted else "kept")
    return Delivered(None, write(client, operation, values, current, allow), "written")


def deliver_undo(client: YouTrackClient, operation: Operation, done: Operation, allow: Allow) -> Delivered:
    """Put back the fields that still hold what `done` wrote, and mark its comment as taken back."""
    record, current = client.issue_with_fields(operation.ticket_id)
    if done.left is None and done.found is not None:  # ended without a second look: what was wanted counts
        done = replace(done, left=dict(verdicts.written(done.payload, client.names)))
    restored, kept = restoration(done, current)
    left = dict(current)
    if restored:
        left |= write(client, operation, restored, {n: current.get(n) for n in restored}, allow)
    again = operation.found or {}
    back = [n for n in {**again, **restored} if n not in kept]
    comment = next((c for c in record.comments if marker(done.op_id) in c.text and not c.deleted), None)
    if comment is not None:
        text = undone_text(comment.text, operation.payload["by"], operation.op_id, back, sorted(kept))
        if text != comment.text:
            client.edit_comment(operation.ticket_id, comment.id, text)
    names = sorted({*again, *restored, *kept})
    return Delivered(
        comment.id if comment else None, {n: left.get(n) for n in names}, "kept" if kept else "restored"
    )


def plan(
    decision: TriageDecision,
    record: TicketRecord,
    priority_seen: str | None,
    names: TrackerMapping,
    touched: Collection[str] = (),
) -> tuple[dict[str, str | None], list[str], dict[str, str]]:
    """Return (field values to write, fields that then hold ours, fields of others that stay).

    All in the tracker's words. A field that the desk does not have is left out.
    A field that holds something else than ours belongs to a person. Where that is the issue type, the
    person has classified the ticket and nothing is written. The priority is ours to set only while it
    is empty, or at the project's default as when we read it. What a person `touched` since we read it
    belongs to that person whatever it holds; a field left empty by a person is kept as `""`.
    """
    if decision.decision != "apply":
        return {}, [], {}
    labels = {
        "issue_type": (decision.issue_type, record.issue_type),
        "category": (decision.category, record.category),
        "team": (decision.team, record.team),
    }
    wanted = {
        names.named(n): (names.value_of(n, ours), None if current is None else names.value_of(n, current))
        for n, (ours, current) in labels.items()
        if names.named(n)
    }
    kept = {
        n: current or ""
        for n, (ours, current) in wanted.items()
        if current != ours and (current is not None or n in touched)
    }
    if names.issue_type in kept:
        return {}, [], kept
    values: dict[str, str | None] = {
        n: ours for n, (ours, current) in wanted.items() if n not in kept and current != ours
    }
    written = [n for n in wanted if n not in kept]
    if decision.priority_decision == "apply":
        untouched = record.priority is None or record.priority == priority_seen == names.default_priority
        if record.priority == decision.priority:
            written.append(names.priority)
        elif untouched and names.priority not in touched:
            values[names.priority] = names.value_of("priority", decision.priority)
            written.append(names.priority)
        else:
            kept[names.priority] = names.value_of("priority", record.priority or "")
    return values, written, kept


def _decision(body: dict[str, Any]) -> TriageDecision:
    return TriageDecision(**{**body, "top": tuple((label, p) for label, p in body["top"])})
