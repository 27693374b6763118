"""The audit sample and the guard on a real store: drawn, read blind, autonomy taken and given back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data.decision import TriageDecision
from data.errors import BadInputError
from data.store import Store, alerts, decisions, reviews, suspensions, tickets
from data.ticket import Ticket, TicketRecord
from serving.policy import Promise
from serving.watching import ALERT, LEAST_A_WEEK, LEAST_SHARE, Watch, judge, rate, standings

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
PROMISE = Promise(0.05, 0.95)
FACTS: dict[str, Any] = {
    "bundle": "bundle0",
    "certificates": {"groups": [{"client": "acme", "category": "access_authentication"}]},
}


def record(number: int, client: str = "acme") -> TicketRecord:
    return TicketRecord(
        ticket=Ticket(id=f"2-{number}", summary="I cannot sign in", description="at all", client=client),
        readable_id=f"PAY-{number}",
        project="PAY",
        created=NOW,
        updated=NOW,
        resolved=None,
        state="Open",
        issue_type=None,
        category=None,
        priority=None,
        team=None,
        reporter="jane",
    )


def decision(number: int, kind: str = "apply") -> TriageDecision:
    return TriageDecision(
        id=f"2-{number}",
        issue_type="password_reset",
        category="access_authentication",
        priority="normal",
        team="service-desk",
        probability=0.97,
        top=(("password_reset", 0.97),),
        priority_probability=0.9,
        decision=kind,  # type: ignore[arg-type]
        priority_decision="apply",
        reason="sure",
        bundle="bundle0",
        policy="policy0",
    )


def done_alone(store: Store, number: int, now: datetime, chance: float = 0.0) -> TriageDecision:
    """One ticket decided and committed as the worker does; return what was allowed."""
    with store.write() as conn:
        tickets.upsert(conn, [record(number)], seen_at=now)
        watch = Watch.begin(conn, FACTS, now)
        allowed = watch.allowed(record(number), decision(number))
        decisions.save(conn, "acme", f"2-{number}", allowed, now)
        watch.draw(conn, record(number), decision(number), lambda: chance)
    return allowed


def reviewed(store: Store, number: int, right: bool, now: datetime) -> Any:
    with store.write() as conn:
        drawn = reviews.get(conn, "acme", f"2-{number}")
        assert drawn is not None
        issue_type = "password_reset" if right else "payslip_missing"
        category = drawn.said if right else "payslips_documents"
        reviews.record(conn, drawn, issue_type=issue_type, category=category, reviewer="ana", now=now)
        return judge(conn, drawn, PROMISE, now)


def test_at_least_a_twentieth_or_twenty_five_a_week_are_audited() -> None:
    assert [rate(n) for n in (0, 10, 25, 50, 500, 10_000)] == [1, 1, 1, 0.5, LEAST_SHARE, LEAST_SHARE]
    rng = random.Random(3)
    for volume in (100, 1000):
        drawn = sum(rng.random() < rate(volume) for _ in range(volume))
        assert drawn >= 0.6 * max(LEAST_A_WEEK, LEAST_SHARE * volume)


def test_only_what_is_done_alone_is_drawn_and_only_by_chance(store: Store) -> None:
    done_alone(store, 1, NOW, chance=0.999)
    with store.write() as conn:
        watch = replace(Watch.begin(conn, FACTS, NOW), rate=0.05)
        assert not watch.draw(conn, record(1), decision(1, "suggest"), lambda: 0.0)
        assert not watch.draw(conn, record(1), decision(1), lambda: 0.05)
        before = reviews.waiting(conn)
        assert [r.ticket_id for r in before] == ["2-1"]  # the first of the week: everything is drawn


def test_a_broken_promise_takes_the_groups_autonomy_and_says_why(store: Store) -> None:
    wrong = 0
    for number in range(1, 40):
        done_alone(store, number, NOW + timedelta(minutes=number))
        found = reviewed(store, number, right=False, now=NOW + timedelta(minutes=number, seconds=5))
        wrong += 1
        if found is not None:
            break
    assert found is not None
    assert 2 <= wrong <= 8
    assert (found.errors, found.reviewed, found.lifted_at) == (wrong, wrong, None)
    held = done_alone(store, 50, NOW + timedelta(hours=1))
    assert (held.decision, held.priority_decision) == ("suggest", "suggest")
    assert f"{wrong} of {wrong} audited tickets were wrong, and at most 5 %" in held.reason
    with store.read() as conn:
        (alert,) = alerts.find(conn)
        assert (alert.kind, alert.subject) == (ALERT, "access_authentication of acme")
        (row,) = standings(conn, "bundle0", PROMISE)
        assert row.suspended
        other = Watch.begin(conn, {**FACTS, "bundle": "bundle1"}, NOW)
        assert other.allowed(record(51), decision(51)).decision == "apply"


def test_new_audits_give_it_back_and_old_ones_do_not(store: Store) -> None:
    number = 0
    while True:
        number += 1
        done_alone(store, number, NOW)
        if reviewed(store, number, right=False, now=NOW + timedelta(seconds=number)) is not None:
            break
    later = NOW + timedelta(days=1)
    for k in range(1, 400):
        number += 1
        assert done_alone(store, number, later + timedelta(minutes=k)).decision == "suggest"
        found = reviewed(store, number, right=True, now=later + timedelta(minutes=k, seconds=1))
        if found is not None:
            break
    assert found is not None and found.lifted_at is not None
    assert 40 <= k <= 150
    number += 1
    assert done_alone(store, number, later + timedelta(days=1)).decision == "apply"
    with store.read() as conn:
        assert alerts.find(conn) == []
        assert suspensions.standing(conn, "bundle0") == []
    # The errors before the suspension are settled: one more is no alarm.
    assert reviewed(store, number, right=False, now=later + timedelta(days=1, minutes=1)) is None


def test_a_first_verdict_stands(store: Store) -> None:
    done_alone(store, 1, NOW)
    reviewed(store, 1, right=True, now=NOW)
    with pytest.raises(BadInputError, match="reviewed already"):
        reviewed(store, 1, right=False, now=NOW)
