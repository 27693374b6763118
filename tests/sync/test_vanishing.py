"""Many tickets missing at once are not believed gone: they stay, one alert stands, a person decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clock import ManualClock
from data.reconcile import sweep
from data.removals import FEW, SHARE, VANISHED, too_many
from data.store import Store, absence, alerts, audit, tickets
from data.sync import poll, refresh, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")
MANY = 30


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


def graves(store: Store) -> set[str]:
    with store.read() as conn:
        return {g.ticket_id for g in absence.buried(conn)}


def standing(store: Store) -> list[tuple[str, int, int]]:
    with store.read() as conn:
        return [(a.kind, a.facts["n"], a.facts["of"]) for a in alerts.find(conn)]


def audited(store: Store, action: str) -> list[tuple[str, str]]:
    with store.read() as conn:
        return sorted((r.actor, r.subject) for r in audit.newest(conn, action=action, limit=100))


@pytest.fixture
def filled(tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock) -> Store:
    for _ in range(MANY):
        tracker.desk.file()
    sync(client, store, clock, project="PAY", progress=silent)
    return store


def hidden(tracker: Any, number: int) -> dict[str, Any]:
    """Take so many tickets out of our sight, as a lost permission does."""
    return {i: tracker.desk.issues.pop(i) for i in list(tracker.desk.issues)[:number]}


def test_a_sweep_that_misses_many_buries_none_asks_for_none_and_warns_once(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    hidden(tracker, FEW + 2)
    for _ in range(2):
        tracker.asked.clear()
        report = sweep(client, filled, clock, "PAY")
        assert (report.held, report.missed, report.removed) == (FEW + 2, 0, 0)
        assert not [a for a in tracker.asked if "/issues/" in a], "thousands would be asked for one by one"
        clock.advance(timedelta(minutes=11))
        poll(client, filled, clock, project="PAY")
    assert graves(filled) == set() and audited(filled, "ticket.gone") == []
    assert standing(filled) == [(VANISHED, FEW + 2, MANY)]
    with filled.read() as conn:
        (alert,) = alerts.find(conn)
        assert "--accept-removals" in alert.facts["to_do"] and alert.facts["tickets"][0] == "PAY-1"
        assert tickets.counts(conn)["gone"] == 0


def test_what_comes_back_is_found_without_anybody_and_ends_the_alert(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    away = hidden(tracker, MANY)
    refresh(client, filled, clock, list(away))  # events named them; the tracker shows none
    clock.advance(timedelta(minutes=11))
    tracker.asked.clear()
    for _ in range(3):
        poll(client, filled, clock, project="PAY")
    assert sum("GET /api/issues/" in a for a in tracker.asked) == 5, "a few are tried, and not at each poll"
    assert standing(filled) == [(VANISHED, MANY, MANY)] and graves(filled) == set()
    tracker.desk.issues |= away  # the permission is given back
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    assert standing(filled) == [] and graves(filled) == set()
    with filled.read() as conn:
        assert absence.noted(conn, "PAY") == []


def test_a_sweep_that_sees_them_again_ends_the_alert_too(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    away = hidden(tracker, MANY - 1)
    assert sweep(client, filled, clock, "PAY").held == MANY - 1
    tracker.desk.issues = away | tracker.desk.issues
    assert sweep(client, filled, clock, "PAY").held == 0
    with filled.read() as conn:
        assert alerts.find(conn) == [] and absence.noted(conn, "PAY") == []


def test_a_person_confirms_and_every_tombstone_is_audited(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    away = hidden(tracker, FEW + 2)
    assert sweep(client, filled, clock, "PAY").held == FEW + 2
    report = sweep(client, filled, clock, "PAY", accept_removals=True)
    assert (report.held, report.removed) == (0, FEW + 2)
    assert graves(filled) == set(away) and standing(filled) == []
    assert audited(filled, "ticket.gone") == sorted(("cli", i) for i in away)
    assert audited(filled, "reconcile.repaired") == [("sync", "PAY")]
    tracker.desk.issues = {"3-1": away["3-1"], **tracker.desk.issues}
    refresh(client, filled, clock, ["3-1"])
    assert audited(filled, "ticket.returned") == [("sync", "3-1")] and "3-1" not in graves(filled)


def test_confirming_does_not_bury_what_the_index_forgot_but_the_tracker_shows(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    away = hidden(tracker, FEW + 2)
    assert sweep(client, filled, clock, "PAY").held == FEW + 2
    theirs = list(client.stamps("project: PAY", None))
    tracker.desk.issues |= away
    client.stamps = lambda query, since: iter(theirs)  # type: ignore[method-assign]  # a list that lags
    assert sweep(client, filled, clock, "PAY", accept_removals=True).removed == 0
    assert graves(filled) == set()


def test_a_few_deleted_tickets_are_still_buried_by_themselves(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    away = hidden(tracker, FEW)
    assert sweep(client, filled, clock, "PAY").missed == FEW
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    assert graves(filled) == set(away)
    assert audited(filled, "ticket.gone") == sorted(("sync", i) for i in away)


def test_the_command_says_what_to_do_and_takes_the_confirmation(
    tracker: Any, token: str, tmp_path: Path
) -> None:
    def firstline(*words: str) -> subprocess.CompletedProcess[str]:
        env = {"FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_TRACKER_URL": tracker.url}
        return subprocess.run(
            [sys.executable, "-c", "from serving.cli import main; main()", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **env, "FIRSTLINE_TRACKER_TOKEN": token},
        )

    for _ in range(3):
        tracker.desk.file()
    assert firstline("sync").returncode == 0
    hidden(tracker, 3)
    held = firstline("reconcile", "--json")
    assert held.returncode == 1 and json.loads(held.stdout)["tickets"]["held"] == 3
    assert "3 tickets that are stored are missing" in held.stderr and "What to do" in held.stderr
    assert firstline("alerts", "list").returncode == 1
    done = firstline("reconcile", "--accept-removals")
    assert done.returncode == 0, done.stderr
    assert "3 believed removed" in done.stdout
    assert firstline("alerts", "list").returncode == 0


@given(st.integers(0, 400), st.integers(0, 20_000))
def test_one_is_never_too_many_and_more_never_fewer(missing: int, known: int) -> None:
    missing = min(missing, known)
    held = too_many(missing, known)
    assert not too_many(min(1, known), known)
    assert held == (missing > 1 and (missing == known or missing > max(FEW, SHARE * known)))
    assert not held or too_many(min(missing + 1, known), known)
