"""Claims, expiries, failures and crashes in any order: one holder, rising fences, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from data.store import Store, outbox, workers
from data.store.outbox import Operation
from data.store.workers import WorkerProcess

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LEASE, ATTEMPTS = 60.0, 3
OWNERS = ("w0", "w1", "w2")
UNFINISHED, FINAL = {"new", "sending"}, {"done", "dead"}


def machine(store: Store) -> type[RuleBasedStateMachine]:
    class Workers(RuleBasedStateMachine):
        """Three workers and up to six effects of three tickets; each rule is one step of somebody."""

        def __init__(self) -> None:
            super().__init__()
            self.now = NOW
            self.claims: list[tuple[str, Operation, datetime]] = []  # owner, what it was given, until when
            self.void: set[tuple[str, int]] = set()  # claims that were ended or given to somebody else
            self.order: list[str] = []
            self.fences: dict[str, int] = {}
            self.ended: dict[str, str] = {}
            self.lives = dict.fromkeys(OWNERS, 0)
            self.connection = store.engine.connect()
            self.transaction = self.connection.begin()
            for owner in OWNERS:
                self.begin(owner)

        def teardown(self) -> None:
            try:
                self.everything_comes_to_an_end()
            finally:
                self.transaction.rollback()
                self.connection.close()

        def begin(self, owner: str) -> None:
            me = WorkerProcess(self.name(owner), "here", self.lives[owner], self.now, self.now)
            alive = {self.name(o) for o in OWNERS}
            held = [(o.op_id, o.fence) for who, o, _ in self.claims if who not in alive and self.valid(o)]
            released, _ = workers.register(self.connection, me, lambda w: w.worker in alive)
            assert released == len(held), "all that the dead held is free, and nothing else"
            self.void |= set(held)

        def name(self, owner: str) -> str:
            return f"{owner}/{self.lives[owner]}"

        def valid(self, op: Operation) -> bool:
            return (op.op_id, op.fence) not in self.void

        @rule(op=st.sampled_from("abcdef"), automatic=st.booleans())
        def enqueue(self, op: str, automatic: bool) -> None:
            ticket = f"3-{'abcdef'.index(op) // 2}"
            new = outbox.enqueue(
                self.connection, op, "acme", ticket, "fields", {}, self.now, automatic=automatic
            )
            assert new == (op not in self.order)
            if new:
                self.order.append(op)
                self.fences[op] = 0

        @rule(seconds=st.sampled_from([1, 30, 59, 60, 400]))
        def wait(self, seconds: int) -> None:
            self.now += timedelta(seconds=seconds)

        @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, 3))
        def claim(self, owner: str, limit: int) -> None:
            me = self.name(owner)
            got = outbox.claim(self.connection, me, self.now, LEASE, limit, max_attempts=ATTEMPTS)
            assert len({o.op_id for o in got}) == len(got) <= limit
            for op in got:
                assert op.op_id not in self.ended, "what ended is not handed out"
                holders = [c for c in self.claims if c[1].op_id == op.op_id and self.valid(c[1])]
                assert all(until <= self.now for _, _, until in holders), "somebody holds it"
                assert op.fence > self.fences[op.op_id], "fences only rise"
                assert 1 <= op.attempts <= ATTEMPTS
                self.void |= {(o.op_id, o.fence) for _, o, _ in holders}
                self.fences[op.op_id] = op.fence
                self.claims.append((me, op, self.now + timedelta(seconds=LEASE)))
            self.note_the_buried()
            live = [o.ticket_id for _, o, until in self.claims if self.valid(o) and until > self.now]
            assert len(live) == len(set(live)), "two effects of one ticket are under way"

        def note_the_buried(self) -> None:
            """An effect whose workers vanished too often is buried by a claim; its last claim ends there."""
            for op in set(self.order) - set(self.ended):
                row = outbox.get(self.connection, op)
                assert row is not None
                if row.state == "dead":
                    assert row.attempts >= ATTEMPTS
                    self.end(op, "dead")

        def end(self, op: str, state: str) -> None:
            self.ended[op] = state
            self.void |= {(o.op_id, o.fence) for _, o, _ in self.claims if o.op_id == op}

        @precondition(lambda self: self.claims)
        @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "give up", "wait"]))
        def finish(self, data: st.DataObject, how: str) -> None:
            """Whoever was ever given an effect says how it went, however late."""
            _, op, _ = data.draw(st.sampled_from(self.claims))
            conn, valid = self.connection, self.valid(op)
            if how == "complete":
                took = outbox.complete(conn, op.op_id, op.fence, self.now, outcome=str(op.fence))
            else:
                took = outbox.fail(
                    conn,
                    op.op_id,
                    op.fence,
                    "x",
                    self.now,
                    permanent=how == "give up",
                    max_attempts=ATTEMPTS,
                    counted=how != "wait",
                )
            assert took == valid
            row = outbox.get(conn, op.op_id)
            assert row is not None
            if took:
                self.void.add((op.op_id, op.fence))
            if took and row.state in FINAL:
                self.end(op.op_id, row.state)
            if took and how == "complete":
                assert (row.state, row.outcome) == ("done", str(op.fence))
            if took and how == "wait":
                assert (row.state, row.attempts) == ("new", op.attempts - 1)

        @rule(owner=st.sampled_from(OWNERS))
        def crash(self, owner: str) -> None:
            """The worker dies; another takes its place at once and takes its leases back."""
            self.lives[owner] += 1
            self.begin(owner)

        @precondition(lambda self: self.order)
        @rule(data=st.data())
        def withdraw(self, data: st.DataObject) -> None:
            op = data.draw(st.sampled_from(self.order))
            waiting = outbox.listed(self.connection, ["new"], 99)
            took = outbox.withdraw(self.connection, op, self.now)
            assert took == (op in {o.op_id for o in waiting})
            if took:
                self.end(op, "done")

        @precondition(lambda self: "dead" in self.ended.values())
        @rule(data=st.data())
        def revive(self, data: st.DataObject) -> None:
            op = data.draw(st.sampled_from(sorted(k for k, v in self.ended.items() if v == "dead")))
            assert outbox.revive(self.connection, op, self.now)
            del self.ended[op]

        @invariant()
        def nothing_is_lost_and_what_ended_stays_ended(self) -> None:
            for op in self.order:
                row = outbox.get(self.connection, op)
                assert row is not None
                assert row.fence >= self.fences[op]
                assert row.state == self.ended.get(op, row.state)
                assert op in self.ended or row.state in UNFINISHED
            assert sum(outbox.counts(self.connection).values()) == len(self.order)

        def everything_comes_to_an_end(self) -> None:
            """With a worker that does not die, every effect is done or given up."""
            for _ in range(12 * ATTEMPTS):
                self.now += timedelta(seconds=400)
                for op in outbox.claim(self.connection, "last", self.now, LEASE, 9, max_attempts=ATTEMPTS):
                    assert outbox.complete(self.connection, op.op_id, op.fence, self.now)
            found: dict[str, Any] = outbox.counts(self.connection)
            assert found["done"] + found["dead"] == len(self.order)

    return Workers


def test_in_any_order_there_is_one_holder_and_nothing_is_lost(store: Store) -> None:
    budget: dict[str, Any] = {"max_examples": 20, "stateful_step_count": 30, "deadline": None}
    checks = settings(**budget, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine(store), settings=checks)
