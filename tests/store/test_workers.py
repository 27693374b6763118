"""Who is at work, and whose leases are taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from data.store import Store, outbox, workers
from data.store.workers import WorkerProcess

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def worker(name: str, place: str = "here", seen: datetime = NOW) -> WorkerProcess:
    return WorkerProcess(name, place, 7, NOW - timedelta(hours=1), seen)


def test_leases_of_the_dead_are_free_at_once_and_those_of_the_living_stay(store: Store) -> None:
    with store.write() as conn:
        for name, place in (("dead", "here"), ("living", "here"), ("elsewhere", "there")):
            workers.register(conn, worker(name, place), lambda w: True)
            outbox.enqueue(conn, f"of-{name}", "acme", f"3-{name}", "fields", {}, NOW)
            (held,) = outbox.claim(conn, name, NOW, 600, 1)
            assert held.op_id == f"of-{name}"
        (op,) = outbox.of_ticket(conn, "acme", "3-dead")
        released, others = workers.register(conn, worker("new"), lambda w: w.worker != "dead")
        assert released == 1
        assert [w.worker for w in others] == ["elsewhere", "living"]
        assert not outbox.complete(conn, op.op_id, op.fence, NOW), "its fence is stale"
        assert [o.op_id for o in outbox.claim(conn, "new", NOW, 600, 9)] == ["of-dead"]
        assert [w.worker for w in workers.registered(conn)] == ["elsewhere", "living", "new"]


def test_a_worker_leaves_and_one_not_seen_for_a_day_is_forgotten(store: Store) -> None:
    with store.write() as conn:
        workers.register(conn, worker("old", "there"), lambda w: True)
        workers.register(conn, worker("gone", "there"), lambda w: True)
        workers.leave(conn, "gone")
        workers.seen(conn, "old", NOW + timedelta(hours=30))
        later = NOW + timedelta(hours=50)
        assert workers.register(conn, worker("new", seen=later), lambda w: True)[1] == [
            worker("old", "there", NOW + timedelta(hours=30))
        ]
        assert workers.register(conn, worker("newer", seen=NOW + timedelta(hours=60)), lambda w: True)[1] == [
            worker("new", seen=later)
        ]


def test_a_worker_is_kept_as_it_registered(store: Store) -> None:
    first, second = worker("b"), WorkerProcess("a", "there", 8, NOW, NOW)
    asked: list[str] = []

    def alive(known: WorkerProcess) -> bool:
        asked.append(known.worker)
        return True

    with store.write() as conn:
        assert workers.registered(conn) == []
        assert workers.register(conn, second, alive) == (0, [])
        assert workers.register(conn, first, alive) == (0, [second])
        assert asked == [], "nobody of another place can be asked about"
        assert workers.registered(conn) == [first, second], "by when they began"
        workers.seen(conn, "a", NOW + timedelta(hours=1))
        assert workers.registered(conn)[1].seen_at == NOW + timedelta(hours=1)
        assert workers.registered(conn)[0] == first
        workers.leave(conn, "b")
        assert [w.worker for w in workers.registered(conn)] == ["a"]


def test_whoever_was_seen_within_a_day_counts_and_whoever_was_not_loses_its_leases(store: Store) -> None:
    day = timedelta(days=1)
    with store.write() as conn:
        for name in ("edge", "old"):
            workers.register(conn, worker(name, name), lambda w: True)
            outbox.enqueue(conn, f"of-{name}", "acme", f"3-{name}", "fields", {}, NOW)
            outbox.claim(conn, name, NOW, 7 * 86400, 1)
        workers.seen(conn, "edge", NOW + timedelta(microseconds=1))
        late = NOW + day + timedelta(microseconds=1)
        released, others = workers.register(conn, worker("new", seen=late), lambda w: True)
        assert released == 1
        assert [w.worker for w in others] == ["edge"]
        freed, held = outbox.get(conn, "of-old"), outbox.get(conn, "of-edge")
        assert freed is not None and held is not None
        assert (freed.state, held.state) == ("new", "sending")
        assert [o.op_id for o in outbox.claim(conn, "new", late, 60, 9)] == ["of-old"], "due at once"


def test_leases_of_all_the_dead_are_counted(store: Store) -> None:
    with store.write() as conn:
        for n in range(3):
            workers.register(conn, worker(f"w{n}"), lambda w: True)
            outbox.enqueue(conn, f"{n}", "acme", f"3-{n}", "fields", {}, NOW)
            outbox.claim(conn, f"w{n}", NOW, 600, 1)
        assert workers.register(conn, worker("new"), lambda w: False) == (3, [])
        assert [w.worker for w in workers.registered(conn)] == ["new"]
