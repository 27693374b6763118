"""Commands, tags, attachments, work items, reactions, apps: reached over the API like everything else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock
from data.sandbox.world import World
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.transaction import Veto
from data.settings import SANDBOX_TOKEN


class Desk:
    def __init__(self, world: World) -> None:
        self.tracker = load(world).tracker
        self.clock = ManualClock(world.end)
        routes = api_routes(self.tracker, self.clock, lambda issue, kind: None)
        self.http = TestClient(Starlette(routes=routes), headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"})

    def get(self, path: str, **params: Any) -> Any:
        return ok(self.http.get("/api" + path, params=params))

    def post(self, path: str, body: Any, **params: Any) -> Any:
        return ok(self.http.post("/api" + path, json=body, params=params))

    def value(self, issue: str, name: str) -> Any:
        fields = self.get(f"/issues/{issue}", fields="customFields(name,value(name,login))")["customFields"]
        value = next(f["value"] for f in fields if f["name"] == name)
        return value and (value.get("login") or value.get("name"))

    def feed(self, issue: str, categories: str, fields: str) -> list[Any]:
        return list(self.get(f"/issues/{issue}/activities", categories=categories, fields=fields))


@pytest.fixture
def desk(small_world: World) -> Iterator[Desk]:
    yield Desk(small_world)


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


def test_a_command_changes_every_issue_and_answers_nothing(desk: Desk) -> None:
    issues = [{"idReadable": "PAY-3"}, {"idReadable": "PAY-4"}]
    body = {
        "query": "State Waiting priority critical for me tag triaged",
        "issues": issues,
        "comment": "Done.",
    }
    assert desk.post("/commands", body) is None
    for issue in ("PAY-3", "PAY-4"):
        assert (desk.value(issue, "State"), desk.value(issue, "Priority")) == ("Waiting", "Critical")
        assert desk.value(issue, "Assignee") == "svc-firstline"
        assert "triaged" in [t["name"] for t in desk.get(f"/issues/{issue}/tags", fields="name")]
        assert desk.get(f"/issues/{issue}/comments", fields="text")[-1]["text"] == "Done."


@pytest.mark.parametrize("query", ["State Nonsense", "fly to the moon", "for nobody", "untag never-made"])
def test_a_wrong_command_is_refused_and_assist_says_why(desk: Desk, query: str) -> None:
    body = {"query": f"tag first {query}", "issues": [{"idReadable": "PAY-3"}]}
    before = len(desk.tracker.activities)
    assert desk.http.post("/api/commands", json=body).status_code == 400
    assert len(desk.tracker.activities) == before
    said = desk.post("/commands/assist", body, fields="commands(description,error)")["commands"]
    assert [c["error"] for c in said] == [False, True]
    assert "first" not in desk.tracker.tags


def test_a_command_links_and_another_runs_as_somebody_only_for_an_administrator(desk: Desk) -> None:
    desk.post("/commands", {"query": "duplicates PAY-5", "issues": [{"idReadable": "PAY-4"}]})
    links = desk.get("/issues/PAY-4/links", fields="direction,linkType(name),issues(idReadable)")
    found = [(k["linkType"]["name"], k["direction"]) for k in links if k["issues"]]
    assert found == [("Duplicate", "INWARD")]
    agent = next(u for u in desk.tracker.users.values() if u.kind == "AGENT" and u.login != "svc-firstline")
    body = {"query": "tag other", "issues": [{"idReadable": "PAY-4"}], "runAs": agent.login}
    assert desk.http.post("/api/commands", json=body).status_code == 403
    desk.tracker.admins.add("svc-firstline")
    desk.post("/commands", body)
    assert desk.feed("PAY-4", "TagsCategory", "author(login)")[-1]["author"]["login"] == agent.login


def test_a_file_is_read_by_its_signed_link_until_it_expires(desk: Desk) -> None:
    answer = desk.http.post(
        "/api/issues/PAY-3/attachments?fields=id,name,size,mimeType,url",
        files=[
            ("upload", ("log.txt", b"one\r\ntwo\x00", "text/plain")),
            ("x", ("b.bin", b"\xff", "image/png")),
        ],
    )
    made = ok(answer)
    assert [(a["name"], a["size"], a["mimeType"]) for a in made] == [
        ("log.txt", 9, "text/plain"),
        ("b.bin", 1, "image/png"),
    ]
    del desk.http.headers["authorization"]
    desk.tracker.guest_banned = True
    assert desk.http.get(made[0]["url"]).content == b"one\r\ntwo\x00"
    assert desk.http.get(made[0]["url"].replace(".", ".0")).status_code == 404
    desk.clock.advance(timedelta(hours=2))
    assert desk.http.get(made[0]["url"]).status_code == 404


def test_files_without_a_boundary_are_refused(desk: Desk) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = desk.http.post("/api/issues/PAY-3/attachments", content=b"x", headers=headers)
    assert answer.status_code == 400
    assert desk.get("/issues/PAY-3/attachments") == []


def test_work_items_are_counted_in_minutes_and_shown_in_the_feed(desk: Desk) -> None:
    path = "/issues/PAY-3/timeTracking/workItems"
    body = {"date": 1_795_392_000_123, "duration": {"presentation": "1h 30m"}, "text": "Call"}
    made = desk.post(path, body, fields="id,date,duration(minutes,presentation)")
    assert (made["date"] % 86_400_000, made["duration"]["minutes"]) == (0, 90)
    desk.post(f"{path}/{made['id']}", {"duration": {"minutes": 45}})
    assert [w["duration"]["minutes"] for w in desk.get("/workItems", fields="duration(minutes)")] == [45]
    desk.tracker.rules["x"] = Veto("x", "No.", category="WorkItemDurationCategory")
    refused = desk.http.post(f"/api{path}/{made['id']}", json={"duration": {"minutes": 10}})
    assert refused.status_code == 400
    assert [w["duration"]["minutes"] for w in desk.get(path, fields="duration(minutes)")] == [45]
    desk.tracker.rules.clear()
    desk.http.delete(f"/api{path}/{made['id']}")
    assert desk.get(path) == []
    feed = desk.feed("PAY-3", "WorkItemCategory,WorkItemDurationCategory", "category(id),target(id)")
    assert [a["category"]["id"] for a in feed] == [
        "WorkItemCategory",
        "WorkItemDurationCategory",
        "WorkItemCategory",
    ]
    assert {a["target"]["id"] for a in feed} == {made["id"]}
    assert desk.http.post("/api" + path, json={"text": "no time"}).status_code == 400


def test_tags_are_made_renamed_and_deleted_from_every_issue(desk: Desk) -> None:
    made = desk.post("/tags", {"name": "urgent-client"}, fields="id,owner(login)")
    assert made["owner"]["login"] == "svc-firstline"
    desk.post("/issues/PAY-3/tags", {"id": made["id"]})
    assert [i["idReadable"] for i in desk.get(f"/tags/{made['id']}/issues", fields="idReadable")] == ["PAY-3"]
    desk.post(f"/tags/{made['id']}", {"name": "vip"})
    assert [t["name"] for t in desk.get("/tags", query="vi", fields="name")] == ["vip"]
    desk.http.delete(f"/api/tags/{made['id']}")
    assert "vip" not in [t["name"] for t in desk.get("/issues/PAY-3/tags", fields="name")]


def test_reactions_come_and_go(desk: Desk) -> None:
    comment = desk.post("/issues/PAY-3/comments", {"text": "x"}, fields="id")["id"]
    path = f"/issues/PAY-3/comments/{comment}/reactions"
    made = desk.post(path, {"reaction": "thumbs-up"}, fields="id,reaction,author(login)")
    assert made["reaction"] == "thumbs-up"
    desk.http.delete(f"/api{path}/{made['id']}")
    assert desk.get(path) == []
    assert len(desk.feed("PAY-3", "CommentReactionCategory", "id")) == 2


def test_an_app_is_uploaded_attached_and_its_handler_answers(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "manifest.json", json.dumps({"name": "acme-ai", "title": "Acme", "version": "1.0.0"})
        )
        archive.writestr("ai.js", "")
    files = {"file": ("app.zip", buffer.getvalue(), "application/zip")}
    made = ok(desk.http.post("/api/admin/apps/import?fields=id,name", files=files))
    handler = "/issues/PAY-3/extensionEndpoints/acme-ai/ai/suggestion"
    assert desk.http.get("/api" + handler).status_code == 404
    desk.post(f"/admin/projects/PAY/appConfigurations/{made['id']}", {"settings": {"region": "eu"}})
    assert desk.post(handler, {"text": "Try again."}) == {"ok": True}
    assert desk.get(handler) == {"text": "Try again."}
    assert desk.http.get("/api/issues/PAY-3/extensionEndpoints/acme-ai/other/x").status_code == 404
    bad = {"file": ("app.zip", b"no zip", "application/zip")}
    assert desk.http.post("/api/admin/apps/import", files=bad).status_code == 400


def test_headers_and_the_description_of_the_routes(desk: Desk) -> None:
    answer = desk.http.get("/api/users/me")
    assert answer.headers["X-YouTrack-User"] == "svc-firstline"
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-YouTrack-User" not in desk.http.get("/api/issues?fields=a(").headers
    paths = desk.get("/openapi.json")["paths"]
    assert set(paths["/issues/{issue}/links"]) == {"get"}
    assert len(paths) > 70
