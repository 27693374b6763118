"""A ticket replayed from its history is what the desk showed at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import TRACKER_TOKEN as TOKEN
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock, from_millis
from data.history import as_of, replayed
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import TrackerState, build_project
from data.ticket import Comment, FieldChange, Ticket, TicketRecord
from data.youtrack.client import YouTrackClient

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
FIELDS = [
    ("Issue type", "enum[1]", ["payslip_missing", "tax_code_incorrect"], None),
    ("Category", "enum[1]", ["payslips", "tax"], None),
    ("Priority", "enum[1]", ["Critical", "Normal"], "Normal"),
    ("Team", "enum[1]", ["payroll", "tax"], None),
    ("State", "state[1]", ["New", "Open", "!Resolved"], "New"),
    ("Client", "enum[1]", ["acme", "globex"], None),
    ("Assignee", "user[1]", [], None),
]
ENUMS = {name: names for name, kind, names, _ in FIELDS if kind == "enum[1]"}


class Desk:
    """The stand-in over HTTP, worked on through its API."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        state = TrackerState(build_project("PAY", "Payroll", FIELDS))
        state.tokens[TOKEN] = state.add_user("svc-firstline", "Firstline", team=True)
        state.add_user("kim", "Kim", team=True)
        self.tags = [state.tag(n).id for n in ("vip", "qa-reviewed", "l3-root-cause")]
        app = Starlette(routes=api_routes(state, self.clock, lambda issue, kind: None))
        self.http = TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})
        self.client = YouTrackClient(self.http, "http://testserver", TOKEN, self.clock, feed_page=7)
        made = self.post("/issues", {"project": {"shortName": "PAY"}, "summary": "My payslip"})
        self.issue = str(made["id"])
        self.comments: list[str] = []
        project = {"shortName": "PAY"}
        self.others = [self.post("/issues", {"project": project, "summary": f"No {n}"})["id"] for n in (2, 3)]
        ends = self.http.get(f"/api/issues/{self.issue}/links", params={"fields": "id", "$top": 42}).json()
        self.ends = [str(e["id"]) for e in ends]

    def post(self, path: str, body: Any) -> Any:
        answer = self.http.post(f"/api{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def record(self) -> TicketRecord:
        changes: list[FieldChange] = []
        cursor = None
        while True:
            page = self.client.activities_page("PAY", start=from_millis(0), cursor=cursor)
            mine = [a for a in page.items if a.ticket_id == self.issue]
            changes += [a.change for a in mine if a.change is not None]
            if not page.more:
                return replace(self.client.issue(self.issue), changes=tuple(changes))
            cursor = page.cursor

    def act(self, kind: str, n: int) -> None:
        here = f"/issues/{self.issue}"
        said = self.comments[n % len(self.comments)] if self.comments else None
        if kind == "field":
            name = list(ENUMS)[n % len(ENUMS)]
            choices = [*ENUMS[name], *([None] if name != "Priority" else [])]
            value = choices[n % len(choices)]
            self.set(name, "SingleEnumIssueCustomField", value and {"name": value})
        elif kind == "state":
            self.set("State", "StateIssueCustomField", {"name": ["New", "Open", "Resolved"][n % 3]})
        elif kind == "assignee":
            self.set("Assignee", "SingleUserIssueCustomField", {"login": "kim"} if n % 2 else None)
        elif kind in ("summary", "description"):
            self.post(here, {kind: f"{kind} {n}"})
        elif kind == "tag":
            tag = self.tags[n % 3]
            if n % 2:
                self.post(f"{here}/tags", {"id": tag})
            else:
                self.http.delete(f"/api{here}/tags/{tag}")
        elif kind in ("link", "unlink"):
            other, path = self.others[n % 2], f"{here}/links/{self.ends[n % len(self.ends)]}/issues"
            if kind == "link":
                self.post(path, {"id": other})
            else:
                self.http.delete(f"/api{path}/{other}")
        elif kind == "attach":
            file = {"file": (f"scan{n}.pdf", b"%PDF" + b"x" * n, "application/pdf")}
            assert self.http.post(f"/api{here}/attachments", files=file).status_code == 200
        elif kind == "comment":
            self.comments.append(self.post(f"{here}/comments", {"text": f"words {n}"})["id"])
        elif said is not None and kind == "edit":
            self.post(f"{here}/comments/{said}", {"text": f"better {n}"})
        elif said is not None:
            self.post(f"{here}/comments/{said}", {"deleted": bool(n % 2)})

    def set(self, name: str, kind: str, value: Any) -> None:
        self.post(f"/issues/{self.issue}", {"customFields": [{"name": name, "$type": kind, "value": value}]})


KINDS = ["field", "state", "assignee", "summary", "description", "tag", "comment", "edit", "delete"]
KINDS += ["link", "unlink", "attach"]
ACTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 11)), max_size=20)


