"""A full synchronisation takes everything once, however often it is cut off."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from data.clock import ManualClock
from data.errors import TrackerError
from data.store import Store, ledger, open_store, outcomes, staging, tickets
from data.sync import SyncReport, finished, poll, refresh, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


class CutOff:
    """A progress bar that is interrupted (Ctrl-C) after `pages` pages."""

    def __init__(self, pages: int) -> None:
        self.left = pages

    def __call__(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        for item in items:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield item


def everything(store: Store) -> tuple[list[Any], ...]:
    """All that must not depend on how often a run was cut off; withdrawn rows tell a ticket's past."""
    past = {"reopened", "not_by_human", "no_root_cause"}
    with store.read() as conn:
        assert staging.waiting(conn) == []
        rows = [e for e in ledger.iterate(conn) if e.reason not in past]
        return list(tickets.iterate(conn)), list(outcomes.iterate(conn)), rows


def populate(desk: Any, n: int, seed: int = 1) -> None:
    rng = random.Random(seed)
    ids = [
        desk.file(Issue_type="payslip_missing", Category="payslips", Team="payroll", description="Hello")
        for _ in range(n)
    ]
    for _ in range(3 * n):
        act(desk, rng.choice(ids), rng)


def act(desk: Any, issue_id: str, rng: random.Random) -> None:
    kind = rng.randrange(6)
    if kind == 0:
        desk.comment(issue_id, "ROOT CAUSE\nsymptom: none", internal=rng.random() < 0.5)
    elif kind == 1:
        desk.tag(issue_id, rng.choice(["qa-reviewed", "l3-root-cause", "vip"]))
    elif kind == 2:
        desk.change(issue_id, "State", "Open")
    elif kind == 3:
        desk.change(issue_id, "Issue type", rng.choice(["net_pay_incorrect", None]))
    else:
        desk.change(issue_id, "State", "Resolved", author=rng.choice(["kim", "lee", "svc-firstline"]))


def full(client: YouTrackClient, store: Store, clock: ManualClock, progress: Any = silent) -> SyncReport:
    return sync(client, store, clock, project="PAY", progress=progress)


