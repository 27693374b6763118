"""What the desk answered: closing texts that say, in the desk's own words, what a ticket was about. Pure.

Agents answer alike tickets alike, so a few replies and root causes per issue type tell a model much that
requesters leave unsaid (`eval/LOG.md` has what it is worth). Only what people of the desk wrote on training
tickets counts, and only a text whose near-duplicates mostly closed one issue type: "Handled on the phone"
teaches nothing. Other internal notes stay out: they brought nothing more, and hold what nobody else should
read.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from data.dataset.families import families
from data.dataset.masking import masked
from data.dataset.rows import Row
from data.dataset.splits import TRAIN
from data.labels import DeskRules, is_root_cause
from data.redact.redactor import Redactor
from data.tasks.categorize import render
from data.ticket import Comment, Ticket, TicketRecord

REPLY, ROOT_CAUSE = "reply", "root_cause"
TICKETS_PER_TYPE = 40
"""Tickets whose replies are read, per issue type: redaction costs, and answers repeat. Root causes are
all read."""
ANSWERS_PER_TYPE = 8
LEAST_SHARE = 0.6
"""Least share (0..1) of the tickets closed with a text that must be of one issue type."""
_LEAST_CHARS, _MOST_CHARS = 40, 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """One text of the desk, redacted. `tickets`: how many of those read were closed with a copy of it."""

    ticket_id: str
    kind: str
    text: str
    issue_type: str
    tickets: int


@dataclass(frozen=True, slots=True)
class _Said:
    row: Row
    kind: str
    text: str
    masked: str


def of_the_desk(record: TicketRecord, rules: DeskRules | None = None) -> tuple[Comment, ...]:
    """Return the replies and root causes on a ticket that people of the desk wrote."""
    machines = (rules or DeskRules()).service_accounts
    return tuple(
        c
        for c in record.comments
        if not c.deleted
        and c.author != record.reporter
        and c.author not in machines
        and (not c.internal or is_root_cause(c))
        and len(c.text.strip()) >= _LEAST_CHARS
    )


def answers_of(
    records: Iterable[TicketRecord],
    rows: Sequence[Row],
    redactor_of: Callable[[str], Redactor],
    rules: DeskRules | None = None,
) -> list[Answer]:
    """Return at most `ANSWERS_PER_TYPE` answers per issue type, most used first, ordered by issue type.

    `rows` are the dataset's; only its training tickets among `records` are read. The same facts give the
    same answers, whatever the order of `records`.
    """
    teaching = {row.ticket_id: row for row in rows if row.split == TRAIN}
    chosen = _with_replies(teaching.values())
    said: list[_Said] = []
    for record in records:
        if (row := teaching.get(record.ticket.id)) is not None:
            comments = [c for c in of_the_desk(record, rules) if is_root_cause(c) or row.ticket_id in chosen]
            said += _said(record, comments, row, redactor_of(record.tenant))
    said.sort(key=lambda s: (s.row.ticket_id, s.kind, s.text))
    groups: dict[str, list[_Said]] = defaultdict(list)
    for one, family in zip(said, families([s.masked for s in said]), strict=True):
        groups[family].append(one)
    by_type: dict[str, list[Answer]] = defaultdict(list)
    for group in groups.values():
        if (answer := _agreed(group)) is not None:
            by_type[answer.issue_type].append(answer)
    found: list[Answer] = []
    for _, answers in sorted(by_type.items()):
        answers.sort(key=lambda a: (-a.tickets, a.ticket_id, a.kind, a.text))
        found += answers[:ANSWERS_PER_TYPE]
    return found


def _with_replies(rows: Iterable[Row]) -> frozenset[str]:
    by_type: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_type[row.issue_type].append(row)
    chosen = (sorted(some, key=_by_chance)[:TICKETS_PER_TYPE] for some in by_type.values())
    return frozenset(row.ticket_id for some in chosen for row in some)


def _by_chance(row: Row) -> bytes:
    return hashlib.sha256(f"answers:{row.ticket_id}".encode()).digest()


def _said(record: TicketRecord, comments: Iterable[Comment], row: Row, redactor: Redactor) -> Iterable[_Said]:
    ticket = record.ticket
    for comment in comments:
        original = comment.text[:_MOST_CHARS]
        redaction = redactor.redact(
            original, country=ticket.country, beside=(ticket.summary, ticket.description)
        )
        text = render(Ticket(ticket.id, "", redaction.text))
        if text:
            kind = ROOT_CAUSE if is_root_cause(comment) else REPLY
            yield _Said(row, kind, text, masked(original, redaction))


def _agreed(group: Sequence[_Said]) -> Answer | None:
    """Return the group as one answer, or `None` where its tickets do not agree on an issue type."""
    votes = Counter({s.row.ticket_id: s.row.issue_type for s in group}.values())
    issue_type, count = min(votes.items(), key=lambda v: (-v[1], v[0]))
    if count < LEAST_SHARE * votes.total():
        return None
    first = next(s for s in group if s.row.issue_type == issue_type)
    return Answer(first.row.ticket_id, first.kind, first.text, issue_type, votes.total())
