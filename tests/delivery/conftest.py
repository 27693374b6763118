"""A desk in this very process, spoken to over HTTP, and tickets of it in a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from data.clock import ManualClock, to_millis
from data.decision import TriageDecision
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import Issue, TrackerState, build_project
from data.settings import SANDBOX_TOKEN
from data.store import Store, open_store, outbox, tickets
from data.store.outbox import Operation
from data.taxonomy import load_taxonomy
from data.ticket import TicketRecord
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying
from serving.deliver import enqueue, operation_id

TAXONOMY = load_taxonomy()
FIELDS = ("Issue type", "Category", "Team", "Priority")


class InProcess(httpx.BaseTransport):
    """Hands requests to an application without a socket; usable from several threads."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = request.read()

        async def asked() -> httpx.Response:
            sent = httpx.Request(request.method, request.url, headers=request.headers, content=content)
            answer = await httpx.ASGITransport(self._app).handle_async_request(sent)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(asked())


@dataclass
class Desk:
    """The stand-in's tracker, moved by hand, with a log of requests and planned faults."""

    state: TrackerState
    clock: ManualClock
    requests: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, str], JSONResponse | None] = lambda method, path: None

    def __post_init__(self) -> None:
        inner = Starlette(routes=api_routes(self.state, self.clock, lambda issue, kind: None))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            self.requests.append((scope["method"], scope["path"]))
            await (self.fault(scope["method"], scope["path"]) or inner)(scope, receive, send)

        self.app = app

    def now(self) -> int:
        self.clock.sleep(1)
        return to_millis(self.clock.now())

    def file(self, summary: str = "No payslip", **values: str) -> Issue:
        issue = self.state.create_issue(self.state.users["jo"], summary, "Where is it?", self.now())
        for name, value in {"Client": "acme", **values}.items():
            self.set(issue, name.replace("_", " "), value, "jo")
        return issue

    def set(self, issue: Issue, name: str, value: str | None, login: str = "kim") -> None:
        element = None if value is None else issue.project.fields[name].values[value]
        self.state.set_field(issue, self.state.users[login], self.now(), name, element)

    def shown(self, issue: Issue) -> dict[str, str | None]:
        return {n: getattr(issue.fields[n], "name", None) for n in FIELDS}

    def said(self, issue: Issue) -> list[Any]:
        return [c for c in issue.comments if "firstline:op=" in c.text and not c.deleted]


@pytest.fixture
def desk(clock: ManualClock) -> Desk:
    fields: list[tuple[str, str, list[str], str | None]] = [
        ("Category", "enum[1]", [*TAXONOMY.categories, "out_of_scope"], None),
        ("Issue type", "enum[1]", list(TAXONOMY.labels), None),
        ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
        ("Team", "enum[1]", list(TAXONOMY.teams), None),
        ("State", "state[1]", ["New", "Open", "!Resolved", "Reopened"], "New"),
        ("Client", "enum[1]", ["acme", "globex"], None),
    ]
    state = TrackerState(build_project("PAY", "Payroll", fields))
    state.tokens[SANDBOX_TOKEN] = state.add_user("svc-firstline", "Firstline", team=True)
    state.add_user("kim", "Kim", team=True)
    state.add_user("jo", "Jo")
    return Desk(state, clock)


@pytest.fixture
def client(desk: Desk, clock: ManualClock) -> Iterator[YouTrackClient]:
    with httpx.Client(transport=InProcess(desk.app)) as http:
        retrying = Retrying(attempts=1, total=1.0, first=0.001)
        yield YouTrackClient(http, "http://tracker.test", SANDBOX_TOKEN, clock, retrying=retrying)


def decided(ticket_id: str, **changes: Any) -> TriageDecision:
    facts: dict[str, Any] = {
        "id": ticket_id,
        "issue_type": "payslip_missing",
        "category": TAXONOMY.category_of("payslip_missing"),
        "priority": "major",
        "team": TAXONOMY.team_of("payslip_missing"),
        "probability": 0.97,
        "top": (("payslip_missing", 0.97), ("payslip_incorrect", 0.02), ("out_of_scope", 0.01)),
        "priority_probability": 0.9,
        "decision": "apply",
        "priority_decision": "apply",
        "reason": "It names a payslip.",
        "bundle": "b" * 12,
        "policy": "p" * 12,
    }
    return TriageDecision(**(facts | changes))


@dataclass
class Bench:
    """A desk, a client, a store: tickets are read into the store and decisions put into its outbox."""

    desk: Desk
    client: YouTrackClient
    store: Store
    clock: ManualClock

    def read(self, issue: Issue) -> TicketRecord:
        """Read a ticket as it stands and keep it."""
        record = self.client.issue(issue.id)
        with self.store.write() as conn:
            tickets.upsert(conn, [record], seen_at=self.clock.now())
        return record

    def decide(self, issue: Issue, **changes: Any) -> Operation:
        """Keep a decision on a ticket, read just now, with its effect."""
        record = self.read(issue)
        with self.store.write() as conn:
            assert enqueue(conn, record, decided(issue.id, **changes), {}, self.clock.now())
        return self.operation(operation_id(issue.id))

    def operation(self, op_id: str) -> Operation:
        with self.store.read() as conn:
            found = outbox.get(conn, op_id)
        assert found is not None
        return found

    def since(self, mark: int) -> list[tuple[str, str]]:
        return self.desk.requests[mark:]

    @property
    def mark(self) -> int:
        return len(self.desk.requests)


@pytest.fixture
def bench(desk: Desk, client: YouTrackClient, sqlite_url: str, clock: ManualClock) -> Iterator[Bench]:
    """What talks to the tracker does the same on either database; tests of what is kept take both."""
    with open_store(sqlite_url) as opened:
        yield Bench(desk, client, opened, clock)


@pytest.fixture
def both(desk: Desk, client: YouTrackClient, store: Store, clock: ManualClock) -> Bench:
    """The same, once on SQLite and once on PostgreSQL."""
    return Bench(desk, client, store, clock)
