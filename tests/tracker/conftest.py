"""The stand-in over HTTP, with a log of what was asked and answers planned in front of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from data.clock import ManualClock, SystemClock, to_millis
from data.sandbox.youtrack.links import link
from data.sandbox.youtrack.model import Link
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import Issue, TrackerState, build_project
from data.settings import SANDBOX_TOKEN, Settings, read_settings
from data.store import Store, open_store
from data.tracker import open_tracker
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying

T = TypeVar("T")
STATES = ["New", "Open", "Waiting", "!Resolved", "!Duplicate", "Reopened"]
FIELDS = [
    ("Category", "enum[1]", ["payslips", "tax"], None),
    ("Issue type", "enum[1]", ["payslip_missing", "tax_code_incorrect"], None),
    ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
    ("Team", "enum[1]", ["payroll", "tax"], None),
    ("State", "state[1]", STATES, "New"),
    ("Client", "enum[1]", ["acme", "globex"], None),
    ("Country", "enum[1]", ["DE", "FR"], None),
    ("Language", "enum[1]", ["de", "fr"], None),
]
Instead = Callable[[str, str], Response | None]


@dataclass
class StandIn:
    """The desk's state and its address. `instead` may answer in its place; `asked` is what came in."""

    state: TrackerState
    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    instead: Instead = lambda method, path: None

    def file(self, summary: str = "No payslip", **values: str) -> Issue:
        issue = self.state.create_issue(self.state.users["jo"], summary, "please help", now())
        for name, value in {"Client": "acme", **values}.items():
            self.set(issue, name.replace("_", " "), value, "jo")
        return issue

    def set(self, issue: Issue, name: str, value: str, login: str = "kim") -> None:
        element = issue.project.fields[name].values[value]
        self.state.set_field(issue, self.state.users[login], now(), name, element)

    def shown(self, issue: Issue, name: str) -> str | None:
        return getattr(issue.fields[name], "name", None)

    def link(self, issue: Issue, kind: str, other: Issue, *, outward: bool) -> None:
        known = next(t for t in self.state.link_types if t.name == kind)
        wanted = Link(known, outward and known.directed, other)
        link(self.state, issue, self.state.users["kim"], now(), wanted)

    def duplicate(self, issue: Issue, original: Issue) -> None:
        self.link(issue, "Duplicate", original, outward=False)
        self.set(issue, "State", "Duplicate")

    def writes(self) -> list[str]:
        return [path for method, path in self.asked if method != "GET" and "issuesGetter" not in path]

    def attach(self, issue: Issue, name: str, content: bytes, kind: str) -> None:
        answer = httpx.post(
            f"{self.url}/api/issues/{issue.id}/attachments",
            files={"file": (name, content, kind)},
            headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"},
        )
        assert answer.status_code == 200, answer.text


def now() -> int:
    return to_millis(SystemClock().now())


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


@pytest.fixture
def quiet() -> Any:
    return silent


@pytest.fixture
def desk(free_port: int) -> Iterator[StandIn]:
    state = TrackerState(build_project("PAY", "Payroll", FIELDS))
    state.tokens[SANDBOX_TOKEN] = state.add_user("svc-firstline", "Firstline", team=True)
    state.add_user("kim", "Kim", team=True)
    state.add_user("jo", "Jo")
    made = StandIn(state, f"http://127.0.0.1:{free_port}")
    inner = Starlette(routes=api_routes(state, SystemClock(), lambda issue, kind: None))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        made.asked.append((scope["method"], scope["path"]))
        made.tokens.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        await (made.instead(scope["method"], scope["path"]) or inner)(scope, receive, send)

    config = uvicorn.Config(app, "127.0.0.1", free_port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def settings(tmp_path: Path, desk: StandIn) -> Settings:
    return read_settings({"FIRSTLINE_HOME": str(tmp_path / "home"), "FIRSTLINE_TRACKER_URL": desk.url})


@pytest.fixture
def client(settings: Settings) -> Iterator[YouTrackClient]:
    with httpx.Client() as http:
        yield open_tracker(settings, http, SystemClock(), retrying=Retrying(attempts=2, first=0.01))


@pytest.fixture
def one_store(sqlite_url: str) -> Iterator[Store]:
    """A store on SQLite only, for what does not depend on the database."""
    with open_store(sqlite_url) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())
