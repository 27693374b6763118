"""Events are hints: lost, repeated and shuffled ones change nothing about what is found, and when."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from data.clock import ManualClock
from data.decision import TriageDecision
from data.store import Store, decisions, tickets
from data.sync import poll, refresh, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")
INTERVAL = timedelta(seconds=5)


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


def decide(store: Store, clock: ManualClock) -> list[str]:
    """Decide on every new arrival; return the tickets whose decision took effect."""
    made = TriageDecision(
        id="3-1",
        decision="abstain",
        issue_type="payslip_missing",
        category="payslips",
        priority="normal",
        team="payroll",
        probability=0.5,
        priority_probability=0.5,
        priority_decision="suggest",
        top=(("payslip_missing", 0.5),),
        bundle="b",
        policy="p",
        reason="unsure",
    )
    with store.write() as conn:
        waiting = decisions.untriaged(conn, 500)
        return [
            r.ticket.id for r in waiting if decisions.save(conn, r.tenant, r.ticket.id, made, clock.now())
        ]


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_is_found_within_two_intervals_and_takes_effect_once(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock, seed: int
) -> None:
    rng, desk = random.Random(seed), tracker.desk
    desk.file()
    sync(client, store, clock, project="PAY", progress=silent)
    decided = decide(store, clock)
    hints: list[str] = []
    for _ in range(60):
        desk.now -= 55_000  # many a minute
        if rng.random() < 0.5:
            hints.append(desk.file())
        else:
            hints.append(rng.choice(list(desk.issues)))
            desk.comment(hints[-1], "any news?")
        if rng.random() < 0.2:  # now and then, what has arrived by then
            arrived = [i for i in hints if rng.random() >= 0.3] * 10
            rng.shuffle(arrived)
            refresh(client, store, clock, arrived)
            decided += decide(store, clock)
            hints.clear()
    for _ in range(2):
        poll(client, store, clock, project="PAY")
        decided += decide(store, clock)
        clock.advance(INTERVAL)
    with store.read() as conn:
        found = {r.ticket.id: [c.id for c in r.comments] for r in tickets.iterate(conn)}
        entries = [c.id for r in tickets.iterate(conn) for c in r.changes]
    assert found == {i: [c["id"] for c in issue["comments"]] for i, issue in desk.issues.items()}
    assert sorted(decided) == sorted(desk.issues), "each ticket is decided on once"
    told = [a["id"] for a in desk.activities if a["category"]["id"] != "IssueCreatedCategory"]
    assert sorted(entries) == sorted(told), "each change is kept once"
