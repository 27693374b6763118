"""A desk over HTTP on a real port, with scripted faults in front of it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from planted import TRACKER_TOKEN as TOKEN
from planted import WRITTEN
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from data.clock import ManualClock
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying

START = 1_780_000_000_000
MINUTE = 60_000
NAMES = ("Category", "Issue type", "Priority", "Team", "State", "Client", "Country", "Assignee")
TEAM = {"id": "5-8", "name": "Payroll Team", "$type": "ProjectTeam"}


def project_fields(spec: str) -> dict[str, Any]:
    """Parse `a,b(c,d)` into a tree."""
    tree: dict[str, Any] = {}
    stack = [tree]
    for name, mark in re.findall(r"([^,()]*)([,()]|$)", spec):
        if name:
            stack[-1][name] = {}
        if mark == "(":
            stack.append(stack[-1][name])
        elif mark == ")":
            stack.pop()
    return tree


def projected(value: Any, tree: dict[str, Any]) -> Any:
    """Keep what was asked for, and `$type`."""
    if isinstance(value, list):
        return [projected(v, tree) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: projected(value[k], t) for k, t in tree.items() if k in value}
    return {**kept, "$type": value.get("$type", "Entity")}


def enum(name: str | None) -> dict[str, str] | None:
    return None if name is None else {"id": f"67-{len(name)}", "name": name, "$type": "EnumBundleElement"}


@dataclass
class FakeDesk:
    """A tracker's state: enough of it for synchronisation, kept by tests."""

    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    now: int = START
    nested_limit: int = 42
    counting: int = 0
    public_comments: bool = False
    guest: bool = False
    lagging: set[str] = field(default_factory=set)
    last_cursor: bool = True
    miscounted: int = 0

    def file(self, **values: str | None) -> str:
        n = len(self.issues) + 1
        self.now += MINUTE
        fields = {
            name: {"id": f"112-{i}", "name": name, "$type": "SingleEnumIssueCustomField", "value": None}
            for i, name in enumerate(NAMES)
        }
        self.issues[f"3-{n}"] = {
            "id": f"3-{n}",
            "idReadable": f"PAY-{n}",
            "$type": "Issue",
            "summary": values.pop("summary", f"Request {n}"),
            "description": values.pop("description", WRITTEN),
            "created": self.now,
            "updated": self.now,
            "resolved": None,
            "project": {"id": "0-3", "shortName": "PAY", "$type": "Project"},
            "reporter": {"id": "1-9", "login": "requester", "$type": "User"},
            "tags": [],
            "customFields": fields,
            "comments": [],
            "links": [],
            "attachments": [],
        }
        self._log(f"3-{n}", "IssueCreatedCategory", "requester", None, [], [])
        for name, value in {"State": "New", "Priority": "Normal", "Client": "acme"}.items():
            fields[name]["value"] = enum(value)
        for name, value in values.items():
            self.change(f"3-{n}", name.replace("_", " "), value)
        return f"3-{n}"

    def change(self, issue_id: str, name: str, value: str | None, author: str = "kim") -> None:
        issue = self.issues[issue_id]
        entry = issue["customFields"][name]
        removed, entry["value"] = entry["value"], enum(value)
        self.touch(issue_id)
        lists = [[v] if v else [] for v in (entry["value"], removed)]
        self._log(issue_id, "CustomFieldCategory", author, name, *lists)
        if name == "State" and (value == "Resolved") != (issue["resolved"] is not None):
            old, issue["resolved"] = issue["resolved"], self.now if value == "Resolved" else None
            self._log(issue_id, "IssueResolvedCategory", author, None, issue["resolved"], old)

    def tag(self, issue_id: str, name: str) -> None:
        tag = {"id": f"6-{len(name)}", "name": name, "$type": "Tag"}
        self.issues[issue_id]["tags"].append(tag)
        self.touch(issue_id)
        self._log(issue_id, "TagsCategory", "kim", None, [tag], [])

    def comment(self, issue_id: str, text: str, *, internal: bool = False, author: str = "kim") -> str:
        comments = self.issues[issue_id]["comments"]
        kind = "LimitedVisibility" if internal else "UnlimitedVisibility"
        comment = {
            "id": f"7-{issue_id[2:]}{len(comments):04}",
            "$type": "IssueComment",
            "text": text,
            "created": self.now,
            "deleted": False,
            "author": {"id": "1-7", "login": author, "$type": "User"},
            "visibility": {"$type": kind, "permittedGroups": [TEAM] if internal else []},
        }
        comments.append(comment)
        self.touch(issue_id)
        self._log(issue_id, "CommentsCategory", author, None, [], [], target=comment)
        return str(comment["id"])

    def touch(self, issue_id: str) -> None:
        self.now += MINUTE
        self.issues[issue_id]["updated"] = self.now

    def _log(
        self,
        issue_id: str,
        category: str,
        author: str,
        name: str | None,
        added: Any,
        removed: Any,
        **other: Any,
    ) -> None:
        issue = {k: self.issues[issue_id][k] for k in ("id", "idReadable", "$type")}
        comment = other.get("target")
        self.activities.append(
            {
                "id": f"0-0-{len(self.activities)}",
                "$type": "ActivityItem",
                "timestamp": self.now,
                "author": {"id": "1-7", "login": author, "$type": "User"},
                "category": {"id": category, "$type": "ActivityCategory"},
                "target": issue if comment is None else {**comment, "issue": issue},
                "field": None if name is None else {"id": "1", "name": name, "$type": "CustomFilterField"},
                "added": added,
                "removed": removed,
            }
        )


