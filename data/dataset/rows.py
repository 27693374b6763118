"""From stored tickets to rows: which tickets teach, and what of them is kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from data.dataset.masking import masked
from data.labels import DeskRules, outcome_of
from data.ledger import DUPLICATE, EMPTY_TEXT, NOT_BY_HUMAN, TAKEN_BACK, rejection
from data.outcome import Outcome
from data.redact.redactor import Redactor
from data.tasks.categorize import render
from data.taxonomy import PRIORITIES, Taxonomy
from data.ticket import TicketRecord

UNRESOLVED = "unresolved"
UNKNOWN_PRIORITY = "unknown_priority"
NOT_BEFORE_CUT = "resolved_after_cut"
FAMILY_CAP = "family_cap"
BESIDE_AUDITED = "beside_audited"

REASONS: Mapping[str, str] = {
    UNRESOLVED: "nobody has resolved the ticket yet",
    NOT_BEFORE_CUT: "resolved at or after the moment asked for",
    NOT_BY_HUMAN: "a service account resolved it: our own output is no label",
    EMPTY_TEXT: "no text is left to read",
    TAKEN_BACK: "closed with a label of ours that a person had taken back",
    "no_issue_type": "the issue type was left empty",
    "unknown_issue_type": "the issue type is not in the taxonomy",
    "no_priority": "the priority was left empty",
    UNKNOWN_PRIORITY: "the priority is none of the four",
    DUPLICATE: "a duplicate of another ticket, whose own closing counts",
    FAMILY_CAP: "more copies of this text family than training may hold",
    BESIDE_AUDITED: "a near-duplicate of an audited ticket, but not audited itself",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One ticket as the model will learn it. Texts are redacted; `text` is what the model reads."""

    ticket_id: str
    client: str
    country: str | None
    lang: str | None
    text: str
    summary: str
    description: str
    issue_type: str
    priority: str
    category: str
    team: str
    audited: bool
    resolved_at: datetime
    weight: float = 1.0
    family: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row before it is grouped, with the text that near-duplicates share."""

    row: Row
    masked: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A stored ticket that is not in the dataset, and why (a key of `REASONS`)."""

    ticket_id: str
    reason: str


def rows_from(
    records: Iterable[TicketRecord],
    *,
    taxonomy: Taxonomy,
    redactor_of: Callable[[str], Redactor],
    before: datetime | None = None,
    rules: DeskRules | None = None,
    taken_back: Collection[str] = (),
) -> tuple[list[Candidate], list[Exclusion]]:
    """Return what can be learnt from `records`, and what cannot, with the reason.

    `redactor_of(tenant)` gives the redactor with that tenant's directory; `before` keeps only what was
    resolved strictly before that moment. `taken_back` are ids of tickets that hold a label of ours which a
    person took back.
    """
    candidates: list[Candidate] = []
    exclusions: list[Exclusion] = []
    labels = frozenset(taxonomy.labels)
    rules = rules or DeskRules()
    for record in records:
        outcome = outcome_of(record, rules)
        reason = _unfit(record, outcome, labels, before, record.ticket.id in taken_back)
        if outcome is None or reason is not None:
            exclusions.append(Exclusion(record.ticket.id, reason or UNRESOLVED))
            continue
        candidate = _candidate(record, outcome, taxonomy, redactor_of(record.tenant))
        if candidate.row.text:
            candidates.append(candidate)
        else:
            exclusions.append(Exclusion(record.ticket.id, EMPTY_TEXT))
    return candidates, exclusions


def _unfit(
    record: TicketRecord,
    outcome: Outcome | None,
    labels: frozenset[str],
    before: datetime | None,
    taken_back: bool,
) -> str | None:
    if outcome is None:
        return UNRESOLVED
    if before is not None and outcome.resolved_at >= before:
        return NOT_BEFORE_CUT
    if not outcome.by_human:
        return NOT_BY_HUMAN
    reason = rejection(record, outcome, labels, taken_back=taken_back)
    if reason is None and outcome.priority not in PRIORITIES:
        return UNKNOWN_PRIORITY
    return reason


def _candidate(record: TicketRecord, outcome: Outcome, taxonomy: Taxonomy, redactor: Redactor) -> Candidate:
    ticket, in_summary, in_description = redactor.redact_ticket(record.ticket)
    issue_type, priority = str(outcome.issue_type), str(outcome.priority)
    row = Row(
        ticket_id=ticket.id,
        client=record.tenant,
        country=ticket.country,
        lang=ticket.lang,
        text=render(ticket),
        summary=ticket.summary,
        description=ticket.description,
        issue_type=issue_type,
        priority=priority,
        # The category follows from the issue type; the tracker's own field may lag behind a correction.
        category=taxonomy.category_of(issue_type),
        team=outcome.team or taxonomy.team_of(issue_type),
        audited=outcome.audited,
        resolved_at=outcome.resolved_at,
    )
    parts = (masked(record.ticket.summary, in_summary), masked(record.ticket.description, in_description))
    return Candidate(row, "\n".join(parts))
