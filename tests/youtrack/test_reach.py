"""The token bucket and the breaker: their invariants, shared state on both databases, one probe."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clock import ManualClock
from data.store import Store, open_store
from data.store.reach import StoredReach, find_all
from data.youtrack import reach as rules
from data.youtrack.faults import PausedError
from data.youtrack.gate import Gate, InMemory
from data.youtrack.reach import OPENS_AFTER, Rate, Reach
from data.youtrack.transport import RetryBudget

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
steps = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 4)), min_size=1, max_size=60)


@given(steps, st.floats(0.5, 50), st.integers(4, 40))
def test_no_span_sees_more_than_the_burst_and_the_rate_allow(
    taken: list[tuple[float, int]], per_second: float, burst: int
) -> None:
    rate, reach, now = Rate(per_second, burst), Reach(), NOW
    used: list[tuple[datetime, int]] = []
    for pause, tokens in taken:
        now += timedelta(seconds=pause)
        reach, wait = rules.reserve(reach, now, rate, tokens)
        now += timedelta(seconds=wait)
        used.append((now, tokens))
    for i, (start, _) in enumerate(used):
        total = 0
        for at, tokens in used[i:]:
            total += tokens
            assert total <= burst + per_second * (at - start).total_seconds() + 0.01


@given(st.lists(st.tuples(st.sampled_from(["admit", "ok", "bad"]), st.floats(0, 60)), max_size=80))
def test_while_it_is_not_closed_one_probe_at_a_time_is_let_through(events: list[tuple[str, float]]) -> None:
    reach, now, probe = Reach(), NOW, None
    for kind, pause in events:
        now += timedelta(seconds=pause)
        before = reach
        if kind == "admit":
            reach, wait = rules.admit(reach, now)
            assert (wait > 0) == (before.state != "closed" and now < before.retry_at)
            if wait == 0 and before.state != "closed":
                gone = probe is None or now >= probe + timedelta(seconds=rules.PROBE_SECONDS)
                assert gone, "a second probe beside a live one"
                probe = now
        elif kind == "ok":
            reach = rules.answered(reach)
        else:
            reach = rules.failed(reach, now)
        if reach.state != "half_open":
            probe = None
        assert not (reach.state == "open" and reach.failures < OPENS_AFTER)


def broken(gate: Gate, times: int = OPENS_AFTER) -> None:
    for _ in range(times):
        gate.enter()
        gate.failed(None)


def test_it_opens_pauses_longer_each_time_and_closes_on_an_answer(clock: ManualClock) -> None:
    gate, pauses = Gate(InMemory(), Rate(), clock), []
    broken(gate)
    for _ in range(7):
        with pytest.raises(PausedError) as paused:
            gate.enter()
        pauses.append(paused.value.retry_after)
        clock.advance(timedelta(seconds=paused.value.retry_after or 0))
        gate.enter()
        gate.failed(None)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    clock.advance(timedelta(seconds=30))
    gate.enter()
    gate.answered()
    gate.enter()
    gate.enter()


def test_what_the_tracker_asks_for_holds_everybody_and_is_not_slept(clock: ManualClock) -> None:
    shared = InMemory()
    one, other = Gate(shared, Rate(), clock), Gate(shared, Rate(), clock)
    one.enter()
    one.busy(60)
    before = clock.now()
    for gate in (one, other):
        with pytest.raises(PausedError) as paused:
            gate.enter()
        assert paused.value.retry_after == pytest.approx(60, abs=1)
    assert clock.now() == before
    clock.advance(timedelta(seconds=60))
    other.enter()


def test_the_state_survives_a_restart(database_url: str, clock: ManualClock) -> None:
    with open_store(database_url) as store:
        broken(Gate(StoredReach(store, "tracker:1"), Rate(), clock))
    with open_store(database_url) as store:
        with pytest.raises(PausedError):
            Gate(StoredReach(store, "tracker:1"), Rate(), clock).enter()
        Gate(StoredReach(store, "other:1"), Rate(), clock).enter()
        with store.read() as conn:
            found = find_all(conn)
    assert (found["tracker:1"].state, found["other:1"].state) == ("open", "closed")


def test_of_many_at_once_one_is_the_probe(store: Store, clock: ManualClock) -> None:
    broken(Gate(StoredReach(store, "tracker:1"), Rate(), clock))
    clock.advance(timedelta(seconds=2))
    entered, paused = [], []

    def attempt(n: int) -> None:
        try:
            Gate(StoredReach(store, "tracker:1"), Rate(), clock).enter()
            entered.append(n)
        except PausedError:
            paused.append(n)

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(entered), len(paused)) == (1, 3)


def test_retries_stay_within_a_tenth_of_the_calls() -> None:
    budget, retried = RetryBudget(), 0
    for _ in range(1000):
        budget.earn()
        retried += sum(budget.spend() for _ in range(4))
    assert 100 <= retried <= 110
