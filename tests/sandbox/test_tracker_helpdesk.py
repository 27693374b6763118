"""Who may say what in a helpdesk project, and what each choice about unknown behaviour changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock
from data.sandbox.world import World
from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.model import STANDARD_USER
from data.sandbox.youtrack.routes import api_routes


class Desk:
    def __init__(self, world: World) -> None:
        self.tracker = load(world).tracker
        self.project = self.tracker.project
        clerk = self.tracker.add_user("clerk", "A Clerk", kind=STANDARD_USER)
        self.project.team.members.add("clerk")
        jo = self.tracker.add_user("jo.requester", "Jo")
        kim = self.tracker.add_user("kim.requester", "Kim")
        agent = next(u for u in self.tracker.users.values() if u.kind == "AGENT")
        self.tracker.tokens |= {"clerk": clerk, "jo": jo, "kim": kim, "agent": agent}
        self.issue = self.tracker.create_issue(jo, "Help", None, 1)
        routes = api_routes(self.tracker, ManualClock(world.end), lambda issue, kind: None)
        self.http = TestClient(Starlette(routes=routes))

    def call(self, who: str, method: str, path: str, body: Any = None, **params: Any) -> Any:
        headers = {"Authorization": f"Bearer {who}"}
        return self.http.request(
            method, f"/api/issues/{self.issue.id}{path}", json=body, params=params, headers=headers
        )

    def limits(self) -> dict[str, Any]:
        return {"$type": "LimitedVisibility", "permittedGroups": [{"id": self.project.team_id}]}


@pytest.fixture
def desk(small_world: World) -> Iterator[Desk]:
    yield Desk(small_world)


@pytest.mark.parametrize(
    ("who", "limited", "status"),
    [
        ("agent", False, 200),
        ("agent", True, 200),
        ("clerk", False, 403),
        ("clerk", True, 200),
        ("jo", False, 200),
        ("jo", True, 403),
        ("kim", False, 404),
    ],
)
def test_who_may_comment_how(desk: Desk, who: str, limited: bool, status: int) -> None:
    body = {"text": "x", **({"visibility": desk.limits()} if limited else {})}
    assert desk.call(who, "POST", "/comments", body).status_code == status
    assert len(desk.issue.comments) == (status == 200)


def test_a_requester_reads_own_tickets_and_those_with_a_copy(desk: Desk) -> None:
    kim = desk.tracker.users["kim.requester"]
    assert desk.call("kim", "GET", "").status_code == 404
    assert desk.call("agent", "POST", "/helpdesk", {"ticketCCUsers": [{"id": kim.id}]}).status_code == 200
    assert desk.call("kim", "GET", "").status_code == 200
    priority = {"$type": "SingleEnumIssueCustomField", "name": "Priority", "value": {"name": "Major"}}
    assert desk.call("jo", "POST", "", {"customFields": [priority]}).status_code == 403
    assert desk.call("jo", "POST", "", {"description": "more"}).status_code == 200


def test_only_an_agent_changes_who_reads_a_comment(desk: Desk) -> None:
    body = {"text": "x", "visibility": desk.limits()}
    made = desk.call("agent", "POST", "/comments", body, fields="id").json()["id"]
    public = {"visibility": {"$type": "UnlimitedVisibility"}}
    assert desk.call("clerk", "POST", f"/comments/{made}", public).status_code == 403
    assert desk.call("jo", "GET", "/comments").json() == []
    assert desk.call("agent", "POST", f"/comments/{made}", public).status_code == 200
    assert len(desk.call("jo", "GET", "/comments").json()) == 1


def test_muting_needs_to_be_in_the_team(desk: Desk) -> None:
    answer = desk.call("jo", "POST", "", {"description": "y"}, muteUpdateNotifications="true")
    assert answer.status_code == 403


def test_the_choices_about_unknown_behaviour_can_be_flipped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unverified, "NON_AGENT_PUBLIC_COMMENT", "limited")
    assert desk.call("clerk", "POST", "/comments", {"text": "x"}).status_code == 200
    assert desk.issue.comments[-1].internal
    monkeypatch.setattr(unverified, "AGENT_COMMENT_WITHOUT_VISIBILITY", "team")
    assert desk.call("agent", "POST", "/comments", {"text": "y"}).status_code == 200
    assert desk.issue.comments[-1].internal


def test_only_the_asked_custom_fields_are_shown(desk: Desk) -> None:
    params = {"fields": "customFields(name)", "customFields": ["State", "Priority"]}
    shown = desk.call("agent", "GET", "", **params).json()["customFields"]
    assert {f["name"] for f in shown} == {"State", "Priority"}