def test_everything_arrives_once(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    populate(tracker.desk, 30)
    report = full(client, store, clock)
    assert (report.mode, report.stored_tickets, report.tracker_tickets, report.missing) == ("full", 30, 30, 0)
    assert report.ledger_complete
    assert report.stored_resolved == report.tracker_resolved > 0
    found, closings, rows = everything(store)
    assert {r.ticket.id for r in found} == set(tracker.desk.issues)
    for record in found:
        issue = tracker.desk.issues[record.ticket.id]
        assert [c.id for c in record.comments] == [c["id"] for c in issue["comments"]]
        assert (record.resolved is None) == (issue["resolved"] is None)
        own = [
            a["id"]
            for a in tracker.desk.activities
            if a["target"].get("issue", a["target"])["id"] == record.ticket.id
            and a["category"]["id"] != "IssueCreatedCategory"
        ]
        assert [c.id for c in record.changes] == own
    assert len(closings) == sum(1 for r in found if r.resolved)
    assert {(e.ticket_id, e.kind) for e in rows} >= {
        (o.ticket_id, "resolution") for o in closings if o.by_human
    }
    assert any(not o.by_human for o in closings) and any(o.reopened for o in closings)


@pytest.mark.parametrize("pages", [0, 1, 3, 8, 11, 13])
def test_an_interrupted_run_continues_and_nothing_is_lost_or_doubled(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock, pages: int, sqlite_url: str
) -> None:
    populate(tracker.desk, 30)
    with pytest.raises(KeyboardInterrupt):
        full(client, store, clock, CutOff(pages))
    asked = len(tracker.asked)
    full(client, store, clock)
    again = len(tracker.asked) - asked
    with open_store(sqlite_url + ".whole") as whole:
        asked = len(tracker.asked)
        full(client, whole, clock)
        assert again <= len(tracker.asked) - asked + 3, "the finished pages are not read again"
        assert everything(store) == everything(whole)


@pytest.mark.parametrize("seed", range(6))
def test_people_work_while_a_run_is_cut_off_again_and_again(
    tracker: Any, client: YouTrackClient, clock: ManualClock, sqlite_url: str, seed: int
) -> None:
    rng = random.Random(seed)
    populate(tracker.desk, 20, seed)
    with open_store(sqlite_url) as store, open_store(sqlite_url + ".whole") as whole:
        for _ in range(6):
            with suppress(KeyboardInterrupt):
                full(client, store, clock, CutOff(rng.randrange(12)))
            for _ in range(rng.randrange(4)):
                act(tracker.desk, rng.choice(list(tracker.desk.issues)), rng)
            tracker.desk.file()
        full(client, store, clock)
        full(client, whole, clock)
        assert everything(store) == everything(whole)
        assert finished(store)


def test_tickets_deleted_between_two_pages_push_none_out_of_sight(
    tracker: Any, client: YouTrackClient, clock: ManualClock, sqlite_url: str
) -> None:
    populate(tracker.desk, 40)
    history = -(-len(tracker.desk.activities) // 20)
    with open_store(sqlite_url) as store:
        with pytest.raises(KeyboardInterrupt):
            full(client, store, clock, CutOff(history + 2))
        for gone in ("3-1", "3-2", "3-12"):
            del tracker.desk.issues[gone]
        full(client, store, clock)
        with store.read() as conn:
            kept = {r.ticket.id for r in tickets.iterate(conn)}
        assert kept >= set(tracker.desk.issues)


def test_long_threads_are_read_beyond_the_nested_limit(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    issue = tracker.desk.file()
    for n in range(60):
        tracker.desk.comment(issue, f"comment {n}")
    tracker.desk.issues[issue]["comments"][3]["deleted"] = True
    full(client, store, clock)
    with store.read() as conn:
        record = tickets.find(conn, issue)
    assert record is not None
    assert [c.text for c in record.comments] == [f"comment {n}" if n != 3 else "" for n in range(60)]
    assert [c.deleted for c in record.comments].count(True) == 1


@pytest.mark.parametrize("last_cursor", [True, False])
def test_nothing_changed_costs_one_request_and_gives_nothing(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock, last_cursor: bool
) -> None:
    tracker.desk.last_cursor = last_cursor
    populate(tracker.desk, 5)
    assert poll(client, store, clock, project="PAY") == [], "before the first synchronisation"
    full(client, store, clock)
    tracker.asked.clear()
    assert poll(client, store, clock, project="PAY") == []
    assert tracker.asked == ["GET /api/activitiesPage"]


@pytest.mark.parametrize("last_cursor", [True, False])
def test_polling_finds_every_kind_of_change(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock, last_cursor: bool
) -> None:
    desk = tracker.desk
    desk.last_cursor = last_cursor
    populate(desk, 8)
    full(client, store, clock)
    changes = {
        "3-1": lambda: desk.comment("3-1", "any news?"),
        "3-2": lambda: desk.tag("3-2", "vip"),
        "3-3": lambda: desk.change("3-3", "State", "Waiting"),
        "3-9": lambda: desk.file(summary="a new one"),
    }
    for issue_id, change in changes.items():
        change()
        assert poll(client, store, clock, project="PAY") == [issue_id]
        assert poll(client, store, clock, project="PAY") == []
    for change in list(changes.values())[:3]:
        change()
    assert sorted(poll(client, store, clock, project="PAY")) == ["3-1", "3-2", "3-3"]
    with store.read() as conn:
        state = tickets.find(conn, "3-3")
    assert state is not None
    assert state.state == "Waiting"


def test_an_entry_committed_late_is_found_by_the_next_overlap(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    populate(desk, 5)
    full(client, store, clock)
    desk.change("3-1", "Assignee", "lee")
    desk.comment("3-2", "late")
    late = desk.activities.pop()
    assert poll(client, store, clock, project="PAY") == ["3-1"]
    late["timestamp"] = desk.activities[-1]["timestamp"] - 5000
    desk.activities.insert(len(desk.activities) - 1, late)
    clock.sleep(10)
    poll(client, store, clock, project="PAY")
    clock.sleep(30)
    poll(client, store, clock, project="PAY")
    with store.read() as conn:
        record = tickets.find(conn, "3-2")
    assert record is not None
    assert record.comments[-1].text == "late"


def test_polls_of_a_busy_desk_read_each_entry_about_once(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    populate(desk, 10)
    full(client, store, clock)
    tracker.asked.clear()
    for _ in range(6):
        for _ in range(20):
            desk.now -= 59_900  # many a second
            desk.change("3-1", "Assignee", "lee")
        poll(client, store, clock, project="PAY")
        clock.sleep(2)
    feed = [a for a in tracker.asked if "activitiesPage" in a]
    assert len(feed) <= 6 * 2 + 2, "a cursor continues; only the first look goes back"


def test_many_changes_are_read_in_batches_and_a_lagging_index_directly(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    populate(desk, 30)
    full(client, store, clock)
    for issue_id in list(desk.issues)[:18]:
        desk.change(issue_id, "Assignee", "lee")
    desk.lagging = {"PAY-4", "PAY-9"}
    tracker.asked.clear()
    assert len(poll(client, store, clock, project="PAY")) == 18
    direct = [a for a in tracker.asked if a.startswith("GET /api/issues/")]
    assert sorted(direct) == ["GET /api/issues/3-4", "GET /api/issues/3-9"]


def test_a_ticket_that_is_gone_stays_in_the_store(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    populate(tracker.desk, 3)
    full(client, store, clock)
    tracker.desk.change("3-2", "State", "Waiting")
    del tracker.desk.issues["3-2"]
    assert poll(client, store, clock, project="PAY") == []
    with store.read() as conn:
        assert tickets.find(conn, "3-2") is not None
    assert refresh(client, store, clock, ["3-2", "3-404"]) == []


def test_a_named_ticket_is_re_read_at_once(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    populate(tracker.desk, 3)
    full(client, store, clock)
    new = tracker.desk.file(summary="urgent")
    assert refresh(client, store, clock, [new, new, "3-1"]) == [new]
    poll(client, store, clock, project="PAY")
    with store.read() as conn:
        record = tickets.find(conn, new)
    assert record is not None
    assert [c.field for c in record.changes] == []


def test_the_trackers_clock_need_not_agree_with_ours(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    tracker.desk.now -= timedelta(days=400) // timedelta(milliseconds=1)
    populate(tracker.desk, 3)
    full(client, store, clock)
    new = tracker.desk.file()
    assert poll(client, store, clock, project="PAY") == [new]


def test_a_cursor_that_expired_starts_the_history_again(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock, fault: Any, sqlite_url: str
) -> None:
    populate(tracker.desk, 20)
    tracker.faults.append(fault("activitiesPage", "answer", after=3, status=400))
    full(client, store, clock)
    with open_store(sqlite_url + ".whole") as whole:
        full(client, whole, clock)
        assert everything(store) == everything(whole)


@pytest.mark.parametrize("kind", ["truncated", "reset", "slow"])
def test_a_tracker_that_fails_for_long_stops_the_run_and_keeps_its_progress(
    tracker: Any, impatient: YouTrackClient, store: Store, clock: ManualClock, fault: Any, kind: str
) -> None:
    populate(tracker.desk, 20)
    tracker.faults.append(fault("GET /api/issues", kind, after=1, times=3))
    with pytest.raises(TrackerError) as failed:
        full(impatient, store, clock)
    assert failed.value.remedy
    with store.read() as conn:
        assert tickets.counts(conn)["tickets"] > 0
    assert full(impatient, store, clock).stored_tickets == 20


def test_what_the_feed_did_not_tell_is_found_by_counting(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    populate(tracker.desk, 4)
    full(client, store, clock)
    unseen = tracker.desk.file()
    tracker.desk.activities = [a for a in tracker.desk.activities if a["target"]["id"] != unseen]
    report = full(client, store, clock)
    assert (report.mode, report.missing, report.stored_tickets) == ("reconciled", 0, 5)
    assert full(client, store, clock).mode == "incremental"


def test_a_shortfall_that_stays_is_reported_and_searched_for_once(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    populate(tracker.desk, 4)
    full(client, store, clock)
    tracker.desk.miscounted = 2
    modes = [(r.mode, r.missing) for r in (full(client, store, clock) for _ in range(3))]
    assert modes == [("reconciled", 2), ("incremental", 2), ("incremental", 2)]
    tracker.desk.miscounted = 0
    assert full(client, store, clock).missing == 0
    tracker.desk.miscounted = 2
    assert full(client, store, clock).mode == "reconciled"
