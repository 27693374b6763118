"""Several projects, deletion, moves, links, and what a token may not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock
from data.sandbox.world import World
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.routes import api_routes
from data.settings import SANDBOX_TOKEN


@pytest.fixture
def state(small_world: World) -> SandboxState:
    return load(small_world)


@pytest.fixture
def http(state: SandboxState) -> Iterator[TestClient]:
    routes = api_routes(state.tracker, ManualClock(state.world.end), lambda issue, kind: None)
    yield TestClient(Starlette(routes=routes), headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"})


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


def database_id(http: TestClient, readable: str) -> str:
    return str(ok(http.get(f"/api/issues/{readable}", params={"fields": "id"}))["id"])


def test_a_moved_ticket_keeps_its_database_id(http: TestClient) -> None:
    before = database_id(http, "PAY-3")
    projects = ok(http.get("/api/admin/projects", params={"fields": "id,shortName"}))
    target = {p["shortName"]: p["id"] for p in projects}["ENG"]
    ok(http.post("/api/issues/PAY-3/project", json={"id": target}))
    assert database_id(http, "ENG-1") == before
    assert http.get("/api/issues/PAY-3").status_code == 404
    feed = {"categories": "ProjectCategory", "fields": "added(shortName),removed(shortName)"}
    moved = ok(http.get(f"/api/issues/{before}/activities", params=feed))[-1]
    assert (moved["added"][0]["shortName"], moved["removed"][0]["shortName"]) == ("ENG", "PAY")


def test_a_deleted_ticket_is_gone_with_its_activities(http: TestClient) -> None:
    gone = database_id(http, "PAY-2")
    assert http.delete("/api/issues/PAY-2").content == b""
    answer = http.get(f"/api/issues/{gone}")
    assert answer.json() == {"error": "Not Found", "error_description": f"Entity with id {gone} not found"}
    feed = {"categories": "IssueCreatedCategory", "fields": "target(id)", "$top": 3000}
    assert gone not in {a["target"]["id"] for a in ok(http.get("/api/activities", params=feed))}


def test_duplicates_are_links_on_both_ends(http: TestClient) -> None:
    one, two = database_id(http, "PAY-4"), database_id(http, "PAY-5")
    ok(http.post("/api/issues/PAY-4/links/106-2t/issues", json={"id": two}))
    fields = {"fields": "direction,linkType(name),issues(id)"}
    there = {
        (k["linkType"]["name"], k["direction"]): [i["id"] for i in k["issues"]]
        for k in ok(http.get("/api/issues/PAY-5/links", params=fields))
    }
    assert there[("Duplicate", "OUTWARD")] == [one]
    assert there[("Relates", "BOTH")] == []
    assert http.post("/api/issues/PAY-4/links", json={}).status_code == 405
    refused = http.post("/api/issues/PAY-4/links/106-2t/issues", json={"id": "PAY-5"})
    assert refused.json()["error_description"] == "Invalid structure of entity id: PAY-5"
    ok(http.delete(f"/api/issues/PAY-4/links/106-2t/issues/{two}"))
    assert all(k["issues"] == [] for k in ok(http.get("/api/issues/PAY-5/links", params=fields)))


@pytest.mark.parametrize("spelling", ["", "jetbrains.charisma.persistent.visibility."])
def test_a_ticket_for_others_does_not_exist(http: TestClient, state: SandboxState, spelling: str) -> None:
    group = next(p for p in state.tracker.projects.values() if p.short_name == "ENG").team
    group.members.discard("svc-firstline")
    limits = {"$type": f"{spelling}LimitedVisibility", "permittedGroups": [{"id": group.id}]}
    ok(http.post("/api/issues/PAY-6", json={"visibility": limits}))
    assert http.get("/api/issues/PAY-6").status_code == 404
    assert ok(http.get("/api/issues", params={"query": "issue id: PAY-6"})) == []


def test_a_lost_permission_and_a_banned_guest(http: TestClient, state: SandboxState) -> None:
    state.allow(login="svc-firstline", project="PAY", reads=False)
    assert http.get("/api/issues/PAY-7").status_code == 404
    assert ok(http.get("/api/issues")) == []
    state.allow(login="svc-firstline", project="PAY", guest_banned=True)
    assert len(ok(http.get("/api/issues"))) == 42
    del http.headers["authorization"]
    answer = http.get("/api/issues")
    assert answer.json() == {"error": "Unauthorized", "error_description": "You are not logged in."}
