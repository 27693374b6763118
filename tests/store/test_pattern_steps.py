"""Steps of patterns: begun once, moved from a known state, one client's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from data.store import Store, pattern_steps, tickets
from data.store.guard import TenancyError
from data.store.pattern_steps import Step
from data.ticket import Ticket, TicketRecord

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
STEP = Step("acme", "3-1", "some-pattern", "run", "planned", {"message": "Hello"}, NOW)


def kept(store: Store, tenant: str = "acme", ticket_id: str = "3-1") -> None:
    record = TicketRecord(
        Ticket(ticket_id, "s", "d", client=tenant),
        project="PAY",
        readable_id=f"PAY-{ticket_id[2:]}",
        reporter="jo",
        created=NOW,
        updated=NOW,
        resolved=None,
        state="New",
        issue_type=None,
        category=None,
        priority="normal",
        team=None,
    )
    with store.write() as conn:
        tickets.upsert(conn, [record], seen_at=NOW)


def test_a_step_is_begun_once_and_moved_from_the_state_it_is_known_in(store: Store) -> None:
    kept(store)
    with store.tenant("acme").write() as conn:
        assert pattern_steps.begin(conn, STEP)
        assert not pattern_steps.begin(conn, replace(STEP, state="other", facts={}))
        assert pattern_steps.of_ticket(conn, "acme", "3-1") == [STEP]
        assert pattern_steps.move(conn, STEP, "done", {"changed": True})
        assert not pattern_steps.move(conn, STEP, "refused"), "it is not planned any more"
    with store.tenant("acme").read() as conn:
        found = pattern_steps.of_ticket(conn, "acme", "3-1")
    assert found == [replace(STEP, state="done", facts={"message": "Hello", "changed": True})]


def test_of_two_that_take_on_an_unfinished_run_one_gets_it(store: Store) -> None:
    kept(store)
    later = NOW + timedelta(minutes=11)
    with store.tenant("acme").write() as conn:
        pattern_steps.begin(conn, STEP)
        assert pattern_steps.take_over(conn, STEP, later)
        assert not pattern_steps.take_over(conn, STEP, later + timedelta(seconds=1))
        assert pattern_steps.of_ticket(conn, "acme", "3-1") == [replace(STEP, at=later)]


def test_steps_are_one_clients_own_and_go_with_the_ticket(store: Store) -> None:
    kept(store)
    kept(store, "globex", "3-2")
    with store.tenant("globex").write() as conn:
        pattern_steps.begin(conn, replace(STEP, tenant="globex", ticket_id="3-2"))
    with store.tenant("acme").read() as conn:
        assert pattern_steps.of_ticket(conn, "acme", "3-2") == []
    try:
        with store.tenant("acme").read() as conn:
            found = pattern_steps.of_ticket(conn, "globex", "3-2")
    except TenancyError:  # SQLite refuses the statement, PostgreSQL gives nothing
        found = []
    assert found == []
