"""What the desk answered: which texts are learned from, with which issue type, and how redacted."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from data.clock import ManualClock
from data.dataset.answers import ANSWERS_PER_TYPE, REPLY, ROOT_CAUSE, TICKETS_PER_TYPE, Answer, of_the_desk
from data.dataset.build import Draft, draft_from
from data.dataset.diff import diff
from data.dataset.load import load
from data.redact.directory import Person
from data.taxonomy import load_taxonomy
from data.ticket import Comment, TicketRecord

ANSWERS = {
    "payslip_missing": "Hello {name}, the payslip was held back at publishing and is visible now.",
    "password_reset": "Hi {name}, here is a new link to choose a password; it is valid for 24 hours.",
}
WORDS = [f"{a}{b}" for a in ("alpha", "bravo", "charlie") for b in "abcdefghij"]
EMPTY_WORDS = "Handled on the phone with the requester, nothing to add from our side."


def commented(record: TicketRecord, text: str, **kind: object) -> TicketRecord:
    number = len(record.comments)
    comment = Comment(f"{record.ticket.id}-{number}", "agent1", text, record.created, internal=False)
    return replace(record, comments=(*record.comments, replace(comment, **kind)))  # type: ignore[arg-type]


def without_answers(record: TicketRecord) -> TicketRecord:
    return replace(record, comments=tuple(c for c in record.comments if c.text == EMPTY_WORDS))


def answered(history: Sequence[TicketRecord], people: Sequence[Person]) -> list[TicketRecord]:
    rng = random.Random(3)
    found = []
    for record in history:
        text = ANSWERS.get(record.issue_type or "")
        who = rng.choice(people).name.split()[0]
        record = commented(record, text.format(name=who)) if text else record
        found.append(commented(record, EMPTY_WORDS))
    return found


@pytest.fixture
def drafted(people: tuple[Person, ...], clock: ManualClock, tmp_path: Path) -> Callable[..., Draft]:
    def make(records: Sequence[TicketRecord]) -> Draft:
        return draft_from(
            records, people=people, taxonomy=load_taxonomy(), salt=bytes(32), created=clock.now()
        )

    return make


def read(draft: Draft, out: Path) -> tuple[Answer, ...]:
    draft.write(out)
    return load(out / draft.manifest.id).answers


def test_a_reply_that_closes_one_issue_type_is_kept_once_and_empty_words_are_not(
    drafted: Callable[..., Draft],
    history: list[TicketRecord],
    people: tuple[Person, ...],
    tmp_path: Path,
) -> None:
    records = answered(history, people)
    found = read(drafted(records), tmp_path)
    assert [(a.issue_type, a.kind) for a in found] == [("password_reset", REPLY), ("payslip_missing", REPLY)]
    assert all(a.tickets > 5 for a in found)
    shuffled = random.Random(1).sample(records, len(records))
    assert read(drafted(shuffled), tmp_path) == found


def test_a_first_name_is_replaced_where_the_ticket_names_the_person_in_full(
    drafted: Callable[..., Draft], record: Callable[..., TicketRecord], tmp_path: Path
) -> None:
    text = "Leave of {name} waits. Number %d of many."
    records = [record(n, text % n, "leave_request_stuck") for n in range(3)]
    person = next(word for word in records[0].ticket.summary.split() if word != "Leave" and word.istitle())
    reply = f"Good morning {person}, the missing approver of this request was set and it went through."
    (answer,) = read(drafted([commented(records[0], reply), *records[1:]]), tmp_path)
    assert person not in answer.text
    assert answer.text.startswith("Good morning ")


def test_only_people_of_the_desk_teach(record: Callable[..., TicketRecord]) -> None:
    long = "This is long enough to say something about the matter."
    ticket = record(1, "No payslip", "payslip_missing")
    ticket = commented(ticket, long, author=ticket.reporter)
    ticket = commented(ticket, long, author="svc-firstline")
    ticket = commented(ticket, long, deleted=True)
    ticket = commented(ticket, "Done.")
    ticket = commented(ticket, long, internal=True)
    assert of_the_desk(ticket) == ()
    root_cause = commented(ticket, f"ROOT CAUSE\nsymptom: {long}", internal=True)
    assert [c.internal for c in of_the_desk(commented(root_cause, long))] == [True, False]


def test_audited_families_teach_nothing(
    drafted: Callable[..., Draft], history: list[TicketRecord], people: tuple[Person, ...], tmp_path: Path
) -> None:
    audited = [replace(r, tags=("qa-reviewed",)) for r in answered(history, people)]
    plain = [replace(r, comments=()) for r in history]
    assert read(drafted([r if r.tags else p for r, p in zip(audited, plain, strict=True)]), tmp_path) == ()


def test_every_root_cause_is_read_and_the_most_used_answer_comes_first(
    drafted: Callable[..., Draft], record: Callable[..., TicketRecord], tmp_path: Path
) -> None:
    reply = "The publishing job had skipped your pay group; it was started again and everything is there."
    cause = "ROOT CAUSE\nsymptom: payslips of one pay group are not published after the release"
    records = [
        commented(
            record(n, f"Payslip of {{name}}. {WORDS[n % 30]} {WORDS[n // 30]}", "payslip_missing"), reply
        )
        for n in range(3 * TICKETS_PER_TYPE)
    ]
    records[70] = commented(records[70], cause, internal=True)
    found = read(drafted(records), tmp_path)
    assert [a.kind for a in found] == [REPLY, ROOT_CAUSE]
    assert [a.tickets for a in found] == [TICKETS_PER_TYPE, 1]


def test_no_issue_type_has_more_than_its_share_of_answers(
    drafted: Callable[..., Draft], record: Callable[..., TicketRecord], tmp_path: Path
) -> None:
    triples = [" ".join(WORDS[i : i + 3]) for i in range(0, 30, 3)]
    records = [
        commented(
            record(n, f"Payslip of {{name}}. {triple}", "payslip_missing"), f"{triple} {triple} {triple}"
        )
        for n, triple in enumerate(triples)
    ]
    assert len(triples) > ANSWERS_PER_TYPE
    assert len(read(drafted(records), tmp_path)) == ANSWERS_PER_TYPE


def test_another_answer_is_another_version_and_diff_says_so(
    drafted: Callable[..., Draft], history: list[TicketRecord], people: tuple[Person, ...], tmp_path: Path
) -> None:
    records = answered(history, people)
    first, second = drafted(records), drafted([without_answers(r) for r in records])
    read(first, tmp_path), read(second, tmp_path)
    assert first.manifest.hash != second.manifest.hash
    found = diff(load(tmp_path / first.manifest.id), load(tmp_path / second.manifest.id))
    assert found.answers == {"password_reset": -1, "payslip_missing": -1}
    assert not found.added and not found.changed
