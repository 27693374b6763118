"""Tickets that go away are missed, looked for again, buried, and found again; their history stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from data.clock import ManualClock
from data.store import Store, absence, decisions, tickets
from data.sync import poll, refresh, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


def queue(store: Store) -> set[str]:
    with store.read() as conn:
        return {r.ticket.id for r in decisions.untriaged(conn, 50)}


def graves(store: Store) -> list[tuple[str, str]]:
    with store.read() as conn:
        return [(g.ticket_id, g.reason) for g in absence.buried(conn)]


@pytest.fixture
def filled(tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock) -> Store:
    for _ in range(4):
        tracker.desk.file()
    tracker.desk.change("3-2", "Assignee", "lee")
    sync(client, store, clock, project="PAY", progress=silent)
    return store


def test_a_ticket_is_believed_gone_at_the_second_look_only(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    deleted = tracker.desk.issues.pop("3-2")
    refresh(client, filled, clock, ["3-2"])
    poll(client, filled, clock, project="PAY")
    assert graves(filled) == [] and "3-2" in queue(filled), "one answer is not believed"
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    assert graves(filled) == [("3-2", "not_found")]
    assert queue(filled) == {"3-1", "3-3", "3-4"}
    with filled.read() as conn:
        record = tickets.find(conn, "3-2")
        assert tickets.counts(conn)["gone"] == 1
    assert record is not None and [c.added for c in record.changes][-1] == "lee", "its history stays"
    report = sync(client, filled, clock, project="PAY", progress=silent)
    assert (report.stored_tickets, report.tracker_tickets, report.missing) == (3, 3, 0)

    tracker.desk.issues["3-2"] = deleted  # restored
    refresh(client, filled, clock, ["3-2"])
    assert graves(filled) == [] and "3-2" in queue(filled)


def test_a_ticket_that_answers_at_the_second_look_was_never_gone(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock, fault: Any
) -> None:
    tracker.faults.append(fault("GET /api/issues/3-3", "answer", status=404, times=1))
    refresh(client, filled, clock, ["3-3"])
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    clock.advance(timedelta(minutes=11))
    poll(client, filled, clock, project="PAY")
    assert graves(filled) == []
    with filled.read() as conn:
        assert absence.due(conn, clock.now()) == []


def test_a_ticket_moved_out_is_buried_at_once_and_its_new_contents_are_not_read(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    moved = tracker.desk.issues["3-1"]
    moved["project"] = {"id": "0-4", "shortName": "OPS", "$type": "Project"}
    moved |= {"idReadable": "OPS-7", "summary": "not for us"}
    refresh(client, filled, clock, ["3-1"])
    assert graves(filled) == [("3-1", "moved")]
    with filled.read() as conn:
        record = tickets.find(conn, "3-1")
    assert record is not None
    assert (record.project, record.readable_id, record.ticket.summary) == ("PAY", "PAY-1", "Request 1")


def test_a_ticket_moved_in_brings_its_whole_past(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    new = desk.file(summary="from elsewhere")
    desk.change(new, "State", "Open", author="lee")
    hidden = [a for a in desk.activities if a["target"].get("id") == new]
    desk.activities = [a for a in desk.activities if a not in hidden]
    for _ in range(3):
        desk.change("3-4", "Assignee", "kim")
    poll(client, filled, clock, project="PAY")
    desk.activities = [*hidden, *desk.activities]  # now the project's feed has them, in the past
    desk.touch(new)
    ops, pay = ({"id": i, "shortName": n, "$type": "Project"} for i, n in (("0-4", "OPS"), ("0-3", "PAY")))
    desk._log(new, "ProjectCategory", "kim", None, [pay], [ops])
    assert new in poll(client, filled, clock, project="PAY")
    with filled.read() as conn:
        record = tickets.find(conn, new)
    assert record is not None
    assert [(c.kind, c.removed, c.added) for c in record.changes] == [
        ("field", "New", "Open"),
        ("project", "OPS", "PAY"),
    ]


def test_the_old_readable_id_is_kept_when_it_changes(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    tracker.desk.touch("3-1")
    tracker.desk.issues["3-1"]["idReadable"] = "PAY-70"
    assert refresh(client, filled, clock, ["3-1"]) == ["3-1"]
    with filled.read() as conn:
        record = tickets.find(conn, "PAY-70")
    assert record is not None
    assert [(c.kind, c.removed, c.added) for c in record.changes] == [("readable_id", "PAY-1", "PAY-70")]


def test_a_comment_deleted_for_good_keeps_its_place(
    tracker: Any, client: YouTrackClient, filled: Store, clock: ManualClock
) -> None:
    said = tracker.desk.comment("3-1", "my account number")
    poll(client, filled, clock, project="PAY")
    comment = tracker.desk.issues["3-1"]["comments"].pop()
    tracker.desk.touch("3-1")
    tracker.desk._log("3-1", "CommentsCategory", "kim", None, [], [{"id": said}], target=comment)
    assert poll(client, filled, clock, project="PAY") == ["3-1"]
    with filled.read() as conn:
        record = tickets.find(conn, "3-1")
    assert record is not None
    assert [(c.id, c.text, c.deleted) for c in record.comments] == [(said, "", True)]
