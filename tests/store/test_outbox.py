"""Intended effects one by one: what is kept of each, who may write, what ends it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Row, select, update

from data.caps import Caps
from data.store import Store, outbox, switches
from data.store.leases import backoff
from data.store.outbox import CapReachedError, Operation
from data.store.schema import outbox as table

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture
def conn(store: Store) -> Iterator[Connection]:
    with store.write() as opened:
        yield opened


def put(conn: Connection, op_id: str, ticket: str = "", at: datetime = NOW, **facts: Any) -> bool:
    return outbox.enqueue(conn, op_id, "acme", ticket or f"3-{op_id}", "fields", {}, at, **facts)


def take(conn: Connection, at: datetime = NOW, *, limit: int = 9, owner: str = "w") -> list[Operation]:
    return outbox.claim(conn, owner, at, 60, limit)


def ids(operations: list[Operation]) -> list[str]:
    return [o.op_id for o in operations]


def row(conn: Connection, op_id: str) -> Row[Any]:
    return conn.execute(select(table).where(table.c.op_id == op_id)).one()


def test_everything_about_an_effect_is_kept_and_a_second_one_of_its_id_changes_nothing(
    conn: Connection,
) -> None:
    payload = {"b": 1, "a": "x"}
    assert outbox.enqueue(conn, "1", "acme", "3-1", "comment", payload, NOW, project="PAY", automatic=True)
    assert not outbox.enqueue(conn, "1", "globex", "3-2", "fields", {}, NOW + SECOND)
    expected = {
        "tenant": "acme",
        "op_id": "1",
        "ticket_id": "3-1",
        "kind": "comment",
        "payload": payload,
        "payload_hash": hashlib.sha256(b'{"a": "x", "b": 1}').hexdigest(),
        "state": "new",
        "attempts": 0,
        "next_at": NOW,
        "fence": 0,
        "created_at": NOW,
        "project": "PAY",
        "automatic": True,
    }
    kept = row(conn, "1")._mapping
    assert {name: kept[name] for name in expected} == expected
    assert {kept[name] for name in kept if name not in expected} == {None}
    put(conn, "2")
    assert (row(conn, "2").project, row(conn, "2").automatic) == ("", False)


def test_what_is_read_back_is_what_was_written(conn: Connection) -> None:
    assert outbox.get(conn, "1") is None
    outbox.enqueue(conn, "1", "acme", "3-1", "triage", {"a": 1}, NOW, project="PAY", automatic=True)
    (op,) = take(conn)
    assert outbox.may_write(conn, op, NOW + SECOND, found={"Team": None}, says=True)
    assert outbox.complete(conn, "1", 1, NOW + HOUR, remote_id="7-1", left={"Team": "x"}, outcome="written")
    assert outbox.get(conn, "1") == Operation(
        op_id="1",
        tenant="acme",
        ticket_id="3-1",
        kind="triage",
        payload={"a": 1},
        attempts=1,
        fence=1,
        created_at=NOW,
        state="done",
        remote_id="7-1",
        last_error=None,
        project="PAY",
        automatic=True,
        found={"Team": None},
        left={"Team": "x"},
        said_at=NOW + SECOND,
        outcome="written",
    )
    kept = row(conn, "1")
    assert (kept.done_at, kept.lease_owner, kept.lease_until) == (NOW + HOUR, None, None)


def test_a_claim_is_written_down_with_its_owner_and_its_end(conn: Connection) -> None:
    put(conn, "1")
    assert [o.fence for o in outbox.claim(conn, "w1", NOW, 90, 1)] == [1]
    kept = row(conn, "1")
    assert (kept.state, kept.lease_owner, kept.lease_until) == ("sending", "w1", NOW + timedelta(seconds=90))


def test_the_oldest_that_is_due_comes_first_and_no_more_than_asked_for(conn: Connection) -> None:
    for op_id, at in (("d", NOW), ("c", NOW - SECOND), ("b", NOW), ("later", NOW + SECOND)):
        put(conn, op_id, at=at)
    assert ids(take(conn, limit=2)) == ["c", "b"]
    assert ids(take(conn)) == ["d"]
    assert ids(take(conn, NOW + SECOND)) == ["later"], "due in that very moment"


def test_a_lease_that_ran_out_is_free_in_that_moment_and_not_before(conn: Connection) -> None:
    put(conn, "1")
    take(conn)
    assert take(conn, NOW + timedelta(seconds=59)) == []
    (again,) = take(conn, NOW + timedelta(seconds=60))
    assert (again.attempts, again.fence) == (2, 2)


def test_after_eight_attempts_nobody_gets_it_and_a_person_can_see_why(conn: Connection) -> None:
    put(conn, "1")
    put(conn, "2", "3-1", NOW + SECOND)
    now = NOW
    for n in range(1, 9):
        assert [(o.op_id, o.attempts) for o in take(conn, now)] == [("1", n)]
        now += timedelta(seconds=60)
    assert take(conn, now) == [], "it is buried now"
    kept = row(conn, "1")
    assert (kept.state, kept.lease_owner, kept.lease_until) == ("dead", None, None)
    assert kept.last_error == "the worker stopped before it finished"
    assert ids(take(conn, now)) == ["2"], "the dead hold nobody up"


def test_the_last_error_stays_when_the_worker_died_after_it(conn: Connection) -> None:
    put(conn, "1")
    take(conn)
    outbox.fail(conn, "1", 1, "refused", NOW, retry_seconds=0)
    outbox.claim(conn, "w", NOW, 60, 1, max_attempts=2)
    assert outbox.claim(conn, "w", NOW + HOUR, 60, 1, max_attempts=2) == []
    assert [(o.op_id, o.last_error) for o in outbox.dead(conn)] == [("1", "refused")]


def test_one_buried_does_not_hide_the_others(conn: Connection) -> None:
    for n in range(3):
        put(conn, f"{n}", at=NOW + n * SECOND)
    conn.execute(update(table).where(table.c.op_id == "0").values(attempts=8))
    assert ids(take(conn, NOW + HOUR)) == ["1", "2"]


def test_a_ticket_waits_for_its_earlier_effect_and_only_that_ticket(conn: Connection) -> None:
    put(conn, "b", "3-1")
    put(conn, "a", "3-1", NOW + SECOND)
    put(conn, "c", "3-1", NOW + SECOND)
    outbox.enqueue(conn, "other", "globex", "3-1", "fields", {}, NOW + SECOND)
    now = NOW + SECOND
    assert ids(take(conn, now)) == ["b", "other"]
    assert take(conn, now) == []
    outbox.complete(conn, "other", 1, now)
    outbox.fail(conn, "b", 1, "x", now, retry_seconds=600)
    assert take(conn, now) == [], "it still comes first"
    (again,) = take(conn, now + timedelta(seconds=600))
    outbox.complete(conn, "b", again.fence, now)
    assert ids(take(conn, now)) == ["a"], "of the same moment, by id"
    outbox.fail(conn, "a", 1, "x", now, permanent=True)
    assert ids(take(conn, now)) == ["c"]


def test_what_is_under_way_is_waited_for_also_by_what_an_earlier_clock_wrote(conn: Connection) -> None:
    put(conn, "b", "3-1")
    take(conn)
    put(conn, "a", "3-1")
    put(conn, "skewed", "3-1", NOW - HOUR)
    assert take(conn) == []
    assert ids(take(conn, NOW + timedelta(seconds=60))) == ["skewed"], "its worker is gone"
    outbox.complete(conn, "skewed", 1, NOW)
    assert ids(take(conn, NOW + timedelta(seconds=60))) == ["a"]


def test_a_pause_holds_back_what_is_automatic_there(conn: Connection) -> None:
    for project in ("PAY", "HR"):
        put(conn, f"{project} auto", project=project, automatic=True)
        put(conn, f"{project} asked", project=project)
    switches.pause(conn, "PAY", "cli", "", NOW)
    assert ids(take(conn)) == ["HR asked", "HR auto", "PAY asked"]
    switches.resume(conn, "PAY", "cli", "", NOW)
    switches.pause(conn, None, "cli", "", NOW)
    assert take(conn) == []
    put(conn, "asked")
    assert ids(take(conn)) == ["asked"]


def test_a_stale_claim_changes_nothing(conn: Connection) -> None:
    put(conn, "1")
    (slow,) = take(conn)
    take(conn, NOW + HOUR)
    before = row(conn, "1")
    assert not outbox.complete(conn, "1", slow.fence, NOW + HOUR, remote_id="x", left={}, outcome="x")
    assert not outbox.fail(conn, "1", slow.fence, "x", NOW + HOUR)
    assert not outbox.fail(conn, "1", slow.fence, "x", NOW + HOUR, counted=False)
    assert not outbox.fail(conn, "none", 0, "x", NOW)
    assert not outbox.may_write(conn, slow, NOW + HOUR, found={"a": "b"}, says=True)
    assert row(conn, "1") == before


def test_what_is_finished_stays_finished(conn: Connection) -> None:
    put(conn, "1")
    (op,) = take(conn)
    assert outbox.complete(conn, "1", op.fence, NOW)
    before = row(conn, "1")
    assert (before.remote_id, before.fields_left, before.outcome) == (None, None, None)
    assert not outbox.complete(conn, "1", op.fence, NOW + SECOND, outcome="again")
    assert not outbox.fail(conn, "1", op.fence, "x", NOW, counted=False)
    assert not outbox.may_write(conn, op, NOW, found={}, says=True)
    assert not outbox.withdraw(conn, "1", NOW + SECOND)
    assert not outbox.revive(conn, "1", NOW + SECOND)
    assert take(conn, NOW + HOUR) == []
    assert row(conn, "1") == before


def test_a_write_leaves_evidence_once(conn: Connection) -> None:
    put(conn, "1")
    (op,) = take(conn)
    assert outbox.may_write(conn, op, NOW, found={}, says=False)
    assert (row(conn, "1").fields_found, row(conn, "1").said_at) == (None, None)
    assert outbox.may_write(conn, op, NOW, found={"Team": "a"}, says=False)
    assert outbox.may_write(conn, op, NOW + SECOND, found={"Team": "b"}, says=True)
    kept = row(conn, "1")
    assert (kept.fields_found, kept.said_at, kept.acted_at) == ({"Team": "a"}, NOW + SECOND, None)


def test_a_pause_stops_only_what_is_automatic_at_the_last_moment(conn: Connection) -> None:
    put(conn, "asked", project="PAY")
    put(conn, "auto", project="PAY", automatic=True)
    put(conn, "elsewhere", project="HR", automatic=True)
    asked, auto, elsewhere = sorted(take(conn), key=lambda o: ("asked", "auto", "elsewhere").index(o.op_id))
    switches.pause(conn, "PAY", "cli", "", NOW)
    assert outbox.may_write(conn, asked, NOW, found={"a": "b"}, says=False)
    assert not outbox.may_write(conn, auto, NOW, found={"a": "b"}, says=False)
    assert outbox.may_write(conn, elsewhere, NOW, found={"a": "b"}, says=False)
    assert (row(conn, "auto").fields_found, row(conn, "auto").acted_at) == (None, None)
    assert (row(conn, "elsewhere").acted_at, row(conn, "asked").acted_at) == (NOW, None)


def automatic(conn: Connection, op_id: str, at: datetime, caps: Caps | None) -> bool:
    put(conn, op_id, at=at, project="PAY", automatic=True)
    (op,) = take(conn, at)
    written = outbox.may_write(conn, op, at, found={"a": "b"}, says=False, caps=caps)
    return written and outbox.complete(conn, op_id, op.fence, at)


def test_a_cap_counts_fields_written_alone_within_its_window(conn: Connection) -> None:
    caps = Caps(per_hour=1)
    assert automatic(conn, "1", NOW, caps)
    put(conn, "says", project="PAY", automatic=True)
    (op,) = take(conn)
    assert outbox.may_write(conn, op, NOW, found={}, says=True, caps=caps), "a comment is not counted"
    for after, wait in ((SECOND, 3599.0), (HOUR - timedelta(milliseconds=300), 1.0)):
        op = Operation(**{n: getattr(op, n) for n in Operation.__slots__})
        with pytest.raises(CapReachedError) as hit:
            outbox.may_write(conn, op, NOW + after, found={"a": "b"}, says=False, caps=caps)
        assert hit.value.seconds == wait
    assert str(hit.value) == "waits: the cap of 1 automatic writes per hour in PAY is reached"
    assert row(conn, "says").acted_at is None
    assert outbox.may_write(conn, op, NOW + HOUR, found={"a": "b"}, says=False, caps=caps)


def test_a_cap_of_none_stops_all_and_no_cap_stops_nothing(conn: Connection) -> None:
    with pytest.raises(CapReachedError) as hit:
        automatic(conn, "1", NOW, Caps(per_day=0))
    assert hit.value.seconds == 86_400
    assert "per day" in str(hit.value)
    for n in range(3):
        assert automatic(conn, f"free {n}", NOW + n * SECOND, None if n else Caps())


def test_the_most_recent_writes_decide_how_long_to_wait(conn: Connection) -> None:
    caps = Caps(per_hour=2)
    for n, minutes in enumerate((0, 10, 65)):
        assert automatic(conn, f"{n}", NOW + timedelta(minutes=minutes), caps)
    with pytest.raises(CapReachedError) as hit:
        automatic(conn, "x", NOW + timedelta(minutes=66), caps)
    assert hit.value.seconds == 4 * 60, "until the write of minute 10 is an hour old"


def test_a_lower_cap_counts_from_the_newest(conn: Connection) -> None:
    for minutes in (0, 10, 20):
        assert automatic(conn, f"{minutes}", NOW + timedelta(minutes=minutes), None)
    with pytest.raises(CapReachedError) as hit:
        automatic(conn, "x", NOW + timedelta(minutes=21), Caps(per_hour=2))
    assert hit.value.seconds == 49 * 60, "until the write of minute 10 is an hour old"


def test_each_effect_is_counted_once_and_each_project_for_itself(conn: Connection) -> None:
    caps = Caps(per_hour=2)
    for op_id, project in (("1", "PAY"), ("2", "PAY"), ("3", "PAY"), ("4", "HR")):
        put(conn, op_id, project=project, automatic=True)
    first, second, third, elsewhere = take(conn)
    for n in range(3):
        assert outbox.may_write(conn, first, NOW + n * SECOND, found={"a": "b"}, says=False, caps=caps)
    assert row(conn, "1").acted_at == NOW, "a second look is the same write"
    assert outbox.may_write(conn, second, NOW + SECOND, found={"a": "b"}, says=False, caps=caps)
    assert row(conn, "2").acted_at == NOW + SECOND
    with pytest.raises(CapReachedError):
        outbox.may_write(conn, third, NOW + SECOND, found={"a": "b"}, says=False, caps=caps)
    assert outbox.may_write(conn, elsewhere, NOW + SECOND, found={"a": "b"}, says=False, caps=caps)


def test_two_workers_at_once_do_not_both_take_the_last_place(store: Store) -> None:
    """The second waits for the first to commit, then sees that the cap is reached."""
    with store.write() as conn:
        for op_id in "12":
            put(conn, op_id, project="PAY", automatic=True)
        first, second = take(conn)
    outcome: list[str] = []

    def write_too() -> None:
        with pytest.raises(CapReachedError), store.write() as other:
            outbox.may_write(other, second, NOW, found={"a": "b"}, says=False, caps=Caps(per_hour=1))
        outcome.append("reached")

    thread = Thread(target=write_too)
    with store.write() as conn:
        assert outbox.may_write(conn, first, NOW, found={"a": "b"}, says=False, caps=Caps(per_hour=1))
        thread.start()
        thread.join(0.3)
        assert outcome == [], "it has to wait"
    thread.join(30)
    assert outcome == ["reached"]


def test_what_waits_can_be_withdrawn_and_what_is_sent_cannot(conn: Connection) -> None:
    put(conn, "1")
    put(conn, "2")
    take(conn, limit=1)
    assert not outbox.withdraw(conn, "1", NOW)
    assert not outbox.withdraw(conn, "none", NOW)
    assert outbox.withdraw(conn, "2", NOW + SECOND)
    kept = row(conn, "2")
    assert (kept.state, kept.done_at, kept.outcome) == ("done", NOW + SECOND, "withdrawn")
    assert (row(conn, "1").state, row(conn, "1").outcome) == ("sending", None)


def test_what_a_dead_owner_held_is_due_again_and_only_that(conn: Connection) -> None:
    for n in range(4):
        put(conn, f"{n}", at=NOW + n * SECOND)
    (finished,) = take(conn, owner="gone", limit=1)
    outbox.complete(conn, finished.op_id, finished.fence, NOW)
    take(conn, NOW + 2 * SECOND, owner="gone", limit=1)
    take(conn, NOW + 2 * SECOND, owner="here", limit=1)
    assert outbox.release(conn, "gone", NOW + HOUR) == 1
    kept = row(conn, "1")
    assert (kept.state, kept.next_at, kept.fence) == ("new", NOW + HOUR, 2)
    assert (kept.lease_owner, kept.lease_until, kept.attempts) == (None, None, 1)
    assert [row(conn, i).state for i in "023"] == ["done", "sending", "new"]
    assert outbox.release(conn, "gone", NOW) == 0


def test_a_failure_waits_longer_each_time_or_as_long_as_it_was_told(conn: Connection) -> None:
    put(conn, "1")
    now = NOW
    for n in (1, 2, 3):
        (op,) = take(conn, now)
        assert outbox.fail(conn, "1", op.fence, f"no {n}", now)
        kept = row(conn, "1")
        assert (kept.state, kept.next_at, kept.last_error) == ("new", now + backoff(n), f"no {n}")
        assert (kept.lease_owner, kept.lease_until, kept.attempts) == (None, None, n)
        now = kept.next_at
    (op,) = take(conn, now)
    assert outbox.fail(conn, "1", op.fence, "y" * 600, now, retry_seconds=7.5)
    assert row(conn, "1").next_at == now + timedelta(seconds=7.5)
    assert row(conn, "1").last_error == "y" * 500


def test_the_last_attempt_buries_and_so_does_what_cannot_get_better(conn: Connection) -> None:
    put(conn, "1")
    put(conn, "2", at=NOW + SECOND)
    conn.execute(update(table).values(attempts=7))
    first, second = take(conn, NOW + SECOND)
    assert outbox.fail(conn, "1", first.fence, "x", NOW)
    assert (row(conn, "1").state, row(conn, "1").next_at) == ("dead", NOW)
    assert outbox.fail(conn, "2", second.fence, "x", NOW, max_attempts=9)
    assert row(conn, "2").state == "new"
    (again,) = outbox.claim(conn, "w", NOW + HOUR, 60, 9, max_attempts=9)
    assert outbox.fail(conn, "2", again.fence, "x", NOW, permanent=True, retry_seconds=1, counted=False)
    assert row(conn, "2").state == "dead"


def test_waiting_gives_the_attempt_back(conn: Connection) -> None:
    put(conn, "1")
    put(conn, "2")
    take(conn)
    assert outbox.fail(conn, "1", 1, "waits", NOW, retry_seconds=5, max_attempts=1, counted=False)
    assert (row(conn, "1").attempts, row(conn, "1").state) == (0, "new")
    assert row(conn, "2").attempts == 1
    (again,) = take(conn, NOW + timedelta(seconds=5))
    assert (again.attempts, again.fence) == (1, 2)


def test_lists_are_in_order_and_bounded(conn: Connection) -> None:
    for op_id, ticket, after in (("b", "3-1", 1), ("c", "3-1", 0), ("a", "3-1", 1), ("d", "3-2", -1)):
        put(conn, op_id, ticket, NOW + after * SECOND)
    outbox.enqueue(conn, "other", "globex", "3-1", "fields", {}, NOW)
    assert ids(outbox.of_ticket(conn, "acme", "3-1")) == ["c", "a", "b"]
    conn.execute(update(table).where(table.c.op_id.in_(["b", "a", "d"])).values(state="dead"))
    assert ids(outbox.dead(conn)) == ["d", "a", "b"]
    assert ids(outbox.dead(conn, 2)) == ["d", "a"]
    assert ids(outbox.listed(conn, ["new"], 9)) == ["c", "other"]
    assert ids(outbox.listed(conn, ("dead", "new"), 3)) == ["d", "c", "other"]
    assert outbox.counts(conn) == {"new": 2, "sending": 0, "done": 0, "dead": 3}


def test_no_more_than_a_hundred_of_the_dead_are_listed_unless_asked(conn: Connection) -> None:
    for n in range(101):
        put(conn, f"{n:03}")
    conn.execute(update(table).values(state="dead"))
    assert len(outbox.dead(conn)) == 100


def test_a_dead_effect_gets_new_attempts(conn: Connection) -> None:
    put(conn, "1")
    put(conn, "2")
    take(conn)
    for op_id in "12":
        outbox.fail(conn, op_id, 1, "x", NOW, permanent=True)
    assert outbox.revive(conn, "1", NOW + HOUR)
    assert not outbox.revive(conn, "1", NOW + HOUR)
    kept = row(conn, "1")
    assert (kept.state, kept.attempts, kept.next_at, kept.fence) == ("new", 0, NOW + HOUR, 1)
    assert row(conn, "2").state == "dead"


def test_how_long_the_oldest_has_waited(conn: Connection) -> None:
    assert outbox.oldest_waiting(conn) is None
    for n in range(3):
        put(conn, f"{n}", at=NOW + n * SECOND)
    (first,) = take(conn, limit=1)
    assert outbox.oldest_waiting(conn) == NOW, "what is being sent is not finished"
    outbox.complete(conn, "0", first.fence, NOW)
    assert outbox.oldest_waiting(conn) == NOW + SECOND
    conn.execute(update(table).values(state="dead"))
    assert outbox.oldest_waiting(conn) is None


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (99, 300)]
)
def test_pauses_double_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert backoff(attempts) == timedelta(seconds=seconds)
