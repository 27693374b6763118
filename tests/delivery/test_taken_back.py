"""A label of ours that a person took back teaches nothing; what a person set or confirmed last does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from data import ledger as rules
from data.dataset.rows import REASONS, Exclusion, rows_from
from data.intake import desk_of, holding_undone, judge
from data.labels import DeskRules
from data.ledger_words import explain
from data.mapping import TrackerMapping
from data.redact.redactor import Redactor
from data.store import Store, ledger, outbox, tickets, verdicts
from data.taken_back import Verdicts, taken_back
from data.taxonomy import load_taxonomy
from data.ticket import FieldChange, Ticket, TicketRecord
from serving.effects import enqueue_fields, request_undo

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
US = frozenset({"svc-firstline"})
TYPE = "payslip_missing"
TAXONOMY = load_taxonomy()
FIELDS = ("Issue type", "Priority")


def minute(n: int) -> datetime:
    return NOW + timedelta(minutes=n)


def change(n: int, field: str, value: str | None, author: str) -> FieldChange:
    return FieldChange(f"a-{n}-{field}", author, minute(n), field, None, value)


def closed(*changes: FieldChange, issue_type: str = TYPE, number: int = 1) -> TicketRecord:
    return TicketRecord(
        Ticket(f"3-{number}", f"No payslip {number}", "Where is my payslip?", client="acme"),
        project="PAY",
        readable_id=f"PAY-{number}",
        reporter="jo",
        created=NOW,
        updated=minute(30),
        resolved=minute(30),
        state="Resolved",
        issue_type=issue_type,
        category=TAXONOMY.category_of(issue_type),
        priority="major",
        team="payments",
        changes=(*changes, change(30, "State", "Resolved", "kim")),
        fields=(("Issue type", issue_type), ("Priority", "Major")),
    )


BY_US, BY_KIM = change(1, "Issue type", TYPE, "svc-firstline"), change(5, "Issue type", TYPE, "kim")
UNDONE = ((minute(4), {"Issue type": TYPE}),)


@pytest.mark.parametrize(
    ("changes", "verdicts_", "answer"),
    [
        ((BY_US,), Verdicts(), False),  # nobody said anything against it
        ((BY_US,), Verdicts(UNDONE), True),
        ((), Verdicts(UNDONE), True),  # its history is not here yet
        ((BY_US, BY_KIM), Verdicts(UNDONE), False),  # kim set it herself
        ((BY_KIM, change(6, "Issue type", TYPE, "svc-firstline")), Verdicts(UNDONE), True),
        ((change(9, "Team", "x", "kim"), BY_US), Verdicts(UNDONE), True),  # another field
        ((BY_US,), Verdicts(UNDONE, ((minute(6), {"Issue type": TYPE}),)), False),  # confirmed later
        ((BY_US,), Verdicts(UNDONE, ((minute(4), {"Issue type": TYPE}),)), False),
        ((BY_US,), Verdicts(UNDONE, ((minute(3), {"Issue type": TYPE}),)), True),  # confirmed before
        ((BY_US,), Verdicts(UNDONE, ((minute(6), {"Issue type": "other"}),)), True),
        ((BY_US,), Verdicts(UNDONE, ((minute(6), {"Team": TYPE}),)), True),
        ((BY_US,), Verdicts(((minute(4), {"Issue type": "other"}),)), False),  # another value was undone
        ((BY_US,), Verdicts(((minute(4), {"Priority": "Major"}),)), True),  # the priority is a label, too
        ((BY_US,), Verdicts(((minute(4), {"Team": "payments"}),)), False),
        ((BY_US,), Verdicts(((minute(4), {"Issue type": None}),)), False),
        (  # undone twice: the later counts
            (BY_US,),
            Verdicts((*UNDONE, (minute(8), {"Issue type": TYPE})), ((minute(6), {"Issue type": TYPE}),)),
            True,
        ),
    ],
)
def test_the_last_value_that_a_person_set_or_confirmed_counts(
    changes: tuple[FieldChange, ...], verdicts_: Verdicts, answer: bool
) -> None:
    assert taken_back(closed(*changes), verdicts_, FIELDS, US) is answer


def test_only_changes_of_custom_fields_tell_whose_a_value_is() -> None:
    tagged = FieldChange("t", "kim", minute(9), "Issue type", None, TYPE, kind="tags")
    assert taken_back(closed(BY_US, tagged), Verdicts(UNDONE), FIELDS, US)


def test_a_field_that_is_empty_holds_nothing_of_ours() -> None:
    empty = replace(closed(BY_US), fields=())
    assert not taken_back(empty, Verdicts(UNDONE), FIELDS, US)


@pytest.fixture
def here(store: Store) -> Store:
    with store.write() as conn:
        records = [closed(BY_US), closed(BY_US, number=2)]
        tickets.upsert(conn, records, seen_at=NOW)
        judge(conn, records, NOW, desk_of(TrackerMapping()))
    return store


def row(store: Store, number: int = 1) -> tuple[str, str | None]:
    with store.read() as conn:
        (found,) = ledger.of_ticket(conn, f"3-{number}")
    return found["state"], found["reason"]


def undo(store: Store, at: datetime, number: int = 1) -> str:
    with store.write() as conn:
        return request_undo(conn, "acme", f"3-{number}", actor="tracker:kim", now=at)


def ask(store: Store, at: datetime, value: str = TYPE, number: int = 1) -> str:
    with store.write() as conn:
        wanted = {"Issue type": value}
        return enqueue_fields(conn, "acme", f"3-{number}", wanted, actor="tracker:kim", now=at)


def test_a_closed_ticket_is_judged_anew_when_its_label_is_taken_back(here: Store) -> None:
    ask(here, minute(1))
    ask(here, minute(1), number=2)
    assert row(here) == (rules.CANDIDATE, None)
    undo(here, minute(40))
    assert row(here) == (rules.REJECTED, rules.TAKEN_BACK)
    assert row(here, 2) == (rules.CANDIDATE, None)
    with here.read() as conn:
        (facts,) = ledger.of_ticket(conn, "3-1")
        record = tickets.get(conn, "acme", "3-1")
    assert record is not None
    words = " ".join(explain(record, None, [facts]))
    assert "rejected because it was closed with a label of ours that a person had taken back" in words


def test_an_open_ticket_has_no_row_to_take_back(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [replace(closed(BY_US), resolved=None, state="Open")], seen_at=NOW)
    ask(store, minute(1))
    undo(store, minute(2))
    with store.read() as conn:
        assert ledger.of_ticket(conn, "3-1") == []


def test_a_label_that_was_taken_back_is_named_to_the_dataset(here: Store) -> None:
    ask(here, minute(1))
    undo(here, minute(40))
    records = [closed(BY_US), closed(BY_US, number=2)]
    with here.read() as conn:
        assert holding_undone(conn, records, DeskRules()) == {"3-1"}

    found, excluded = rows_from(
        records,
        taxonomy=TAXONOMY,
        redactor_of=lambda tenant: Redactor([], salt=bytes(32)),
        taken_back={"3-1"},
    )
    assert [c.row.ticket_id for c in found] == ["3-2"]
    assert excluded == [Exclusion("3-1", rules.TAKEN_BACK)]
    assert rules.TAKEN_BACK in REASONS


def test_what_a_person_asked_for_again_afterwards_is_a_label(here: Store) -> None:
    ask(here, minute(1))
    undo(here, minute(2))
    ask(here, minute(3))
    with here.write() as conn:
        judge(conn, [closed(BY_US)], NOW, desk_of(TrackerMapping()))
    assert row(here) == (rules.CANDIDATE, None)


def test_verdicts_come_from_operations_of_the_tickets_asked_for(here: Store) -> None:
    first = ask(here, minute(1), "payslip_incorrect")
    ask(here, minute(2))
    undo(here, minute(3))
    ask(here, minute(1), number=2)
    with here.read() as conn:
        both = [closed(), closed(number=2)]
        found = verdicts.of(conn, both, TrackerMapping())
        assert verdicts.of(conn, [closed(number=2)], TrackerMapping()) == {}
        assert verdicts.of(conn, [], TrackerMapping()) == {}
        assert outbox.get(conn, first) is not None
    assert found == {
        "3-1": Verdicts(
            [(minute(3), {"Issue type": TYPE})], [(minute(1), {"Issue type": "payslip_incorrect"})]
        )
    }


def test_verdicts_on_many_tickets_are_read_in_the_desks_words(here: Store) -> None:
    names = TrackerMapping(values={"issue_type": {TYPE: ("No payslip",)}})
    many = [closed(number=n) for n in range(1, 601)]
    decision = {"decision": {"issue_type": TYPE}}
    with here.write() as conn:
        for n in (1, 600):
            outbox.enqueue(conn, f"t{n}", "acme", f"3-{n}", verdicts.TRIAGE, decision, minute(1))
            outbox.enqueue(conn, f"u{n}", "acme", f"3-{n}", verdicts.UNDO, {"of": f"t{n}"}, minute(2))
            outbox.enqueue(conn, f"f{n}", "acme", f"3-{n}", verdicts.FIELDS, decision, minute(3))
        # Nobody else's: the same ids of another client say nothing about these.
        outbox.enqueue(conn, "x1", "globex", "3-1", verdicts.FIELDS, decision, minute(1))
        outbox.enqueue(conn, "x2", "globex", "3-2", verdicts.UNDO, {"of": "x"}, minute(1))
        found = verdicts.of(conn, many, names)
    words = {"Issue type": "No payslip"}
    assert found == {f"3-{n}": Verdicts([(minute(2), words)], [(minute(3), words)]) for n in (1, 600)}


def test_what_a_decision_writes_is_said_in_the_desks_words() -> None:
    names = TrackerMapping(team="", values={"issue_type": {TYPE: ("No payslip",)}})
    decision = {"issue_type": TYPE, "category": "c", "team": "t", "priority": "major"}
    assert verdicts.written({"decision": decision}, names) == {
        "Issue type": "No payslip",
        "Category": "c",
        "Priority": "Major",
    }
    assert verdicts.written({"decision": {"issue_type": ""}}, names) == {}
    assert verdicts.written({}, names) == {}
    assert verdicts.written({"values": {"A": None}}, names) == {"A": None}
