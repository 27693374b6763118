"""Webhooks on a bad day: lost, repeated, overtaken; and the vendor's own format with its traps."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest
from planted import WEBHOOK_SECRET as SECRET

from data.clock import SystemClock, to_millis
from data.sandbox.youtrack.faults.script import Webhooks
from data.sandbox.youtrack.loading import SERVICE_LOGIN
from data.sandbox.youtrack.model import Activity, Issue
from data.sandbox.youtrack.state import TrackerState, build_project
from data.sandbox.youtrack.vendor_events import TOKEN_HEADER, vendor_events
from data.sandbox.youtrack.webhooks import Emitter
from data.youtrack.webhook import parse_event, verify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = to_millis(NOW)


@pytest.fixture
def tracker() -> TrackerState:
    state = TrackerState(
        build_project("PAY", "Payroll Support", [("State", "state[1]", ["New", "!Resolved"], "New")])
    )
    state.add_user("kim", "Kim", email="kim@example.org", team=True)
    state.add_user(SERVICE_LOGIN, "Firstline", team=True)
    return state


def arrived(
    issues: list[Issue], faults: Webhooks, *, seed: int = 5, statuses: tuple[int, ...] = (202,)
) -> tuple[Emitter, list[httpx.Request]]:
    """Announce one change per issue and return what reached the receiver, in order.

    It answers with these `statuses` in turn.
    """
    got: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(statuses[(len(got) - 1) % len(statuses)])

    async def run() -> Emitter:
        emitter = Emitter(
            "http://127.0.0.1/hook", SECRET, 0.0, SystemClock(), random.Random(seed), faults=faults
        )
        emitter._http = httpx.AsyncClient(transport=httpx.MockTransport(receive))
        for issue in issues:
            emitter.changed(issue, "updated")
        while emitter.report()["under_way"]:
            await asyncio.sleep(0.01)
        await emitter.close()
        return emitter

    return asyncio.run(run()), got


def filed(tracker: TrackerState, count: int) -> list[Issue]:
    kim = tracker.users["kim"]
    return [tracker.create_issue(kim, f"Ticket {n}", None, AT + n) for n in range(count)]


def test_dropped_repeated_and_overtaken(tracker: TrackerState) -> None:
    issues = filed(tracker, 200)
    faults = Webhooks(drop=0.3, copies=10, spread=0.3)
    emitter, got = arrived(issues, faults)
    for request in got:
        verify(SECRET, request.headers, request.content, SystemClock().now())
    order = [parse_event(r.content).id for r in got]
    each = Counter(order)
    assert set(each.values()) == {10}
    assert 40 <= emitter.dropped == 200 - len(each) <= 80
    assert emitter.report() == {
        "sent": len(got),
        "known": 0,
        "dropped": emitter.dropped,
        "repeated": 9 * len(each),
        "failed": 0,
        "under_way": 0,
    }
    numbers = [int(i.rpartition("-")[2]) for i in order]
    assert numbers != sorted(numbers), "later events overtake earlier ones"
    again = arrived(issues, faults)[1]
    assert {parse_event(r.content).id for r in again} == set(each), "a seed drops the same ones"


def test_a_copy_that_the_receiver_had_already_has_not_failed(tracker: TrackerState) -> None:
    emitter, got = arrived(filed(tracker, 6), Webhooks(copies=2), statuses=(202, 409, 503))
    found = emitter.report()
    assert (len(got), found["sent"], found["known"], found["failed"]) == (12, 4, 4, 4)


def latest(tracker: TrackerState, since: int) -> list[Activity]:
    return tracker.activities[since:]


def test_the_vendors_format_has_the_vendors_traps(tracker: TrackerState) -> None:
    (issue,) = filed(tracker, 1)
    kim = tracker.users["kim"]
    (made,) = vendor_events(issue, "created", latest(tracker, 0))
    assert json.loads(made)["event"] == "issueCreated"
    seen = len(tracker.activities)
    tracker.set_field(issue, kim, AT, "State", tracker.project.fields["State"].values["Resolved"])
    (updated,) = vendor_events(issue, "updated", latest(tracker, seen))
    fact = json.loads(updated)
    assert (fact["event"], fact["id"], fact["timestamp"]) == (
        "issueUpdated",
        issue.readable_id,
        "2026-11-01T12:00:00.000Z",
    )
    assert fact["changedFields"] == [{"name": "State", "oldValue": "New", "value": "Resolved"}]
    assert "numberInProject" not in fact and issue.id not in updated.decode().split('"')

    seen = len(tracker.activities)
    tracker.set_text(issue, kim, AT + 5, attribute="summary", text="Other")
    tracker.add_comment(issue, kim, AT + 5, "for us only", internal=True)
    (commented,) = vendor_events(issue, "updated", latest(tracker, seen))
    fact = json.loads(commented)
    assert fact["event"] == "commentAdded", "the change of the summary is lost"
    assert fact["comments"][0]["text"] == "for us only"
    assert "visibility" not in commented.decode()

    seen = len(tracker.activities)
    tracker.add_tag(issue, kim, AT + 6, tracker.tag("vip"))
    assert vendor_events(issue, "updated", latest(tracker, seen)) == [], "tags are not covered"


def test_the_vendors_app_sends_a_token_and_does_not_know_whose_change_it_was(tracker: TrackerState) -> None:
    (issue,) = filed(tracker, 1)
    tracker.set_text(issue, tracker.users[SERVICE_LOGIN], AT + 9, attribute="summary", text="By us")
    assert arrived([issue], Webhooks())[1] == [], "our app leaves our own changes out"
    got: list[httpx.Request] = []

    async def run() -> None:
        emitter = Emitter(
            "http://127.0.0.1/hook",
            SECRET,
            0.0,
            SystemClock(),
            random.Random(1),
            faults=Webhooks(format="vendor"),
            recent=lambda i: tracker.activities[-1:],
        )
        emitter._http = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda r: (got.append(r), httpx.Response(200))[1])
        )
        emitter.changed(issue, "updated")
        while emitter.report()["under_way"]:
            await asyncio.sleep(0.01)
        await emitter.close()

    asyncio.run(run())
    (request,) = got
    assert request.headers[TOKEN_HEADER] == SECRET
    assert json.loads(request.content)["updatedBy"]["login"] == SERVICE_LOGIN
