"""The ledger's rules: which closings are recorded, and which of them can be learnt from. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from data.outcome import Outcome
from data.ticket import TicketRecord

RESOLUTION, ROOT_CAUSE = "resolution", "root_cause"
CANDIDATE, REJECTED, TRAINED_IN = "candidate", "rejected", "trained_in"

EMPTY_TEXT = "empty_text"
NO_ISSUE_TYPE = "no_issue_type"
UNKNOWN_ISSUE_TYPE = "unknown_issue_type"
NO_PRIORITY = "no_priority"
REOPENED = "reopened"
NOT_BY_HUMAN = "not_by_human"
NO_ROOT_CAUSE = "no_root_cause"
DUPLICATE = "duplicate"
TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row: `state` is candidate, rejected (with `reason`) or trained_in (`dataset`, `model`)."""

    tenant: str
    ticket_id: str
    kind: str
    state: str
    reason: str | None
    resolved_at: datetime
    dataset: str | None = None
    model: str | None = None


def entries_of(
    record: TicketRecord, outcome: Outcome | None, issue_types: Collection[str], *, taken_back: bool = False
) -> list[LedgerEntry]:
    """Return the rows a ticket must have: none while open, one per kind of closing otherwise.

    `issue_types` are the labels that can be learnt (the taxonomy's, with `out_of_scope`). `taken_back`:
    it closed with a label of ours that a person had undone.
    """
    if outcome is None:
        return []
    kinds = [RESOLUTION] * outcome.by_human + [ROOT_CAUSE] * outcome.root_cause
    entries = []
    for kind in kinds:
        reason = _textless(record)
        if kind == RESOLUTION:
            reason = rejection(record, outcome, issue_types, taken_back=taken_back)
        entries.append(
            LedgerEntry(
                tenant=outcome.tenant,
                ticket_id=outcome.ticket_id,
                kind=kind,
                state=REJECTED if reason else CANDIDATE,
                reason=reason,
                resolved_at=outcome.resolved_at,
            )
        )
    return entries


def rejection(
    record: TicketRecord, outcome: Outcome, issue_types: Collection[str], *, taken_back: bool = False
) -> str | None:
    """Say why nothing can be learnt from a resolution, or `None`."""
    if outcome.merged_into is not None:
        return DUPLICATE
    if _textless(record):
        return EMPTY_TEXT
    if outcome.issue_type is None:
        return NO_ISSUE_TYPE
    if outcome.issue_type not in issue_types:
        return UNKNOWN_ISSUE_TYPE
    if outcome.priority is None:
        return NO_PRIORITY
    return TAKEN_BACK if taken_back else None


def _textless(record: TicketRecord) -> str | None:
    words = record.ticket.summary.strip() or record.ticket.description.strip()
    return None if words else EMPTY_TEXT
