"""What people made of a ticket, read from its record: pure.

Duplicates. A ticket is *merged* when it is resolved and either links to another one as its duplicate or
is in a state that says so. What it was closed as is then no evidence of its own: the same event would
count twice, and people close duplicates without a second look at their fields. So its outcome names the
surviving ticket, its resolution is in the ledger as rejected (`duplicate`), and no dataset has it; the
surviving ticket's own closing counts. Nothing is written into it any more, except what a person orders.
When the link or the state is taken away, it is judged anew. A root cause that was written into it stays
evidence: it is nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from data.mapping import TrackerMapping
from data.outcome import Outcome
from data.ticket import Comment, TicketRecord

REVIEWED_TAG = "qa-reviewed"
ROOT_CAUSE_TAG = "l3-root-cause"
ROOT_CAUSE_HEADING = "ROOT CAUSE"


@dataclass(frozen=True, slots=True)
class DeskRules:
    """What the desk's names mean. Logins in `service_accounts` are machines."""

    state_field: str = "State"
    resolved_states: frozenset[str] = frozenset({"Resolved"})
    service_accounts: frozenset[str] = field(default_factory=lambda: frozenset({"svc-firstline"}))
    duplicate_link: str = "duplicates"
    duplicate_states: frozenset[str] = frozenset({"Duplicate"})
    names: TrackerMapping = field(default_factory=TrackerMapping)


def rules_of(mapping: TrackerMapping) -> DeskRules:
    """Return the rules that follow from the tracker's names."""
    return DeskRules(
        mapping.state,
        mapping.resolved_states,
        mapping.service_accounts,
        mapping.duplicate_link,
        mapping.duplicate_states,
        mapping,
    )


def outcome_of(record: TicketRecord, rules: DeskRules) -> Outcome | None:
    """Return the closing facts of a ticket, or `None` while it is open.

    The resolver is the author of the last change into a resolved state; where the history does not
    tell (an imported ticket), it is empty and counts as a person: nothing says it was a machine.
    """
    if record.resolved is None:
        return None
    resolver = resolver_of(record, rules)
    return Outcome(
        tenant=record.tenant,
        ticket_id=record.ticket.id,
        resolved_at=record.resolved,
        resolver=resolver,
        by_human=resolver not in rules.service_accounts,
        issue_type=record.issue_type,
        category=record.category,
        priority=record.priority,
        team=record.team,
        reopened=reopenings(record, rules),
        audited=REVIEWED_TAG in record.tags,
        root_cause=has_root_cause(record),
        merged_into=merged_into(record, rules),
    )


def merged_into(record: TicketRecord, rules: DeskRules) -> str | None:
    """Return the readable id of the ticket that a merged one is a duplicate of; `None` where it is none.

    It is empty where the state says duplicate and no link says of what. Of several the first counts.
    """
    if record.resolved is None:
        return None
    words = rules.duplicate_link.casefold()
    for link in record.links:
        if words and link.relation.casefold() == words:
            return link.target or link.target_id
    return "" if record.state in rules.duplicate_states else None


def resolver_of(record: TicketRecord, rules: DeskRules) -> str:
    """Return the login behind the last change into a resolved state, or an empty string."""
    for change in sorted(record.changes, key=lambda c: c.at, reverse=True):
        if change.field == rules.state_field and change.added in rules.resolved_states:
            return change.author
    return ""


def reopenings(record: TicketRecord, rules: DeskRules) -> int:
    """Count how often the state left a resolved value for an unresolved one."""
    states = rules.resolved_states
    return sum(
        1
        for c in record.changes
        if c.field == rules.state_field and c.removed in states and c.added not in states
    )


def has_root_cause(record: TicketRecord) -> bool:
    """Tell whether third-level support closed this with a root cause: by tag or by internal comment."""
    return ROOT_CAUSE_TAG in record.tags or any(is_root_cause(c) and not c.deleted for c in record.comments)


def is_root_cause(comment: Comment) -> bool:
    """Tell whether a comment is third-level support's root cause: internal, under the heading."""
    return comment.internal and comment.text.lstrip().startswith(ROOT_CAUSE_HEADING)