@dataclass
class Fault:
    """What to do with a request whose path contains `path`; `times` times, after `after` good ones."""

    path: str
    kind: str
    times: int = 1
    after: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error":"x"}'


@dataclass
class Tracker:
    """The desk, its address, the faults in front of it and what was asked."""

    desk: FakeDesk
    url: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def _issue(desk: FakeDesk, issue_id: str, *, nested: bool = True) -> dict[str, Any] | None:
    for issue in desk.issues.values():
        if issue_id in (issue["id"], issue["idReadable"]):
            shown = {**issue, "customFields": list(issue["customFields"].values())}
            return shown | ({"comments": issue["comments"][: desk.nested_limit]} if nested else {})
    return None


def _missing() -> Response:
    return JSONResponse({"error": "Not Found", "error_description": "Entity not found"}, 404)


def _page(request: Request, rows: list[Any], usual: int) -> list[Any]:
    skip, top = (int(request.query_params.get(k, d)) for k, d in (("$skip", 0), ("$top", usual)))
    return rows[skip : skip + top]


def application(desk: FakeDesk) -> Starlette:
    """The part of the REST API that synchronisation uses."""

    def answer(request: Request, value: Any) -> Response:
        tree = project_fields(request.query_params.get("fields", "id"))
        return JSONResponse(projected(value, tree), headers={"X-YouTrack-User": "svc-firstline"})

    async def me(request: Request) -> Response:
        return answer(request, {"id": "1-2", "login": "guest" if desk.guest else "svc", "guest": desk.guest})

    async def issues(request: Request) -> Response:
        query = request.query_params["query"]
        rows = [_issue(desk, i) for i in desk.issues]
        if named := re.search(r"issue id: ([^{]*)$", query):
            wanted = {i.strip() for i in named[1].split(",")}
            rows = [r for r in rows if r and r["idReadable"] in wanted - desk.lagging]
        else:
            known = r"project: PAY( #Resolved( tag: [\w-]+)?)? sort by: {issue id} asc"
            assert re.fullmatch(known, query), query
            if "#Resolved" in query:
                rows = [r for r in rows if r and r["resolved"]]
            if tag := re.search(r" tag: ([\w-]+)", query):
                rows = [r for r in rows if r and any(t["name"] == tag[1] for t in r["tags"])]
        return answer(request, _page(request, rows, 42))

    async def issue(request: Request) -> Response:
        found = _issue(desk, request.path_params["id"])
        if found is None:
            return _missing()
        if request.method == "POST":
            for change in (await request.json())["customFields"]:
                value = change["value"]
                desk.change(found["id"], change["name"], value and value["name"], "svc")
            found = _issue(desk, found["id"])
        return answer(request, found)

    async def comments(request: Request) -> Response:
        found = _issue(desk, request.path_params["id"], nested=False)
        if found is None:
            return _missing()
        if request.method == "POST":
            body = await request.json()
            limited = body["visibility"]["$type"] == "LimitedVisibility" and not desk.public_comments
            made = desk.comment(found["id"], body["text"], internal=limited, author="svc")
            return answer(request, next(c for c in found["comments"] if c["id"] == made))
        return answer(request, _page(request, found["comments"], 42))

    async def delete_comment(request: Request) -> Response:
        kept = desk.issues[request.path_params["id"]]
        kept["comments"] = [c for c in kept["comments"] if c["id"] != request.path_params["cid"]]
        return Response()

    async def feed(request: Request) -> Response:
        params = request.query_params
        wanted = params["categories"].split(",")
        own = request.path_params.get("id")
        assert params.get("issueQuery") == (None if own else "project: PAY")
        start, top = int(params.get("start", 0)), int(params.get("$top", 42))
        since = int(params["cursor"].split(":")[1]) if "cursor" in params else 0
        rows = [(n, a) for n, a in enumerate(desk.activities) if n >= since and a["timestamp"] >= start]
        rows = [(n, a) for n, a in rows if a["category"]["id"] in wanted]
        rows = [(n, a) for n, a in rows if own in (None, a["target"].get("issue", a["target"])["id"])]
        shown, more = rows[:top], len(rows) > top
        cursor = f"after:{shown[-1][0] + 1}" if shown else params.get("cursor")
        if not more and not desk.last_cursor:
            cursor = None
        page = {"id": "p", "activities": [a for _, a in shown], "afterCursor": cursor, "hasAfter": more}
        return answer(request, page)

    async def count(request: Request) -> Response:
        desk.counting -= 1
        resolved_only = "#Resolved" in (await request.json())["query"]
        found = [i for i in desk.issues.values() if i["resolved"] or not resolved_only]
        return answer(request, {"count": -1 if desk.counting >= 0 else len(found) + desk.miscounted})

    async def schema(request: Request) -> Response:
        values = {
            "Team": ["payroll", "tax"],
            "Priority": ["Critical", "Normal"],
            "State": ["New", "Resolved"],
        }
        rows = [
            {
                "id": f"92-{i}",
                "field": {"id": f"58-{i}", "name": name, "fieldType": {"id": "enum[1]"}},
                "bundle": {
                    "id": "66-1",
                    "values": [{"name": v, "archived": False} for v in values.get(name, [])],
                },
            }
            for i, name in enumerate(NAMES)
        ]
        return answer(request, _page(request, rows, 42))

    async def team(request: Request) -> Response:
        return answer(request, TEAM)

    return Starlette(
        routes=[
            Route("/api/users/me", me),
            Route("/api/issues", issues),
            Route("/api/issues/{id}", issue, methods=["GET", "POST"]),
            Route("/api/issues/{id}/comments", comments, methods=["GET", "POST"]),
            Route("/api/issues/{id}/comments/{cid}", delete_comment, methods=["DELETE"]),
            Route("/api/activitiesPage", feed),
            Route("/api/issues/{id}/activitiesPage", feed),
            Route("/api/issuesGetter/count", count, methods=["POST"]),
            Route("/api/admin/projects/PAY/customFields", schema),
            Route("/api/admin/projects/PAY/team", team),
        ]
    )


