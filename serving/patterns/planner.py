"""What comes next for a ticket: look something up, ask one question, act and answer, draft, or hand over.

Pure. `Act` is the only step with effects or a close, and it cannot be made for an issue type that people
handle, nor from a pattern that is not approved for running alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.taxonomy import Handling, Taxonomy
from kb.actions import AUTOMATIC, Alone, ForAPerson, Prepare
from kb.article import Article
from kb.pattern import Pattern
from serving.patterns.case import Case, Look, Seen
from serving.patterns.checking import Candidate, examine, in_scope
from serving.patterns.reply import Reply, Unfilled, compose, question


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the requester for `facts`, all at once. `alone`: it may be sent without a person."""

    pattern: Pattern
    facts: tuple[str, ...]
    message: Reply
    alone: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A question is open; nothing more is asked before it is answered."""

    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Have the pattern's effects, confirm them, then send the reply.

    Raises `ValueError` unless handling and pattern both allow acting alone.
    """

    pattern: Pattern
    plan: Alone
    handling: Handling
    reply: Reply

    def __post_init__(self) -> None:
        if self.handling not in AUTOMATIC or self.plan is not self.pattern.plan:
            raise ValueError(f"nothing is done alone where handling is {self.handling}")
        if self.pattern.mode != "auto" or self.pattern.record.status != "approved":
            raise ValueError(f"{self.pattern.id} is not approved for running alone")

    @property
    def closes(self) -> bool:
        return self.plan.resolves


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply for a person to send; `why` it is not sent alone. Nothing is done."""

    pattern: Pattern
    prepare: Prepare
    reply: Reply
    why: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person takes the ticket, for this reason."""

    why: str
    pattern: Pattern | None = None


Next = Look | Ask | Wait | Act | Draft | HandOver


@dataclass(frozen=True, slots=True)
class Planned:
    """What comes next, and how each pattern that may fit stands."""

    next: Next
    candidates: tuple[Candidate, ...]


def plan(
    case: Case, patterns: Sequence[Pattern], articles: Sequence[Article], seen: Seen, taxonomy: Taxonomy
) -> Planned:
    """Say what comes next. Give it again with what a `Look` found; it ends after finitely many."""
    fitting = sorted((p for p in patterns if in_scope(p, case)), key=lambda p: p.id)
    found = tuple(examine(p, case, seen) for p in fitting)
    return Planned(_next(case, found, articles, taxonomy), found)


def _next(case: Case, found: Sequence[Candidate], articles: Sequence[Article], taxonomy: Taxonomy) -> Next:
    if not found:
        return HandOver("no approved pattern is for this case")
    # Everything that can be looked up comes before a question: nobody is asked what need not be known.
    unread = [c.look for c in found if c.verdict == "unread" and c.look is not None]
    if unread:
        return min(unread, key=lambda look: look.read != "identity")  # who asks, before anything about them
    lacking = [c for c in found if c.verdict == "lacks"]
    stronger = {c.pattern.id for c in found if c.verdict in ("holds", "lacks")}
    winners = [c for c in found if c.verdict == "holds" and not stronger & set(c.pattern.yields_to)]
    if len(winners) > 1:
        both = " and ".join(c.pattern.id for c in winners)
        return HandOver(f"{both} both claim this case")
    if winners:
        return _end(case, winners[0], articles, taxonomy)
    if lacking:
        return _ask(case, lacking, taxonomy)
    return HandOver("the checks of no pattern hold")


def _ask(case: Case, lacking: Sequence[Candidate], taxonomy: Taxonomy) -> Ask | Wait | HandOver:
    """One question, of the pattern that lacks most, so that it need not be followed by another."""
    if case.waiting:
        return Wait(case.waiting)
    open_ = [c for c in lacking if not set(c.lacks) & case.asked]
    if not open_:
        return HandOver("the answer did not say what was asked for", lacking[0].pattern)
    best = max(open_, key=lambda c: (len(c.lacks), c.pattern.mode == "auto"))
    alone = best.pattern.mode == "auto" and _handling(case, taxonomy) in AUTOMATIC
    return Ask(best.pattern, best.lacks, question(best.pattern, case), alone)


def _end(
    case: Case, winner: Candidate, articles: Sequence[Article], taxonomy: Taxonomy
) -> Act | Draft | HandOver:
    pattern = winner.pattern
    reply = compose(pattern, case, winner.given, articles)
    if isinstance(reply, Unfilled):
        slots = ", ".join(reply.slots)
        return HandOver(f"nothing may be told for {slots}, so the reply cannot be sent", pattern)
    why = _why_not_alone(case, pattern, taxonomy)
    if why is not None or isinstance(pattern.plan, ForAPerson):
        return Draft(pattern, pattern.plan.prepare, reply, why or "people handle this")
    return Act(pattern, pattern.plan, _handling(case, taxonomy), reply)


def _why_not_alone(case: Case, pattern: Pattern, taxonomy: Taxonomy) -> str | None:
    handling = _handling(case, taxonomy)
    if handling not in AUTOMATIC or isinstance(pattern.plan, ForAPerson):
        return f"handling {handling} leaves this to a person"
    if pattern.mode != "auto":
        return f"the pattern is in mode {pattern.mode}"
    if case.lang not in (None, pattern.language):
        return f"the ticket is in {case.lang}, the reply in {pattern.language}"
    return None


def _handling(case: Case, taxonomy: Taxonomy) -> Handling:
    known = taxonomy.issue_types.get(case.issue_type)
    return "never" if known is None else known.handling
