"""Leased work: at least once, never finished by a stale owner, given up after a bound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

from data.store import Store, jobs, outbox
from data.store.leases import backoff
from data.store.outbox import Operation

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LEASE = 60.0
ATTEMPTS = 3


def put(store: Store, op_id: str, now: datetime = NOW) -> bool:
    with store.write() as conn:
        return outbox.enqueue(conn, op_id, "acme", f"3-{op_id}", "fields", {"Team": "payroll"}, now)


def take(store: Store, now: datetime = NOW, owner: str = "w1", limit: int = 10) -> list[Operation]:
    with store.write() as conn:
        return outbox.claim(conn, owner, now, LEASE, limit, max_attempts=ATTEMPTS)


def test_an_operation_is_claimed_once_and_completed(store: Store) -> None:
    assert put(store, "op-1")
    assert not put(store, "op-1"), "the operation's id is unique"
    (op,) = take(store)
    assert (op.attempts, op.payload, op.state) == (1, {"Team": "payroll"}, "sending")
    assert take(store, owner="w2") == []
    with store.write() as conn:
        assert outbox.complete(conn, op.op_id, op.fence, NOW, remote_id="7-9")
        assert not outbox.complete(conn, op.op_id, op.fence, NOW), "finished twice"
        done = outbox.get(conn, "op-1")
        assert done is not None
        assert (done.state, done.remote_id) == ("done", "7-9")
        assert outbox.counts(conn) == {"new": 0, "sending": 0, "done": 1, "dead": 0}


def test_a_worker_that_lost_its_lease_cannot_finish(store: Store) -> None:
    put(store, "op-1")
    (slow,) = take(store)
    later = NOW + timedelta(seconds=LEASE)
    (fast,) = take(store, later, "w2")
    assert fast.fence > slow.fence
    with store.write() as conn:
        assert not outbox.complete(conn, "op-1", slow.fence, later)
        assert not outbox.fail(conn, "op-1", slow.fence, "late", later)
        assert outbox.complete(conn, "op-1", fast.fence, later)


def test_poison_is_buried_with_its_last_error(store: Store) -> None:
    put(store, "op-1")
    now = NOW
    for n in range(1, ATTEMPTS + 1):
        (op,) = take(store, now)
        assert op.attempts == n
        with store.write() as conn:
            outbox.fail(conn, "op-1", op.fence, f"refused {n}", now, max_attempts=ATTEMPTS)
            assert outbox.claim(conn, "w", now, LEASE, 1) == [], "a pause before the next attempt"
        now += backoff(n)
    assert take(store, now + timedelta(days=1)) == []
    with store.write() as conn:
        (dead,) = outbox.dead(conn)
        assert dead.last_error == "refused 3"
        assert outbox.revive(conn, "op-1", now)
    assert [o.attempts for o in take(store, now)] == [1]


def test_a_worker_that_always_dies_on_it_does_not_get_it_for_ever(store: Store) -> None:
    put(store, "op-1")
    now = NOW
    for _ in range(ATTEMPTS):
        assert len(take(store, now)) == 1
        now += timedelta(seconds=LEASE)
    assert take(store, now) == []
    with store.read() as conn:
        assert [o.last_error for o in outbox.dead(conn)] == ["the worker stopped before it finished"]


def test_a_permanent_failure_is_not_tried_again(store: Store) -> None:
    put(store, "op-1")
    (op,) = take(store)
    with store.write() as conn:
        assert outbox.fail(conn, "op-1", op.fence, "no such value", NOW, permanent=True)
    assert take(store, NOW + timedelta(days=9)) == []


def test_jobs_wait_for_their_moment_and_keep_their_key(store: Store) -> None:
    due = NOW + timedelta(hours=1)
    with store.write() as conn:
        assert jobs.enqueue(conn, "retrain:1", "retrain", {"dataset": "abc"}, NOW, run_at=due)
        assert not jobs.enqueue(conn, "retrain:1", "retrain", {}, NOW)
        assert jobs.claim(conn, "w", NOW, LEASE) == []
        (job,) = jobs.claim(conn, "w", due, LEASE)
        assert (job.kind, job.payload, job.tenant) == ("retrain", {"dataset": "abc"}, "")
        assert jobs.fail(conn, job.dedupe_key, job.fence, "no disk", due, retry_seconds=5)
        (again,) = jobs.claim(conn, "w", due + timedelta(seconds=5), LEASE)
        assert again.attempts == 2
        assert jobs.complete(conn, again.dedupe_key, again.fence, due)
        assert jobs.counts(conn) == {"new": 0, "running": 0, "done": 1, "dead": 0}


def test_parallel_workers_share_the_work_without_overlap(store: Store) -> None:
    for i in range(40):
        put(store, f"op-{i:02}")
    taken: list[str] = []
    errors: list[BaseException] = []

    def work(owner: str) -> None:
        try:
            while found := take(store, owner=owner, limit=3):
                taken.extend(o.op_id for o in found)
        except BaseException as error:
            errors.append(error)

    workers = [Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(timeout=60)
    assert errors == []
    assert sorted(taken) == [f"op-{i:02}" for i in range(40)]
