"""A stored ticket as a case: its facts, what was asked before, and what was answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from data.errors import BadInputError
from data.mapping import TrackerMapping
from data.redact.directory import Person
from data.store.pattern_steps import Step
from data.ticket import Comment, TicketRecord
from serving.patterns.case import Case
from serving.patterns.facts import from_answer, from_ticket


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known besides the ticket. `people`: the client's directory, for the requester's name."""

    day: date
    names: TrackerMapping
    people: Sequence[Person] = ()


def build_case(
    record: TicketRecord, issue_type: str | None, steps: Sequence[Step], around: Surroundings
) -> Case:
    """Return the case of a ticket. Raises `BadInputError` for one that is resolved or not triaged."""
    if record.resolved is not None:
        raise BadInputError(f"{record.readable_id} is resolved.", remedy="Reopen it to run a pattern.")
    if issue_type is None:
        raise BadInputError(
            f"{record.readable_id} has no issue type and no decision.",
            remedy="Let `firstline worker` triage it first, or pass --issue-type.",
        )
    ticket = record.ticket
    own = f"{ticket.summary}\n{ticket.description}"
    asked = [s for s in steps if s.step.startswith("ask:")]
    facts = from_ticket(own, record.created.date())
    facts |= {"requester": record.reporter, "client": record.tenant}
    if ticket.country:
        facts["country"] = ticket.country
    waiting: tuple[str, ...] = ()
    for step in asked:
        wanted = tuple(str(f) for f in step.facts["facts"])
        text = answer_to(step, record)
        if text is None:
            waiting = wanted
            continue
        facts |= from_answer(text, wanted, around.day, _countries(around.names))
    return Case(
        ticket_id=ticket.id,
        tenant=record.tenant,
        issue_type=issue_type,
        text="\n".join([own, *(c.text for c in record.comments if _by_requester(c, record))]),
        day=around.day,
        facts=facts,
        names=_names(record, around),
        lang=ticket.lang,
        asked=frozenset(f for step in asked for f in step.facts["facts"]) - frozenset(waiting),
        waiting=waiting,
    )


def answer_to(step: Step, record: TicketRecord) -> str | None:
    """Return what the requester wrote after a question, `None` where there is nothing yet.

    After our comment where it is there, else after the moment of asking: the tracker's clock is its own.
    """
    words = str(step.facts["message"]).split()
    places = [
        n for n, c in enumerate(record.comments) if c.text.split() == words and c.author != record.reporter
    ]
    later = record.comments[places[-1] + 1 :] if places else ()
    if not places:
        later = tuple(c for c in record.comments if c.created > step.at)
    texts = [c.text for c in later if _by_requester(c, record) and c.text.strip()]
    return "\n".join(texts) or None


def _by_requester(comment: Comment, record: TicketRecord) -> bool:
    return comment.author == record.reporter and not comment.internal and not comment.deleted


def _names(record: TicketRecord, around: Surroundings) -> dict[str, str]:
    """What facts are called: the person by the client's directory, the rest by the tracker's words."""
    address = record.reporter.casefold()
    names = {p.name for p in around.people if p.email and p.email.casefold() == address}
    found = {"client": around.names.value_of("client", record.tenant)}
    if len(names) == 1:
        found["requester"] = names.pop()
    if record.ticket.country:
        found["country"] = around.names.value_of("country", record.ticket.country)
    return found


def _countries(names: TrackerMapping) -> Mapping[str, str]:
    table = names.values.get("country", {})
    return {word.casefold(): code for code, words in table.items() for word in (*words, code)}
