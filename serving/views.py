"""What a caller sees of a ticket and a decision. Pure.

Staff see everything that the desk knows. A client's key sees what its requesters can see in the tracker:
no internal comment, no team, nothing that was only proposed, no probability and no reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from data.store.decisions import StoredDecision
from data.store.listing import Listed
from data.store.outbox import Operation
from data.ticket import Comment, TicketRecord
from serving.deliver import KIND

APPLIED = "apply"


def line(found: Listed, *, client: bool) -> dict[str, Any]:
    """Return one entry of the list."""
    shown = {
        "id": found.readable_id,
        "key": found.ticket_id,
        "client": found.tenant,
        "summary": found.summary,
        "country": found.country,
        "state": found.state,
        "open": found.resolved is None,
        "created": _moment(found.created),
        "updated": _moment(found.updated),
        "resolved": _moment(found.resolved),
        "issue_type": found.issue_type,
        "category": found.category,
        "priority": found.priority,
        "classified_alone": found.decision == APPLIED and found.undone_at is None,
    }
    if client:
        return shown
    return shown | {
        "project": found.project,
        "team": found.team,
        "decision": found.decision,
        "decided_at": _moment(found.decided_at),
        "gone_at": _moment(found.gone_at),
    }


def ticket(
    found: Listed,
    record: TicketRecord,
    decision: dict[str, Any] | None,
    ledger: Sequence[Mapping[str, Any]],
    explained: Sequence[str],
    *,
    client: bool,
) -> dict[str, Any]:
    """Return one ticket with its comments and the decision on it."""
    comments = [c for c in record.comments if not c.deleted and not (client and c.internal)]
    shown = {
        **line(found, client=client),
        "description": record.ticket.description,
        "lang": record.ticket.lang,
        "comments": [_comment(c, client=client) for c in comments],
        "latest_decision": decision,
    }
    if client:
        return shown
    return shown | {
        "reporter": record.reporter,
        "tags": list(record.tags),
        "ledger": [_ledger(row) for row in ledger],
        "ledger_explained": list(explained),
    }


def decision(found: Listed, stored: StoredDecision, operations: Sequence[Operation], *, client: bool) -> Any:
    """Return a decision, or `None` where this caller may not know of it."""
    d = stored.decision
    shown: dict[str, Any] = {
        "id": stored.ticket_id,
        "ticket": found.readable_id,
        "client": stored.tenant,
        "decided_at": _moment(stored.decided_at),
        "decision": d.decision,
        "issue_type": d.issue_type,
        "category": d.category,
        "undone_at": _moment(stored.undone_at),
    }
    if client:
        if d.decision != APPLIED:
            return None
        return shown | ({"priority": d.priority} if d.priority_decision == APPLIED else {})
    triage = next((op for op in operations if op.kind == KIND), None)
    return shown | {
        "priority": d.priority,
        "team": d.team,
        "priority_decision": d.priority_decision,
        "probability": d.probability,
        "priority_probability": d.priority_probability,
        "top": [{"issue_type": label, "probability": p} for label, p in d.top],
        "reason": d.reason,
        "bundle": d.bundle,
        "policy": d.policy,
        "thresholds": {} if triage is None else triage.payload.get("thresholds", {}),
        "undone_by": stored.undone_by,
        "effects": [effect(op) for op in operations],
    }


def effect(op: Operation) -> dict[str, Any]:
    """Return one effect on the tracker: what was wanted, found and left, and how it ended."""
    return {
        "id": op.op_id,
        "kind": op.kind,
        "state": op.state,
        "automatic": op.automatic,
        "attempts": op.attempts,
        "created_at": _moment(op.created_at),
        "found": op.found,
        "left": op.left,
        "outcome": op.outcome,
        "error": op.last_error,
    }


def _comment(c: Comment, *, client: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": c.id, "created": _moment(c.created), "text": c.text}
    return shown if client else shown | {"author": c.author, "internal": c.internal}


def _ledger(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("kind", "state", "reason", "dataset", "model")
    moments = {n: _moment(row[n]) for n in ("resolved_at", "recorded_at")}
    return {n: row[n] for n in names} | moments


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
