"""The daily comparison finds and repairs what the feed did not tell, and says what it could not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from data.clock import ManualClock
from data.reconcile import SHORTFALL, check_ledger, daily, sweep
from data.stamps import Stamp, checksum, compare
from data.store import Store, absence, alerts, ledger, outcomes, reconciliations, tickets
from data.store.schema import ledger as ledger_table
from data.store.schema import outcomes as outcome_table
from data.store.schema import tickets as ticket_table
from data.sync import poll, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")
DAY = datetime(2026, 5, 1, tzinfo=UTC)


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


@pytest.fixture
def filled(tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock) -> Store:
    for n in range(9):
        one = tracker.desk.file(Issue_type="payslip_missing", Category="payslips")
        tracker.desk.change(one, "State", "Resolved")
        if n % 3 == 0:
            tracker.desk.tag(one, "l3-root-cause")
    tracker.desk.file(summary="open")
    sync(client, store, clock, project="PAY", progress=silent)
    return store


def forget(store: Store, ticket_id: str) -> None:
    with store.write() as conn:
        conn.execute(delete(ticket_table).where(ticket_table.c.ticket_id == ticket_id))


def test_agreement_costs_few_requests_and_is_kept_with_its_date(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    tracker.asked.clear()
    report = sweep(client, filled, clock, "PAY")
    assert (report.tracker_tickets, report.stored_tickets, report.repaired) == (10, 10, 0)
    assert report.days_differing == [] and report.unrepaired == []
    assert tracker.asked == ["GET /api/issues"]
    with filled.read() as conn:
        kept = reconciliations.latest(conn, "tickets", "PAY")
    assert kept is not None and kept.complete and kept.at == clock.now()


def test_what_is_absent_stale_or_vanished_is_found_and_repaired(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    forget(filled, "3-1")
    tracker.desk.change("3-2", "State", "Open")
    tracker.desk.activities.pop()  # the feed never tells
    tracker.desk.activities.pop()
    del tracker.desk.issues["3-3"]
    report = sweep(client, filled, clock, "PAY")
    assert len(report.days_differing) == 1
    assert (report.repaired, report.missed, report.unrepaired) == (2, 1, [])
    with filled.read() as conn:
        again, changed = tickets.find(conn, "3-1"), tickets.find(conn, "3-2")
        rows = {(e.ticket_id, e.kind): e.state for e in ledger.iterate(conn)}
    assert again is not None and changed is not None
    assert [c.added for c in again.changes if c.field == "State"] == ["Resolved"], "with its whole history"
    assert changed.state == "Open" and changed.resolved is None
    assert rows["3-1", "resolution"] == "candidate" and rows["3-1", "root_cause"] == "candidate"
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    with filled.read() as conn:
        assert [g.ticket_id for g in absence.buried(conn)] == ["3-3"]
    assert sweep(client, filled, clock, "PAY").days_differing == []


def test_what_cannot_be_read_is_an_alert_until_it_can(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock, fault: Any
) -> None:
    forget(filled, "3-4")
    tracker.faults.append(fault("GET /api/issues/3-4", "answer", status=404))
    assert sweep(client, filled, clock, "PAY").unrepaired == ["3-4"]
    with filled.read() as conn:
        assert [a.facts for a in alerts.find(conn)] == [{"tickets": ["3-4"], "n": 1}]
        kept = reconciliations.latest(conn, "tickets", "PAY")
    assert kept is not None and not kept.complete
    assert sweep(client, filled, clock, "PAY").unrepaired == []
    with filled.read() as conn:
        assert alerts.find(conn) == [] and len(alerts.find(conn, standing_only=False)) == 1


def test_a_lost_ledger_row_is_written_again(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    with filled.write() as conn:
        conn.execute(delete(ledger_table).where(ledger_table.c.ticket_id.in_(["3-1", "3-2"])))
        conn.execute(delete(outcome_table).where(outcome_table.c.ticket_id == "3-5"))
        conn.execute(delete(ledger_table).where(ledger_table.c.ticket_id == "3-5"))
        assert not ledger.status(conn).complete
    report = check_ledger(client, filled, clock, "PAY")
    assert (report.tracker_resolved, report.stored_resolved, report.missing_total) == (9, 9, 0)
    assert (report.tracker_root_causes, report.root_cause_rows, report.resolution_rows) == (3, 3, 9)
    with filled.read() as conn:
        assert ledger.status(conn).complete
        assert outcomes.counts(conn)["resolved"] == 9


def test_a_shortfall_against_the_trackers_count_is_an_alert_with_the_tickets(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    forget(filled, "3-1")
    with filled.write() as conn:  # the store believes it open
        conn.execute(update(ticket_table).where(ticket_table.c.ticket_id == "3-2").values(resolved=None))
    report = check_ledger(client, filled, clock, "PAY")
    assert (report.missing, report.missing_total) == (["PAY-1", "PAY-2"], 2)
    with filled.read() as conn:
        (alert,) = alerts.find(conn)
    assert (alert.kind, alert.facts["tickets"]) == (SHORTFALL, ["PAY-1", "PAY-2"])
    sweep(client, filled, clock, "PAY")
    assert check_ledger(client, filled, clock, "PAY").missing_total == 0
    with filled.read() as conn:
        assert alerts.find(conn) == []


def test_the_daily_step_runs_once_a_day_and_not_before_the_first_synchronisation(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    tracker.desk.file()
    assert daily(client, store, clock, "PAY") is None
    sync(client, store, clock, project="PAY", progress=silent)
    assert daily(client, store, clock, "PAY") is not None
    assert daily(client, store, clock, "PAY") is None
    clock.advance(timedelta(days=1))
    assert daily(client, store, clock, "PAY") is not None


def firstline(home: Path, tracker: Any, token: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"FIRSTLINE_HOME": str(home), "FIRSTLINE_TRACKER_URL": tracker.url}
    return subprocess.run(
        [sys.executable, "-c", "from serving.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **env, "FIRSTLINE_TRACKER_TOKEN": token},
    )


def test_the_commands_explain_and_repair(tracker: Any, token: str, tmp_path: Path) -> None:
    for issue_type in ("payslip_missing", None):
        one = tracker.desk.file(Issue_type=issue_type)
        tracker.desk.change(one, "State", "Resolved")
    tracker.desk.file()
    assert firstline(tmp_path, tracker, token, "sync").returncode == 0
    done = firstline(tmp_path, tracker, token, "reconcile", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ledger"]["missing_total"] == 0
    said = [firstline(tmp_path, tracker, token, "ledger", "explain", f"PAY-{n}").stdout for n in (1, 2, 3)]
    assert "is a candidate" in said[0] and "by kim" in said[0]
    assert "rejected because it was closed without an issue type" in said[1]
    assert "is open." in said[2] and "No row" in said[2]
    listed = firstline(tmp_path, tracker, token, "ledger", "list", "--state", "rejected", "--json")
    assert [r["ticket_id"] for r in json.loads(listed.stdout)] == ["3-2"]
    assert firstline(tmp_path, tracker, token, "ledger", "list", "--state", "odd").returncode == 3
    assert firstline(tmp_path, tracker, token, "alerts", "list").returncode == 0
    unknown = firstline(tmp_path, tracker, token, "ledger", "explain", "PAY-404")
    assert unknown.returncode == 3 and "no ticket PAY-404" in unknown.stderr
    tracker.desk.miscounted = 2
    short = firstline(tmp_path, tracker, token, "reconcile")
    assert short.returncode == 1 and "2 without a ledger row" in short.stderr
    assert firstline(tmp_path, tracker, token, "alerts", "list").returncode == 1


MOMENTS = st.integers(0, 5 * 86_400).map(lambda s: DAY + timedelta(seconds=s))
STAMPS = st.dictionaries(
    st.integers(1, 30), st.tuples(MOMENTS, MOMENTS, st.none() | MOMENTS), max_size=20
).map(lambda found: [Stamp(f"3-{n}", f"PAY-{n}", *rest) for n, rest in found.items()])


@given(theirs=STAMPS, ours=STAMPS)
def test_exactly_the_tickets_that_differ_are_named(theirs: list[Stamp], ours: list[Stamp]) -> None:
    born = {s.id: s.created for s in theirs}  # a ticket's creation never changes
    ours = [Stamp(s.id, s.readable_id, born.get(s.id, s.created), s.updated, s.resolved) for s in ours]
    found = compare(theirs, ours)
    there, here = ({s.id: s for s in some} for some in (theirs, ours))
    assert set(found.absent) == there.keys() - here.keys()
    assert set(found.vanished) == here.keys() - there.keys()
    assert set(found.stale) == {i for i in there.keys() & here.keys() if there[i] != here[i]}
    assert all(d.agree for d in found.days) == (there == here)
    assert sum(d.tracker for d in found.days) == len(theirs)
    assert checksum(ours) == checksum(reversed(ours))
