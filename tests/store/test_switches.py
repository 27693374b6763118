"""The kill switch, and what it holds back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from data.caps import Caps
from data.store import Store, audit, outbox, switches
from data.store.switches import Switch

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def test_paused_automation_waits_and_what_people_asked_for_goes_on(store: Store) -> None:
    with store.write() as conn:
        outbox.enqueue(conn, "a", "acme", "3-1", "triage", {}, NOW, project="PAY", automatic=True)
        outbox.enqueue(conn, "b", "acme", "3-2", "fields", {}, NOW, project="PAY")
        outbox.enqueue(conn, "c", "acme", "3-3", "triage", {}, NOW, project="HR", automatic=True)
        assert switches.pause(conn, "PAY", "cli", "wrong queue", NOW)
        assert not switches.pause(conn, "PAY", "cli", "again", NOW)
        assert (switches.paused(conn, "PAY"), switches.paused(conn, "HR")) == (True, False)
        assert sorted(o.op_id for o in outbox.claim(conn, "w", NOW, 60, 9)) == ["b", "c"]
        switches.pause(conn, None, "cli", "", NOW)
        assert switches.resume(conn, "PAY", "cli", "", NOW)
        assert switches.paused(conn, "PAY"), "the switch for all is still on"
        assert outbox.claim(conn, "w", NOW, 60, 9) == []
        assert switches.resume(conn, None, "cli", "", NOW)
        assert [o.op_id for o in outbox.claim(conn, "w", NOW, 60, 9)] == ["a"]


def test_a_pause_after_the_claim_stops_the_write(store: Store) -> None:
    with store.write() as conn:
        outbox.enqueue(conn, "a", "acme", "3-1", "triage", {}, NOW, project="PAY", automatic=True)
        (op,) = outbox.claim(conn, "w", NOW, 60, 1)
        assert outbox.may_write(conn, op, NOW, found={"Team": None}, says=False)
        assert outbox.may_write(conn, op, NOW, found={"Team": "ours"}, says=True), "on a later attempt"
        seen = outbox.get(conn, "a")
        assert seen is not None
        assert (seen.found, seen.said_at) == ({"Team": None}, NOW), "what was found first is kept"
        switches.pause(conn, "PAY", "cli", "", NOW)
        assert not outbox.may_write(conn, op, NOW, found={"Team": None}, says=False)


def test_operations_of_a_ticket_go_one_at_a_time_in_order(store: Store) -> None:
    with store.write() as conn:
        for op_id in ("a", "b"):
            outbox.enqueue(conn, op_id, "acme", "3-1", "fields", {}, NOW)
        (first,) = outbox.claim(conn, "w", NOW, 60, 9)
        assert first.op_id == "a"
        assert outbox.claim(conn, "w", NOW, 60, 9) == []
        outbox.complete(conn, "a", first.fence, NOW)
        assert [o.op_id for o in outbox.claim(conn, "w", NOW, 60, 9)] == ["b"]


def test_above_the_cap_automatic_writes_wait_for_the_window_and_peoples_do_not(store: Store) -> None:
    caps = Caps(per_hour=2, per_day=3)

    def write(
        conn: Connection, op_id: str, at: datetime, *, project: str = "PAY", automatic: bool = True
    ) -> bool:
        outbox.enqueue(conn, op_id, "acme", op_id, "triage", {}, at, project=project, automatic=automatic)
        (op,) = outbox.claim(conn, "w", at, 60, 9)
        again = [outbox.may_write(conn, op, at, found={"Team": None}, says=False, caps=caps) for _ in "ab"]
        outbox.complete(conn, op_id, op.fence, at)
        return all(again)

    hour = timedelta(hours=1)
    with store.write() as conn:
        assert write(conn, "a", NOW)
        assert write(conn, "b", NOW + hour / 2), "a second look of the same operation counts once"
        assert write(conn, "other", NOW + hour / 2, project="HR")
        assert write(conn, "person", NOW + hour / 2, automatic=False)
    with pytest.raises(outbox.CapReachedError) as hit, store.write() as conn:
        write(conn, "c", NOW + hour * 3 / 4)
    assert hit.value.seconds == 900
    assert "2 automatic writes per hour in PAY" in str(hit.value)
    with store.write() as conn:
        assert write(conn, "d", NOW + hour)
    with pytest.raises(outbox.CapReachedError) as hit, store.write() as conn:
        write(conn, "e", NOW + 5 * hour)
    assert hit.value.seconds == 19 * 3600
    with store.write() as conn:
        assert write(conn, "f", NOW + 24 * hour)


def test_waiting_uses_up_no_attempt(store: Store) -> None:
    with store.write() as conn:
        outbox.enqueue(conn, "a", "acme", "3-1", "triage", {}, NOW, project="PAY", automatic=True)
        for n in range(1, 20):
            (op,) = outbox.claim(conn, "w", NOW + timedelta(seconds=n), 60, 1, max_attempts=3)
            assert op.attempts == 1
            outbox.fail(conn, "a", op.fence, "waits", NOW, retry_seconds=0, max_attempts=3, counted=False)


def test_each_switch_says_who_used_it_last_when_and_why(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    with store.write() as conn:
        assert switches.status(conn) == []
        assert switches.paused_projects(conn) == set()
        assert not switches.resume(conn, "PAY", "cli", "", NOW), "it was never paused"
        assert switches.pause(conn, "PAY", "cli", "wrong queue", NOW)
        assert switches.pause(conn, None, "key:1", "audit", NOW)
        assert not switches.pause(conn, "PAY", "worker", "again", later)
        assert switches.status(conn) == [
            Switch("", True, "key:1", "audit", NOW),
            Switch("PAY", True, "cli", "wrong queue", NOW),
        ]
        assert switches.paused_projects(conn) == {"", "PAY"}
        assert switches.resume(conn, "PAY", "key:2", "fixed", later)
        assert not switches.resume(conn, "PAY", "key:2", "fixed", later)
        assert switches.status(conn)[1] == Switch("PAY", False, "key:2", "fixed", later)
        assert switches.paused_projects(conn) == {""}
        assert switches.pause(conn, "PAY", "cli", "once more", later)
        assert switches.status(conn)[0] == Switch("", True, "key:1", "audit", NOW), "each is its own"


def test_each_turn_of_a_switch_is_in_the_audit_log(store: Store) -> None:
    with store.write() as conn:
        switches.pause(conn, "PAY", "cli", "wrong queue", NOW)
        switches.pause(conn, "PAY", "cli", "again", NOW)
        switches.pause(conn, None, "key:1", "audit", NOW + timedelta(hours=1))
        switches.resume(conn, "PAY", "key:2", "fixed", NOW + timedelta(hours=2))
    with store.read() as conn:
        rows = audit.page(conn, 0, 9)
    hours = [(r.at - NOW).seconds // 3600 for r in rows]
    assert (hours, {r.tenant for r in rows}) == ([0, 1, 2], {None})
    assert [(r.actor, r.action, r.subject, r.facts) for r in rows] == [
        ("cli", "automation.paused", "PAY", '{"reason":"wrong queue"}'),
        ("key:1", "automation.paused", "all projects", '{"reason":"audit"}'),
        ("key:2", "automation.resumed", "PAY", '{"reason":"fixed"}'),
    ]
