"""Delivery: one decision's effect on the tracker, at least once, with the effect of once.

Fields are set to absolute values after a look at what they hold now, and a comment carries its
operation's marker, which is looked for before it is written. What a person filled in stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from data.decision import TriageDecision
from data.mapping import TrackerMapping
from data.store import decisions, outbox
from data.store.outbox import Operation
from data.ticket import TicketRecord
from data.youtrack.client import YouTrackClient
from serving.comment import MARKER, compose, marker

__all__ = ["KIND", "MARKER", "deliver", "enqueue", "operation_id", "plan"]

KIND = "triage"


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
        "thresholds": dict(thresholds),
    }
    op_id = operation_id(record.ticket.id)
    return outbox.enqueue(conn, op_id, record.tenant, record.ticket.id, KIND, payload, now)


def deliver(client: YouTrackClient, operation: Operation) -> str:
    """Bring one operation's effect about and return the id of its comment. Raises `TrackerError`."""
    decision = _decision(operation.payload["decision"])
    record = client.issue(operation.ticket_id)
    values, written, kept = plan(decision, record, operation.payload["priority_seen"], client.names)
    if values:
        client.update_fields(operation.ticket_id, values, project=operation.payload["project"])
    mark = marker(operation.op_id)
    said = [c.id for c in record.comments if mark in c.text and not c.deleted]
    if said:
        return said[0]
    text = compose(
        decision,
        operation.op_id,
        thresholds=operation.payload["thresholds"],
        written=written,
        kept=kept,
    )
    return client.add_internal_comment(operation.ticket_id, text, project=operation.payload["project"])


def plan(
    decision: TriageDecision, record: TicketRecord, priority_seen: str | None, names: TrackerMapping
) -> tuple[dict[str, str | None], list[str], dict[str, str]]:
    """Return (field values to write, fields that then hold ours, fields of others that stay).

    All in the tracker's words. A field that the desk does not have is left out.
    A field that holds something else than ours belongs to a person. Where that is the issue type, the
    person has classified the ticket and nothing is written. The priority is ours to set only while it
    is empty, or at the project's default as when we read it.
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
    kept = {n: current for n, (ours, current) in wanted.items() if current is not None and current != ours}
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
        elif untouched:
            values[names.priority] = names.value_of("priority", decision.priority)
            written.append(names.priority)
        else:
            kept[names.priority] = names.value_of("priority", record.priority or "")
    return values, written, kept


def _decision(body: dict[str, Any]) -> TriageDecision:
    return TriageDecision(**{**body, "top": tuple((label, p) for label, p in body["top"])})
