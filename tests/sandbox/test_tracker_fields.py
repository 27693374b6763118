"""Custom fields of every kind, state machines, SLA timers, and rules that refuse a change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock, from_millis, to_millis
from data.sandbox.world import World
from data.sandbox.youtrack.business_hours import DAY_MS as DAY
from data.sandbox.youtrack.business_hours import HOUR_MS as HOUR
from data.sandbox.youtrack.business_hours import after, worked
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.transaction import Veto
from data.settings import SANDBOX_TOKEN

NOW = datetime(2026, 11, 1, tzinfo=UTC)
VALUE = "$type,name,value($type,id,name,login,text,minutes,presentation),possibleEvents(id),pausedTime"


class Desk:
    def __init__(self, world: World) -> None:
        self.state: SandboxState = load(world)
        self.clock = ManualClock(world.end)
        self.told: list[str] = []
        routes = api_routes(self.state.tracker, self.clock, lambda issue, kind: self.told.append(kind))
        self.http = TestClient(Starlette(routes=routes), headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"})

    def file(self, short_name: str, **more: Any) -> str:
        body = {"project": {"shortName": short_name}, "summary": "x", **more}
        return str(ok(self.http.post("/api/issues", json=body, params={"fields": "id"}))["id"])

    def field(self, issue: str, name: str) -> dict[str, Any]:
        found = ok(self.http.get(f"/api/issues/{issue}/customFields", params={"fields": VALUE}))
        return next(dict(f) for f in found if f["name"] == name)

    def set(self, issue: str, name: str, kind: str, **more: Any) -> httpx.Response:
        entry = {"$type": kind, "name": name, **more}
        return self.http.post(f"/api/issues/{issue}", json={"customFields": [entry]})


@pytest.fixture
def desk(small_world: World) -> Iterator[Desk]:
    yield Desk(small_world)


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


NOON = 1_795_392_000_000 + 43_200_000


@pytest.mark.parametrize(
    ("name", "kind", "written", "shown"),
    [
        ("Areas", "MultiEnum", [{"name": "Tax"}, {"name": "Payslips"}], ["Tax", "Payslips"]),
        ("Reviewers", "MultiUser", [{"login": "svc-firstline"}], ["svc-firstline"]),
        ("Watchers", "SingleGroup", {"name": "All Users"}, "All Users"),
        ("Fix versions", "MultiVersion", [{"name": "26.2"}], ["26.2"]),
        ("Affected build", "SingleBuild", {"name": "1202"}, "1202"),
        ("Subsystem", "SingleOwned", {"name": "Portal"}, "Portal"),
        ("Reference", "Simple", "A-17", "A-17"),
        ("Points", "Simple", 3, 3),
        ("Risk", "Simple", 0.5, 0.5),
        ("Due date", "Date", NOON - 1, NOON),
        ("Call at", "Simple", 1_795_392_000_123, 1_795_392_000_123),
        ("Steps", "Text", {"text": "one", "$type": "TextFieldValue"}, "one"),
    ],
)
def test_every_kind_is_read_as_it_was_written(
    desk: Desk, name: str, kind: str, written: Any, shown: Any
) -> None:
    issue = desk.file("ENG")
    ok(desk.set(issue, name, f"{kind}IssueCustomField", value=written))
    read = desk.field(issue, name)

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(v) for v in value]
        return (
            value.get("login") or value.get("name") or value.get("text") if isinstance(value, dict) else value
        )

    assert read["$type"] == f"{kind}IssueCustomField"
    assert plain(read["value"]) == shown
    assert desk.set(issue, name, "StateIssueCustomField", value=written).status_code == 400
    ok(desk.set(issue, name, f"{kind}IssueCustomField", value=[] if isinstance(shown, list) else None))
    assert desk.field(issue, name)["value"] in (None, [])


def test_a_period_counts_in_working_days_and_its_field_has_a_condition(desk: Desk) -> None:
    task = {"$type": "SingleEnumIssueCustomField", "name": "Type", "value": {"name": "Task"}}
    issue, bug = desk.file("ENG", customFields=[task]), desk.file("ENG")
    day = {"$type": "PeriodValue", "presentation": "1d 2h"}
    ok(desk.set(issue, "Estimation", "PeriodIssueCustomField", value=day))
    shown = desk.field(issue, "Estimation")["value"]
    assert (shown["id"], shown["minutes"], shown["presentation"]) == ("PT10H", 600, "1d 2h")
    text = "You can only update the value for the Estimation field when the value for the Type field is Task"
    child = {"error": "Issue-is-invalid", "error_description": text, "error_developer_message": text}
    refused = desk.set(bug, "Estimation", "PeriodIssueCustomField", value=day)
    assert refused.json() == {
        "error": "invalid_properties",
        "error_description": text,
        "error_children": [child],
    }


def test_a_state_machine_moves_by_events_only(desk: Desk) -> None:
    issue = desk.file("ENG")
    stage = desk.field(issue, "Stage")
    assert stage["$type"] == "StateMachineIssueCustomField"
    assert [e["id"] for e in stage["possibleEvents"]] == ["start work"]
    kind = "StateMachineIssueCustomField"
    assert desk.set(issue, "Stage", kind, event={"id": "ask for review"}).status_code == 400
    assert desk.set(issue, "Stage", kind, value={"name": "Review"}).status_code == 400
    ok(desk.set(issue, "Stage", kind, event={"id": "start work", "$type": "Event"}))
    assert desk.field(issue, "Stage")["value"]["name"] == "Develop"


@given(st.integers(0, 30 * 24 * 60), st.integers(1, 9 * 60 * 12))
@settings(max_examples=60, deadline=None)
def test_working_time_is_counted_minute_by_minute(start: int, minutes: int) -> None:
    begun, passed, at = to_millis(NOW) + start * 60_000, 0, to_millis(NOW) + start * 60_000
    while passed < minutes:
        moment = from_millis(at)
        passed += moment.weekday() < 5 and 9 <= moment.hour < 18
        at += 60_000
    assert after(begun, minutes) == at
    assert worked(at) - worked(begun) == minutes * 60_000


def test_sla_timers_run_pause_and_end(desk: Desk) -> None:
    issue, born = desk.file("PAY"), desk.clock.now()
    assert f"{born:%A %H:%M}" == "Sunday 00:00"
    monday = to_millis(born + timedelta(days=1))
    first = desk.field(issue, "First reply")
    # 480 minutes of work: from nine to five on Monday.
    assert (first["$type"], first["value"]) == ("SlaIssueCustomField", monday + 17 * HOUR)
    assert first["pausedTime"] is None
    assert desk.field(issue, "Resolution")["value"] == monday + 9 * DAY + 18 * HOUR, "72 h"
    ok(desk.set(issue, "State", "StateIssueCustomField", value={"name": "Waiting"}))
    assert desk.field(issue, "Resolution")["pausedTime"] == to_millis(born)
    desk.clock.advance(timedelta(days=1, hours=11))
    ok(desk.set(issue, "State", "StateIssueCustomField", value={"name": "Open"}))
    assert desk.field(issue, "First reply")["value"] == monday + DAY + 10 * HOUR
    born = to_millis(desk.clock.now())
    tracker = desk.state.tracker
    agent = next(u for u in tracker.users.values() if u.kind == "AGENT" and u.login != "svc-firstline")
    tracker.add_comment(tracker.issues[issue], agent, born, "On it.")
    assert desk.field(issue, "First reply")["value"] is None
    assert desk.set(issue, "First reply", "SlaIssueCustomField", value=1).status_code == 400


def test_a_rule_refuses_the_whole_change_and_nothing_stays(desk: Desk) -> None:
    tracker = desk.state.tracker
    issue = desk.file("PAY")
    tracker.rules["no-close"] = Veto("no-close", "Not yet.", field="State", value="Resolved")
    before, told = len(tracker.activities), len(desk.told)
    resolved = {"$type": "StateIssueCustomField", "name": "State", "value": {"name": "Resolved"}}
    answer = desk.http.post(f"/api/issues/{issue}", json={"summary": "new", "customFields": [resolved]})
    assert (answer.status_code, answer.json()["error_description"]) == (400, "Not yet.")
    kept = ok(desk.http.get(f"/api/issues/{issue}", params={"fields": "summary,resolved"}))
    assert (kept["summary"], kept["resolved"]) == ("x", None)
    assert (len(tracker.activities), len(desk.told)) == (before, told)
    del tracker.rules["no-close"]
    tracker.rules["no-new"] = Veto("no-new", "No.", category="IssueCreatedCategory")
    count = len(tracker.issues)
    assert (
        desk.http.post("/api/issues", json={"project": {"shortName": "PAY"}, "summary": "y"}).status_code
        == 400
    )
    assert len(tracker.issues) == count
