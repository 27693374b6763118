"""Exactly one ledger row per closing that counts, whatever happens to a ticket in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import ledger as rules
from data.intake import Desk, Tally, keep
from data.labels import DeskRules, outcome_of
from data.store import Store, ledger, outcomes, tickets
from data.ticket import Comment, FieldChange, Ticket, TicketRecord

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DESK = Desk(DeskRules(), frozenset({"payslip_missing", "out_of_scope"}))


def ticket(
    *,
    n: int = 1,
    at: int = 0,
    resolver: str | None = "kim",
    issue_type: str | None = "payslip_missing",
    text: str = "No payslip",
    cause: bool = False,
    client: str = "acme",
    priority: str | None = "normal",
    earlier: tuple[FieldChange, ...] = (),
) -> TicketRecord:
    """A ticket as read at minute `at`; `resolver` is None while it is open."""
    when = NOW + timedelta(minutes=at)
    state = "Open" if resolver is None else "Resolved"
    moved = FieldChange(
        f"c{at}", resolver or "jo", when, "State", earlier[-1].added if earlier else None, state
    )
    said = (Comment("7-1", "lee", "ROOT CAUSE\nsymptom: x", NOW, internal=True),) if cause else ()
    return TicketRecord(
        ticket=Ticket(f"3-{n}", text, "", client, "DE", None, NOW),
        project="PAY",
        readable_id=f"PAY-{n}",
        reporter="jo",
        created=NOW,
        updated=when,
        resolved=None if resolver is None else when,
        state=state,
        issue_type=issue_type,
        category="payslips",
        priority=priority,
        team="payroll",
        comments=said,
        changes=(*earlier, moved),
    )


versions = st.fixed_dictionaries(
    {
        "n": st.integers(1, 3),
        "resolver": st.sampled_from([None, "kim", "svc-firstline"]),
        "issue_type": st.sampled_from([None, "payslip_missing", "nonsense"]),
        "text": st.sampled_from(["No payslip", " "]),
        "cause": st.booleans(),
        "client": st.sampled_from(["acme", "globex"]),
    }
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(versions, max_size=10), trained=st.sets(st.integers(0, 9)))
def test_exactly_one_row_per_closing(
    store: Store, events: list[dict[str, object]], trained: set[int]
) -> None:
    with store.engine.connect() as conn, conn.begin() as transaction:
        last: dict[str, TicketRecord] = {}
        for at, facts in enumerate(events):
            record = ticket(at=at, **facts)  # type: ignore[arg-type]
            keep(conn, [record], NOW, DESK, Tally())
            last[record.ticket.id] = record
            if at in trained:
                ledger.mark_trained(conn, [record.ticket.id], "d1", "m1")
        status = ledger.status(conn)
        assert status.complete
        rows = {(e.ticket_id, e.kind): e for e in ledger.iterate(conn)}
        assert len(rows) == len(list(ledger.iterate(conn)))
        for ticket_id, record in last.items():
            stored = tickets.find(conn, ticket_id)
            assert stored is not None
            outcome = outcome_of(stored, DESK.rules)
            assert outcomes.get(conn, record.tenant, ticket_id) == outcome
            due = {e.kind: e for e in rules.entries_of(record, outcome, DESK.issue_types)}
            for kind in (rules.RESOLUTION, rules.ROOT_CAUSE):
                row = rows.get((ticket_id, kind))
                if kind in due:
                    assert row is not None
                    assert row.tenant == record.tenant
                    assert row.state in (due[kind].state, rules.TRAINED_IN)
                elif row is not None:
                    assert row.state in (rules.REJECTED, rules.TRAINED_IN)
        transaction.rollback()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"text": " \n"}, "empty_text"),
        ({"issue_type": None}, "no_issue_type"),
        ({"issue_type": "nonsense"}, "unknown_issue_type"),
        ({"priority": None}, "no_priority"),
    ],
)
def test_what_cannot_be_learnt_is_rejected_with_the_reason(
    facts: dict[str, object], reason: str | None
) -> None:
    record = ticket(**facts)  # type: ignore[arg-type]
    (entry,) = rules.entries_of(record, outcome_of(record, DESK.rules), DESK.issue_types)
    assert (entry.state, entry.reason) == ("rejected" if reason else "candidate", reason)


def test_a_machine_leaves_no_resolution_but_its_root_cause_counts() -> None:
    record = ticket(resolver="svc-firstline", cause=True)
    entries = rules.entries_of(record, outcome_of(record, DESK.rules), DESK.issue_types)
    assert [e.kind for e in entries] == ["root_cause"]


def test_reopening_is_counted_and_the_last_resolver_wins() -> None:
    first = ticket(at=1, resolver="kim")
    opened = ticket(at=2, resolver=None, earlier=first.changes)
    again = ticket(at=3, resolver="svc-firstline", earlier=opened.changes)
    outcome = outcome_of(again, DESK.rules)
    assert outcome is not None
    assert (outcome.resolver, outcome.by_human, outcome.reopened) == ("svc-firstline", False, 1)
    assert outcome_of(opened, DESK.rules) is None


def test_an_internal_root_cause_counts_and_a_public_or_deleted_one_does_not() -> None:
    record = ticket(cause=True)
    said = record.comments[0]
    for comment, expected in [
        (said, True),
        (replace(said, internal=False), False),
        (replace(said, deleted=True), False),
        (replace(said, text="The ROOT CAUSE is unknown"), False),
    ]:
        outcome = outcome_of(replace(record, comments=(comment,)), DESK.rules)
        assert outcome is not None
        assert outcome.root_cause is expected
    tagged = outcome_of(replace(record, comments=(), tags=("l3-root-cause", "qa-reviewed")), DESK.rules)
    assert tagged is not None
    assert tagged.root_cause and tagged.audited


def test_a_shortfall_is_counted_and_listed(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [ticket(n=n) for n in range(1, 4)], seen_at=NOW)
        keep(conn, [ticket(n=4)], NOW, DESK, Tally())
        status = ledger.status(conn)
    assert not status.complete
    assert status.expected["resolution"] == 4
    assert status.missing["resolution"] == ["PAY-1", "PAY-2", "PAY-3"]
    assert status.missing_total["resolution"] == 3


def test_trained_rows_name_dataset_and_model_and_survive_a_reopening(store: Store) -> None:
    with store.write() as conn:
        keep(conn, [ticket(n=1), ticket(n=2), ticket(n=3, issue_type=None)], NOW, DESK, Tally())
        assert ledger.mark_trained(conn, ["3-1", "3-3", "3-99"], "d1", "m1") == 1
        keep(conn, [ticket(n=1, at=5, resolver=None), ticket(n=2, at=5, resolver=None)], NOW, DESK, Tally())
        rows = {e.ticket_id: e for e in ledger.iterate(conn)}
        assert (rows["3-1"].state, rows["3-1"].dataset, rows["3-1"].model) == ("trained_in", "d1", "m1")
        assert (rows["3-2"].state, rows["3-2"].reason) == ("rejected", "reopened")
        status = ledger.status(conn)
    assert status.reasons == {"no_issue_type": 1, "reopened": 1}
    assert status.withdrawn == 2
    assert status.complete