def seen(record: TicketRecord, now: TicketRecord) -> TicketRecord:
    """What must agree: all but the history itself and the words of comments that are deleted now.

    Of links that are gone by now, words and target are known.
    """
    gone = {c.id for c in now.comments if c.deleted}
    kept = tuple(c for c in record.comments if c.id not in gone)
    links = tuple(replace(k, type="", direction="", target="") for k in record.links)
    return replace(record, changes=(), raw_hash="", comments=kept, links=links)


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_at_every_moment_it_is_what_the_desk_showed_then(acts: list[tuple[str, int]]) -> None:
    desk = Desk()
    shown = [(desk.clock.now(), desk.client.issue(desk.issue))]
    for kind, n in acts:
        desk.clock.advance(timedelta(seconds=30))
        desk.act(kind, n)
        shown.append((desk.clock.now(), desk.client.issue(desk.issue)))
    now = desk.record()
    for moment, then in shown:
        assert seen(as_of(now, moment), now) == seen(then, now)
        assert replayed(now, moment) == as_of(now, moment), "forwards and backwards meet"
    assert seen(replayed(now, desk.clock.now()), now) == seen(now, now)
    assert as_of(now, START - timedelta(milliseconds=1)) is None


def record(**values: Any) -> TicketRecord:
    facts: dict[str, Any] = {
        "ticket": Ticket("3-1", "s", "d", created=START),
        "project": "PAY",
        "readable_id": "PAY-1",
        "reporter": "jo",
        "created": START,
        "updated": START + timedelta(hours=9),
        "resolved": None,
        **dict.fromkeys(("issue_type", "category", "priority", "team")),
        "state": "",
    }
    return TicketRecord(**(facts | values))


def change(hour: int, kind: str, removed: str | None, added: str | None, **more: Any) -> FieldChange:
    field = more.pop("field", kind)
    at = START + timedelta(hours=hour)
    return FieldChange(f"14-{hour}", "kim", at, field, removed, added, kind=kind, **more)


def at(hour: int) -> Callable[[TicketRecord], TicketRecord]:
    def stood(found: TicketRecord) -> TicketRecord:
        then = as_of(found, START + timedelta(hours=hour))
        assert then is not None
        return then

    return stood


def test_sides_of_a_field_with_several_values_are_differences() -> None:
    moves = (
        change(1, "field", None, "pay", field="Areas"),
        change(2, "field", None, "tax, leave", field="Areas"),
        change(3, "field", "tax", "fx", field="Areas"),
    )
    now = record(fields=(("Areas", "pay, leave, fx"),), changes=moves)
    stood = [dict(at(h)(now).fields).get("Areas") for h in range(4)]
    assert [s and set(s.split(", ")) for s in stood] == [
        None,
        {"pay"},
        {"pay", "tax", "leave"},
        {"pay", "leave", "fx"},
    ]


def test_a_moved_ticket_had_its_old_name_and_project() -> None:
    moves = (change(2, "project", "OPS", "PAY"), change(3, "readable_id", "OPS-9", "PAY-1"))
    now = record(changes=moves)
    assert (at(1)(now).project, at(1)(now).readable_id) == ("OPS", "OPS-9")
    assert (at(5)(now).project, at(5)(now).readable_id) == ("PAY", "PAY-1")


@pytest.mark.parametrize(("hour", "internal"), [(1, False), (2, True), (5, True)])
def test_a_comment_made_internal_was_public_before(hour: int, internal: bool) -> None:
    said = Comment("7-1", "kim", "x", START, internal=True)
    now = record(comments=(said,), changes=(change(2, "comment_visibility", None, "Team", subject="7-1"),))
    assert [c.internal for c in at(hour)(now).comments] == [internal]


def test_a_deleted_comment_keeps_its_place_and_not_its_words() -> None:
    said = Comment("7-1", "kim", "", START, internal=False, deleted=True)
    now = record(comments=(said,), changes=(change(4, "comment", "7-1", None, subject="7-1"),))
    assert at(1)(now).comments == (said,)
