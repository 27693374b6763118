"""Replay: the past as it stood, resumed after an interruption; figures only count what was unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.mapping import TrackerMapping
from data.outcome import Outcome
from data.taxonomy import load_taxonomy
from data.ticket import FieldChange, Ticket, TicketRecord
from eval.bundle import load_bundle
from serving.engine import InProcessEngine
from serving.policy import SHIPPED, load_policy
from serving.replay import CHUNK, Past, Replay, Replayed, run
from serving.replay_report import lines, summary
from serving.triage import Triage
from serving.wiring import autonomy_of

BORN = datetime(2026, 3, 2, 9, tzinfo=UTC)


TAXONOMY = load_taxonomy()


def past(number: int, text: str = "reset my password", *, closed_as: str = "password_reset") -> Past:
    created = BORN + timedelta(days=number)
    ticket = Ticket(f"2-{number}", text, "I forgot my password and cannot sign in", client="acme")
    record = TicketRecord(
        ticket=ticket,
        project="PAY",
        readable_id=f"PAY-{number}",
        reporter="jane",
        created=created,
        updated=created,
        resolved=created + timedelta(days=1),
        state="Resolved",
        issue_type=closed_as,
        category=TAXONOMY.category_of(closed_as),
        priority="normal",
        team=None,
        changes=(
            FieldChange("1", "svc-firstline", created + timedelta(minutes=1), "Issue type", None, "x"),
            FieldChange("2", "ana", created + timedelta(hours=3), "Issue type", "x", "y"),
        ),
    )
    outcome = Outcome(
        "acme",
        ticket.id,
        created + timedelta(days=1),
        "ana",
        True,
        closed_as,
        record.category,
        "normal",
        None,
        0,
        number % 2 == 0,
        False,
    )
    return Past(record, outcome, None)


@pytest.fixture(scope="module")
def replay(bundle_directory: Path) -> Replay:
    bundle = load_bundle(bundle_directory)
    policy = load_policy(SHIPPED / "triage.yaml", bundle.taxonomy)
    engine = InProcessEngine(bundle.path, max_length=bundle.manifest.facts.max_tokens)
    return Replay(Triage(bundle, engine, policy, autonomy_of(bundle, policy)), TrackerMapping())


def test_each_ticket_is_decided_as_it_stood_when_it_was_created(replay: Replay) -> None:
    one = past(1)
    later = FieldChange(
        "3",
        "jane",
        BORN + timedelta(days=1, hours=1),
        "summary",
        "reset my password",
        "payslip missing",
        "summary",
    )
    edited = replace(
        one.record,
        ticket=replace(one.record.ticket, summary="payslip missing"),
        changes=(*one.record.changes, later),
    )
    plain, stood = replay.decide([one, replace(one, record=edited)])
    assert (plain.issue_type, plain.decision) == ("password_reset", "apply")
    assert (stood.issue_type, stood.probability) == (plain.issue_type, plain.probability)
    assert plain.hours == 3.0  # the first person, not our own service account


def test_an_interrupted_replay_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[int] = []

    def decide(chunk: Sequence[Past]) -> list[Replayed]:
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(len(chunk))
        return [row(p.record.ticket.id) for p in chunk]

    history, kept = [past(n) for n in range(CHUNK + 40)], tmp_path / "kept.jsonl"
    with pytest.raises(KeyboardInterrupt):
        list(run(decide, history, kept))
    with kept.open("ab") as file:
        file.write(b'{"ticket": "2-10')  # the machine went down in the middle of a line
    asked.clear()
    rows = list(run(decide, history, kept))
    assert sorted(r.ticket for r in rows) == sorted(p.record.ticket.id for p in history)
    assert asked == [40]
    asked.clear()
    assert list(run(decide, history, kept)) == list(run(decide, history, kept))
    assert asked == []


def row(ticket: str, **facts: object) -> Replayed:
    made = Replayed(
        ticket=ticket,
        created="2026-03-02T09:00:00+00:00",
        client="acme",
        issue_type="password_reset",
        category="access_authentication",
        priority="normal",
        probability=0.9,
        decision="apply",
        priority_decision="suggest",
        truth_type="password_reset",
        truth_category="access_authentication",
        truth_priority="normal",
        reviewed=False,
        trained=False,
        then_type="",
        then_category="",
        then_decision="",
        hours=2.0,
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def test_what_training_has_seen_proves_nothing() -> None:
    rows = [row(str(n), trained=True) for n in range(50)]
    rows += [row(f"x{n}", truth_category="platform", truth_type="slow_portal") for n in range(4)]
    found = summary(rows)
    assert found["trained"] == 50
    assert found["wrong_among_applied"]["hits"] == found["wrong_among_applied"]["n"] == 4
    assert found["category_right"]["n"] == 4
    assert found["sooner"]["n"] == 0
    assert "50 of them were trained on" in "\n".join(lines(found))


def test_then_and_now_are_compared_on_the_same_tickets() -> None:
    then = {"then_type": "slow_portal", "then_category": "platform", "then_decision": "suggest"}
    rows = [row(str(n), **then) for n in range(6)] + [row("alone")]
    rows.append(row("lost", **{**then, "then_category": "access_authentication", "category": "platform"}))
    found = summary(rows)["then"]
    assert (found["n"], found["only_now"], found["only_then"]) == (7, 6, 1)
    assert (found["applied_then"], found["applied_now"], found["decision_changed"]) == (0, 7, 7)
    assert summary(rows)["sooner"]["median_hours"] == 2.0


def test_figures_without_any_truth_are_empty_and_not_perfect() -> None:
    blank = {"truth_type": "", "truth_category": "", "truth_priority": "", "hours": None}
    found = summary([row("1", **blank)])
    assert found["category_right"]["n"] == 0
    text = "\n".join(lines(found))
    assert "100" not in text.split("category right")[1].splitlines()[0]
