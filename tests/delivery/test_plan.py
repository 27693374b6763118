"""What delivery writes, decided without a tracker: a person's fields stay, the rest gets absolute values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from data.clock import to_millis
from data.decision import TriageDecision
from data.mapping import TrackerMapping
from data.store import Store, decisions, outbox, tickets
from data.ticket import Ticket, TicketRecord
from serving.comment import compose
from serving.deliver import enqueue, operation_id, plan

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
NAMES = TrackerMapping(
    issue_type="Kind",
    category="Topic",
    team="Queue",
    priority="Urgency",
    values={"priority": {"major": ("High",), "normal": ("Medium",)}, "team": {"payments": ("Pay desk",)}},
)
OURS: Any = TriageDecision(
    "3-1",
    "payslip_missing",
    "payslips",
    "major",
    "payments",
    0.9,
    (("payslip_missing", 0.9),),
    0.8,
    "apply",
    "apply",
    "It names a payslip.",
    "b" * 12,
    "p" * 12,
)
ALL = {"Kind": "payslip_missing", "Topic": "payslips", "Queue": "Pay desk"}


def ticket(**seen: Any) -> TicketRecord:
    facts = {"issue_type": None, "category": None, "priority": "normal", "team": None} | seen
    return TicketRecord(
        Ticket(id="3-1", summary="s", description="d", client="acme"),
        project="PAY",
        readable_id="PAY-1",
        reporter="jo",
        created=NOW,
        updated=NOW,
        resolved=None,
        state="New",
        **facts,
    )


def test_an_untouched_ticket_gets_everything_in_the_desks_words() -> None:
    assert plan(OURS, ticket(), "normal", NAMES) == ({**ALL, "Urgency": "High"}, [*ALL, "Urgency"], {})


@pytest.mark.parametrize("kind", ["suggest", "abstain"])
def test_what_is_not_applied_writes_nothing(kind: str) -> None:
    assert plan(replace(OURS, decision=kind), ticket(), "normal", NAMES) == ({}, [], {})


def test_a_classified_ticket_is_left_alone_as_a_whole() -> None:
    record = ticket(issue_type="payslip_incorrect", team="payments")
    assert plan(OURS, record, "normal", NAMES) == ({}, [], {"Kind": "payslip_incorrect"})


def test_what_holds_ours_is_not_written_again_and_what_holds_anothers_stays() -> None:
    record = ticket(issue_type="payslip_missing", category="payslips", team="identity-access")
    values, written, kept = plan(OURS, record, "normal", NAMES)
    assert values == {"Urgency": "High"}
    assert written == ["Kind", "Topic", "Urgency"]
    assert kept == {"Queue": "identity-access"}


@pytest.mark.parametrize(
    ("now", "seen", "result"),
    [
        ("normal", "normal", "written"),
        (None, "normal", "written"),
        (None, None, "written"),
        ("normal", "minor", "kept"),  # a person set it back to the default
        ("minor", "minor", "kept"),  # never the default: somebody chose it
        ("critical", "normal", "kept"),
        ("major", "normal", "held"),
    ],
)
def test_the_priority_is_ours_only_while_nobody_chose_one(
    now: str | None, seen: str | None, result: str
) -> None:
    values, written, kept = plan(OURS, ticket(priority=now), seen, NAMES)
    assert ("Urgency" in values, "Urgency" in written, "Urgency" in kept) == {
        "written": (True, True, False),
        "kept": (False, False, True),
        "held": (False, True, False),
    }[result]
    if result == "kept":
        assert kept["Urgency"] == {"normal": "Medium"}.get(str(now), str(now).capitalize())


def test_a_priority_that_is_only_proposed_is_not_written() -> None:
    values, written, kept = plan(replace(OURS, priority_decision="suggest"), ticket(), "normal", NAMES)
    assert (values, written, kept) == (ALL, list(ALL), {})


def test_a_field_that_the_desk_does_not_have_is_left_out() -> None:
    names = TrackerMapping(category="", team="")
    values, written, kept = plan(OURS, ticket(category="x"), "normal", names)
    assert (values, written, kept) == (
        {"Issue type": "payslip_missing", "Priority": "Major"},
        ["Issue type", "Priority"],
        {},
    )


def test_what_a_person_touched_stays_though_it_looks_untouched() -> None:
    values, written, kept = plan(OURS, ticket(), "normal", NAMES, {"Queue", "Urgency"})
    assert values == {"Kind": "payslip_missing", "Topic": "payslips"}
    assert written == ["Kind", "Topic"]
    assert kept == {"Queue": "", "Urgency": "Medium"}
    assert plan(OURS, ticket(), "normal", NAMES, {"Kind"}) == ({}, [], {"Kind": ""})


def test_a_touched_field_that_holds_ours_is_no_disagreement() -> None:
    values, written, kept = plan(OURS, ticket(team="payments"), "normal", NAMES, {"Queue"})
    assert "Queue" in written
    assert "Queue" not in {**values, **kept}


def test_the_comment_says_whose_a_field_is() -> None:
    text = compose(OURS, "t1", thresholds={}, written=[], kept={"Team": "payments", "Category": ""})
    assert "- Team: left at *payments*, which was set by someone else" in text
    assert "- Category: left empty, as someone else left it" in text


def test_a_ticket_has_one_triage_operation() -> None:
    assert operation_id("3-1") == operation_id("3-1") != operation_id("3-2")
    assert operation_id("3-1").startswith("t")


def test_decision_and_effect_are_kept_together_and_once(store: Store) -> None:
    record = ticket()
    with store.write() as conn:
        tickets.upsert(conn, [record], seen_at=NOW)
        assert enqueue(conn, record, OURS, {"issue_type": {"n": 3}}, NOW)
        assert not enqueue(conn, record, replace(OURS, team="x"), {}, NOW)
    with store.read() as conn:
        stored = decisions.get(conn, "acme", "3-1")
        (waiting,) = outbox.of_ticket(conn, "acme", "3-1")
    assert stored is not None
    assert (stored.decision, stored.decided_at) == (OURS, NOW)
    assert (waiting.op_id, waiting.kind, waiting.state) == (operation_id("3-1"), "triage", "new")
    assert (waiting.tenant, waiting.project, waiting.automatic) == ("acme", "PAY", True)
    assert waiting.created_at == NOW
    payload = waiting.payload
    assert (payload["project"], payload["priority_seen"]) == ("PAY", "normal")
    assert payload["updated_seen"] == to_millis(NOW)
    assert payload["thresholds"] == {"issue_type": {"n": 3}}
    assert payload["decision"]["issue_type"] == "payslip_missing"
