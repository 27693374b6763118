"""A merged ticket is no evidence of its own, and nothing is delivered to it; see `data.labels`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from data.clock import SystemClock
from data.dataset.rows import rows_from
from data.decision import TriageDecision
from data.ledger_words import explain
from data.redact.redactor import Redactor
from data.store import Store, ledger, outbox, outcomes, tickets
from data.sync import poll, sync
from data.taxonomy import load_taxonomy
from data.youtrack.client import YouTrackClient
from serving.deliver import deliver, enqueue

LABELS = {"Issue_type": "payslip_missing", "Category": "payslips", "Team": "payroll"}
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def rows(store: Store, ticket_id: str) -> list[tuple[str, str, str | None]]:
    with store.read() as conn:
        return [(r["kind"], r["state"], r["reason"]) for r in ledger.of_ticket(conn, ticket_id)]


def words(store: Store, ticket_id: str) -> str:
    with store.read() as conn:
        record = tickets.find(conn, ticket_id)
        assert record is not None
        outcome = outcomes.get(conn, record.tenant, ticket_id)
        return " ".join(explain(record, outcome, ledger.of_ticket(conn, ticket_id)))


def test_the_survivor_counts_and_the_duplicate_says_why_not(
    desk: Any, client: YouTrackClient, store: Store, quiet: Any
) -> None:
    original, again = desk.file("No payslip", **LABELS), desk.file("Still no payslip", **LABELS)
    desk.set(original, "State", "Resolved")
    desk.duplicate(again, original)
    sync(client, store, SystemClock(), project="PAY", progress=quiet)
    assert rows(store, original.id) == [("resolution", "candidate", None)]
    assert rows(store, again.id) == [("resolution", "rejected", "duplicate")]
    said = words(store, again.id)
    assert f"duplicate of {original.readable_id}" in said and "surviving ticket's own closing counts" in said
    with store.read() as conn:
        assert ledger.status(conn).complete, "it has its row all the same"
        records = list(tickets.iterate(conn))
        outcome = outcomes.get(conn, "acme", again.id)
    assert outcome is not None and outcome.merged_into == original.readable_id
    _, excluded = rows_from(
        records, taxonomy=load_taxonomy(), redactor_of=lambda tenant: Redactor([], salt=bytes(32))
    )
    assert (again.id, "duplicate") in [(e.ticket_id, e.reason) for e in excluded]


def test_unlinked_and_resolved_for_itself_it_is_judged_anew(
    desk: Any, client: YouTrackClient, store: Store, quiet: Any
) -> None:
    original, again = desk.file("No payslip"), desk.file("Still no payslip", **LABELS)
    desk.duplicate(again, original)
    sync(client, store, SystemClock(), project="PAY", progress=quiet)
    assert rows(store, again.id) == [("resolution", "rejected", "duplicate")]
    again.links.clear()
    original.links.clear()
    desk.set(again, "State", "Resolved")
    poll(client, store, SystemClock(), project="PAY")
    assert rows(store, again.id) == [("resolution", "candidate", None)]


def test_the_state_alone_tells_too_and_an_open_one_is_no_duplicate_yet(
    desk: Any, client: YouTrackClient, store: Store, quiet: Any
) -> None:
    original, stated, linked = desk.file("one"), desk.file("two", **LABELS), desk.file("three", **LABELS)
    desk.set(stated, "State", "Duplicate")
    desk.link(linked, "Duplicate", original, outward=False)
    sync(client, store, SystemClock(), project="PAY", progress=quiet)
    assert rows(store, stated.id) == [("resolution", "rejected", "duplicate")]
    assert rows(store, linked.id) == []
    desk.set(linked, "State", "Resolved")
    desk.set(original, "State", "Resolved")
    poll(client, store, SystemClock(), project="PAY")
    assert rows(store, linked.id) == [("resolution", "rejected", "duplicate")]
    assert rows(store, original.id)[0][2] != "duplicate", "the original links to it the other way round"


@pytest.mark.parametrize("merged", [True, False])
def test_nothing_is_delivered_to_a_ticket_merged_between_decision_and_delivery(
    desk: Any, client: YouTrackClient, one_store: Store, quiet: Any, merged: bool
) -> None:
    original, again = desk.file("No payslip"), desk.file("Still no payslip")
    clock = SystemClock()
    sync(client, one_store, clock, project="PAY", progress=quiet)
    with one_store.write() as conn:
        record = tickets.find(conn, again.id)
        assert record is not None and enqueue(conn, record, DECISION, {}, clock.now())
    if merged:
        desk.duplicate(again, original)
    with one_store.write() as conn:
        (operation,) = outbox.claim(conn, "w", clock.now(), 60, 1)
    done = deliver(client, operation, lambda found, says: True)
    said = [c for c in again.comments if "firstline:op=" in c.text]
    assert (done.outcome, bool(desk.shown(again, "Issue type")), bool(said)) == (
        ("merged", False, False) if merged else ("delivered", True, True)
    )


DECISION = TriageDecision(
    id="1",
    issue_type="payslip_missing",
    category="payslips",
    priority="normal",
    team="payroll",
    probability=0.99,
    top=(("payslip_missing", 0.99),),
    priority_probability=0.9,
    decision="apply",
    priority_decision="abstain",
    reason="sure enough",
    bundle="b",
    policy="p",
)