def with_faults(inner: ASGIApp, tracker: Tracker) -> ASGIApp:
    """Put the scripted faults of `tracker` in front of an application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await inner(scope, receive, send)
        path = f"{scope['method']} {scope['path']}"
        tracker.asked.append(path)
        headers = dict(scope["headers"])
        if headers.get(b"authorization") != f"Bearer {TOKEN}".encode():
            refused = {"error": "Unauthorized", "error_description": "Invalid token"}
            return await JSONResponse(refused, 401)(scope, receive, send)
        for fault in tracker.faults:
            if fault.path in path and fault.times > 0:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return await _faulty(fault, inner, scope, receive, send)
        return await inner(scope, receive, send)

    return app


async def _faulty(fault: Fault, inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.kind == "answer":
        await Response(fault.body, fault.status, fault.headers)(scope, receive, send)
        return
    if fault.kind == "slow":
        await asyncio.sleep(1.8)
        await inner(scope, receive, send)
        return
    said: list[bytes] = []

    async def swallow(message: Any) -> None:
        said.append(message.get("body", b""))

    await inner(scope, receive, swallow)  # the effect happens, the answer is spoilt
    if fault.kind == "reset":
        raise ConnectionResetError("cut off")
    body = b"".join(said)
    spoilt = body[: len(body) // 2] if fault.kind == "truncated" else body.replace(b"Request", b"Re\x01quest")
    await Response(spoilt, 200, {"Content-Type": "application/json"})(scope, receive, send)


def serve(app: ASGIApp, port: int) -> Callable[[], None]:
    """Run `app` on `port` in a thread; the returned function stops it."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join(10)

    return stop


@pytest.fixture
def tracker(free_port: int) -> Iterator[Tracker]:
    made = Tracker(FakeDesk(), f"http://127.0.0.1:{free_port}")
    stop = serve(with_faults(application(made.desk), made), free_port)
    yield made
    stop()


def _client(tracker: Tracker, clock: ManualClock, patience: float) -> Iterator[YouTrackClient]:
    with httpx.Client() as http:
        retrying = Retrying(attempts=3, first=0.01, patience=patience)
        yield YouTrackClient(http, tracker.url, TOKEN, clock, retrying=retrying, page=7, feed_page=20)


@pytest.fixture
def client(tracker: Tracker, clock: ManualClock) -> Iterator[YouTrackClient]:
    yield from _client(tracker, clock, patience=20.0)


@pytest.fixture
def impatient(tracker: Tracker, clock: ManualClock) -> Iterator[YouTrackClient]:
    """A client that the fault `slow` is too slow for."""
    yield from _client(tracker, clock, patience=1.0)


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture
def token() -> str:
    return TOKEN


@pytest.fixture
def serve_app() -> Callable[[ASGIApp, int], Callable[[], None]]:
    return serve
