"""Why a ticket is in the ledger as it is, or is not in it: in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data import ledger as rules
from data.outcome import Outcome
from data.ticket import TicketRecord

_REASONS = {
    rules.EMPTY_TEXT: "it has neither summary nor description",
    rules.NO_ISSUE_TYPE: "it was closed without an issue type",
    rules.UNKNOWN_ISSUE_TYPE: "it was closed with an issue type that the taxonomy does not have",
    rules.NO_PRIORITY: "it was closed without a priority",
    rules.REOPENED: "it was opened again",
    rules.NOT_BY_HUMAN: "the last time it was closed by a service account, not by a person",
    rules.NO_ROOT_CAUSE: "it no longer carries a root cause",
    rules.DUPLICATE: "it is a duplicate: the surviving ticket's own closing counts, not this one",
    rules.TAKEN_BACK: "it was closed with a label of ours that a person had taken back",
}
_KINDS = {rules.RESOLUTION: "resolution", rules.ROOT_CAUSE: "root-cause closure"}


def explain(record: TicketRecord, outcome: Outcome | None, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return sentences: the facts, then one per row, then why an expected kind has none."""
    lines = [_facts(record, outcome)]
    lines += [_row(row) for row in rows]
    have = {row["kind"] for row in rows}
    if outcome is None:
        lines += [] if have else ["No row: a ticket gets one when it is resolved."]
        return lines
    if rules.RESOLUTION not in have:
        lines.append(
            "MISSING: a person resolved it, and its resolution has no row. Run `firstline reconcile`."
            if outcome.by_human
            else f"No resolution row: {outcome.resolver} is a service account, and we do not learn from us."
        )
    if rules.ROOT_CAUSE not in have:
        lines.append(
            "MISSING: it was closed with a root cause that has no row. Run `firstline reconcile`."
            if outcome.root_cause
            else "No root-cause row: it has no root-cause tag and no internal root-cause comment."
        )
    return lines


def _facts(record: TicketRecord, outcome: Outcome | None) -> str:
    name = f"{record.readable_id} ({record.ticket.id}, client {record.tenant})"
    if outcome is None:
        state = "resolved, but never judged: run `firstline reconcile`" if record.resolved else "open"
        return f"{name} is {state}."
    merged = f" It is a duplicate of {outcome.merged_into}." if outcome.merged_into else ""
    who = outcome.resolver or "somebody the history does not name (counted as a person)"
    return (
        f"{name} was resolved at {outcome.resolved_at.isoformat()} by {who}, as "
        f"{outcome.issue_type or 'no issue type'} with priority {outcome.priority or 'none'}; "
        f"reopened {outcome.reopened} times, {'' if outcome.audited else 'not '}reviewed.{merged}"
    )


def _row(row: Mapping[str, Any]) -> str:
    kind, state = _KINDS[row["kind"]], row["state"]
    if state == rules.REJECTED:
        why = f"rejected because {_REASONS.get(row['reason'], row['reason'])}"
    elif state == rules.TRAINED_IN:
        why = f"trained in: dataset {row['dataset']}, model {row['model']}"
    else:
        why = "a candidate: it can be learnt from with the next dataset"
    when = f"recorded {row['recorded_at'].isoformat()}, last changed {row['changed_at'].isoformat()}"
    return f"The {kind} is {why} ({when})."
