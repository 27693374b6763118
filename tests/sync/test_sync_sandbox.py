"""Our client against the sandbox's stand-in: the same contract, written by other hands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
from starlette.applications import Starlette

from data.clock import ManualClock, to_millis
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import TrackerState, build_project
from data.store import Store, ledger, outcomes, tickets
from data.sync import poll, sync
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError
from data.youtrack.query import ids_query
from data.youtrack.transport import Retrying

T = TypeVar("T")
STATES = ["New", "Open", "!Resolved", "Reopened"]
FIELDS = [
    ("Category", "enum[1]", ["payslips", "tax"], None),
    ("Issue type", "enum[1]", ["payslip_missing", "tax_code_incorrect"], None),
    ("Priority", "enum[1]", ["Critical", "Normal"], "Normal"),
    ("Team", "enum[1]", ["payroll", "tax"], None),
    ("State", "state[1]", STATES, "New"),
    ("Client", "enum[1]", ["acme", "globex"], None),
    ("Country", "enum[1]", ["DE", "FR"], None),
    ("Assignee", "user[1]", [], None),
]


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


class Desk:
    """The stand-in's state, moved by hand."""

    def __init__(self, clock: ManualClock, token: str) -> None:
        self.clock = clock
        self.state = TrackerState(build_project("PAY", "Payroll", FIELDS))
        self.service = self.state.add_user("svc-firstline", "Firstline", team=True)
        self.kim = self.state.add_user("kim", "Kim", team=True)
        self.jo = self.state.add_user("jo", "Jo")
        self.state.tokens[token] = self.service
        self.state.tokens["perm:requester"] = self.jo

    @property
    def now(self) -> int:
        self.clock.advance(timedelta(seconds=60))
        return to_millis(self.clock.now())

    def file(self, summary: str, **values: str) -> Any:
        issue = self.state.create_issue(self.jo, summary, "please help", self.now)
        for name, value in values.items():
            self.set(issue, name.replace("_", " "), value)
        return issue

    def set(self, issue: Any, name: str, value: str, author: Any = None) -> None:
        element = issue.project.fields[name].values[value]
        self.state.set_field(issue, author or self.kim, self.now, name, element)


@pytest.fixture
def desk(clock: ManualClock, token: str) -> Desk:
    return Desk(clock, token)


@pytest.fixture
def sandbox_url(desk: Desk, clock: ManualClock, free_port: int, serve_app: Any) -> Iterator[str]:
    app = Starlette(routes=api_routes(desk.state, clock, lambda issue, kind: None))
    stop = serve_app(app, free_port)
    yield f"http://127.0.0.1:{free_port}"
    stop()


@pytest.fixture
def sandbox(sandbox_url: str, token: str, clock: ManualClock) -> Iterator[YouTrackClient]:
    with httpx.Client() as http:
        retrying = Retrying(attempts=2, first=0.01)
        yield YouTrackClient(http, sandbox_url, token, clock, retrying=retrying, page=5, feed_page=9)


def test_history_and_arrivals_reach_the_store(
    desk: Desk, sandbox: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    for n in range(13):
        client = "acme" if n % 2 else "globex"
        issue = desk.file(f"old {n}", Client=client, Issue_type="payslip_missing", State="Open")
        desk.state.add_comment(issue, desk.kim, desk.now, "ROOT CAUSE\nsymptom: x", internal=n == 3)
        desk.set(issue, "State", "Resolved", desk.service if n == 5 else None)
    desk.set(issue, "State", "Reopened")
    desk.set(issue, "State", "Resolved")
    report = sync(sandbox, store, clock, project="PAY", progress=silent)
    assert (report.stored_tickets, report.tracker_tickets, report.ledger_complete) == (13, 13, True)
    with store.read() as conn:
        closed = {o.ticket_id: o for o in outcomes.iterate(conn)}
        rows = [e.kind for e in ledger.iterate(conn)]
    assert [o.by_human for o in closed.values()].count(False) == 1
    assert closed[issue.id].reopened == 1
    assert (rows.count("resolution"), rows.count("root_cause")) == (12, 1)

    new = desk.file("My payslip is missing", Client="acme", Country="DE")
    assert poll(sandbox, store, clock, project="PAY") == [new.id]
    assert poll(sandbox, store, clock, project="PAY") == []
    with store.read() as conn:
        record = tickets.get(conn, "acme", new.id)
    assert record is not None
    assert (record.state, record.priority, record.issue_type) == ("New", "normal", None)
    assert (record.ticket.country, record.reporter, record.readable_id) == ("DE", "jo", "PAY-14")


def test_write_back_shows_up_in_the_next_poll(
    desk: Desk, sandbox: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    issue = desk.file("My payslip is missing", Client="acme")
    sync(sandbox, store, clock, project="PAY", progress=silent)
    clock.advance(timedelta(seconds=5))
    wanted = {
        "Issue type": "payslip_missing",
        "Category": "payslips",
        "Priority": "Critical",
        "Team": "payroll",
    }
    assert sandbox.update_fields(issue.id, wanted) == wanted
    written = sandbox.add_internal_comment(issue.readable_id, "because it says so [op:1]")
    assert sandbox.find_comment(issue.id, "[op:1]", author="svc-firstline") == written
    assert poll(sandbox, store, clock, project="PAY") == [issue.id]
    with store.read() as conn:
        record = tickets.find(conn, issue.id)
    assert record is not None
    assert (record.issue_type, record.category, record.priority, record.team) == (
        "payslip_missing",
        "payslips",
        "critical",
        "payroll",
    )
    assert [(c.author, c.internal) for c in record.comments] == [("svc-firstline", True)]


def test_what_the_requester_sees_holds_no_internal_comment(
    desk: Desk, sandbox: YouTrackClient, sandbox_url: str, clock: ManualClock
) -> None:
    issue = desk.file("x")
    sandbox.add_internal_comment(issue.id, "for the team")
    with httpx.Client() as http:
        requester = YouTrackClient(http, sandbox_url, "perm:requester", clock)
        assert requester.check().login == "jo"
        assert requester.comments(issue.id) == ()


def test_ids_queries_and_refusals_agree(desk: Desk, sandbox: YouTrackClient) -> None:
    issues = [desk.file(f"t {n}") for n in range(12)]
    some = [i.readable_id for i in issues[3:9]]
    assert {r.readable_id for r in sandbox.issues(ids_query(some), 50)} == set(some)
    ordered = sandbox.issues("project: PAY sort by: {issue id} asc", 50)
    assert [r.ticket.id for r in ordered] == [i.id for i in issues]
    assert sandbox.count("project: PAY") == 12
    with pytest.raises(NotFoundError):
        sandbox.issue("PAY-999")
    with pytest.raises(RefusedError, match="Nonsense"):
        sandbox.update_fields(issues[0].id, {"Nonsense": "x"})
    with pytest.raises(RefusedError, match="Nonsense"):
        sandbox.count("State: Nonsense")
    with pytest.raises(RefusedError, match="PAX"):
        sandbox.fields_of("PAX")


def test_long_threads_come_whole(desk: Desk, sandbox: YouTrackClient) -> None:
    issue = desk.file("x")
    for n in range(50):
        desk.state.add_comment(issue, desk.kim, desk.now, f"{n}", internal=False)
    assert [c.text for c in sandbox.issue(issue.id).comments] == [str(n) for n in range(50)]
