"""The stand-in speaks the tracker's contract: projection, paging, errors, search, activities, visibility."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock, to_millis
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import TrackerState, build_project

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AGENT = {"Authorization": "Bearer agent-token"}
FIELDS = [
    ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
    ("State", "state[1]", ["New", "Open", "!Resolved", "Reopened"], "New"),
    ("Issue type", "enum[1]", ["payslip_missing", "password_reset"], None),
    ("Assignee", "user[1]", [], None),
]


class Desk:
    """A tracker with 60 tickets and one HTTP client of an agent."""

    def __init__(self) -> None:
        self.state = TrackerState(build_project("PAY", "Payroll Support", FIELDS))
        agent = self.state.add_user("agent", "An Agent", team=True)
        self.state.tokens["agent-token"] = agent
        reporter = self.state.add_user("emp", "An Employee")
        self.state.tokens["reporter-token"] = reporter
        for n in range(60):
            self.state.create_issue(
                reporter, f"Ticket {n}", None if n == 0 else "text", to_millis(NOW) - 9000 + n
            )
        self.state.sort_activities()
        self.told: list[tuple[str, str]] = []
        self.clock = ManualClock(NOW)
        routes = api_routes(self.state, self.clock, lambda i, kind: self.told.append((i.readable_id, kind)))
        self.http = TestClient(Starlette(routes=routes), headers=AGENT)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get("/api" + path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **params: Any) -> Any:
        answer = self.http.post("/api" + path, json=body, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, dict[str, Any]]:
        answer = self.http.request(method, "/api" + path, json=body, params=params)
        return answer.status_code, answer.json()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def field(name: str, value: str, kind: str = "SingleEnumIssueCustomField") -> dict[str, Any]:
    return {"customFields": [{"$type": kind, "name": name, "value": {"name": value}}]}


def test_without_fields_an_entity_is_its_id_and_type(desk: Desk) -> None:
    assert set(desk.get("/issues/PAY-1")) == {"id", "$type"}


NAMES = ["id", "idReadable", "summary", "created", "resolved", "description", "numberInProject"]
DESK = Desk()


@given(
    st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    st.lists(st.from_regex(r"zz[a-z]{1,5}", fullmatch=True)),
)
def test_projection_is_exact_plus_type(known: list[str], unknown: list[str]) -> None:
    issue = DESK.get("/issues/PAY-7", fields=",".join([*known, *unknown]))
    assert set(issue) == {*known, "$type"}


@pytest.mark.parametrize("fields", ["a(b", "a)", "a,,b", ",a", "a()", "(a)"])
def test_wrong_fields_syntax_is_refused(desk: Desk, fields: str) -> None:
    status, body = desk.refused("GET", "/issues", fields=fields)
    assert (status, body["error_description"]) == (400, "Query string has invalid syntax")


def test_paging_defaults_and_oddities(desk: Desk) -> None:
    assert len(desk.get("/issues")) == 42
    assert len(desk.get("/issues", **{"$top": 50})) == 50
    assert desk.get("/issues", **{"$top": 0}) == []
    assert len(desk.get("/issues", **{"$top": 100, "$skip": -1})) == 60
    assert desk.refused("GET", "/issues", **{"$top": "x"})[0] == 500
    status, body = desk.refused("GET", "/issues", **{"$top": -1})
    assert (status, "max limit" in body["error_description"]) == (400, True)


def test_pages_cover_everything_once(desk: Desk) -> None:
    query = "project: PAY sort by: updated asc, {issue id} asc"
    seen = [
        i["id"]
        for skip in range(0, 70, 7)
        for i in desk.get("/issues", query=query, **{"$top": 7, "$skip": skip})
    ]
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/issues/PAY-999", 404, "Not Found"),
        ("GET", "/nothing", 404, "Not Found"),
        ("PUT", "/issues", 405, "Method Not Allowed"),
        ("GET", "/activities", 400, "Bad Request"),
        ("GET", "/activities?categories=X&start=x", 400, "Bad Request"),
        ("GET", "/issues?query=State: Nope", 400, "invalid_query"),
        ("GET", "/issues?query=sort by: colour asc", 400, "invalid_query"),
        ("GET", "/issues?query=updated: 2026-09-24..*", 400, "invalid_query"),
        ("GET", "/issues?query=project: NOPE", 400, "invalid_query"),
        ("GET", "/issues?query=project: Payroll Support", 400, "invalid_query"),
        ("GET", '/issues?query=project: "Payroll Support"', 400, "invalid_query"),
        ("GET", "/issues?query=updated: 1795433211120 .. *", 400, "invalid_query"),
        ("GET", "/issues?query=updated: 2026-09-24T10:00Z .. *", 400, "invalid_query"),
        ("GET", "/issues?query=assignee: nobody.known", 400, "invalid_query"),
        ("GET", "/issues?query=(State: New", 400, "invalid_query"),
        ("GET", "/issues?query=has: colour", 400, "invalid_query"),
        ("GET", "/issues?query=tag: never-made", 400, "invalid_query"),
    ],
)
def test_errors(desk: Desk, method: str, path: str, status: int, error: str) -> None:
    answer = desk.http.request(method, "/api" + path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("project: PAY #Resolved", 0),
        ("#Unresolved", 60),
        ("State: New", 60),
        ("State: -New", 0),
        ("issue id: PAY-3, PAY-4", 2),
        ("Zzz: High", 0),
        ("Priority: Normal, Critical and State: New", 60),
        ("created: 2026-11-01 .. *", 60),
        ("created: * .. 2026-10-31", 0),
        ("created: {minus 2h} .. *", 60),
        ("{Ticket 7}", 1),
        ("Issue type: {No issue type}", 60),
        ("has: {Issue type}", 0),
        ("has: -{Issue type}", 60),
        ("has: comments, description", 59),
        ("#New", 60),
        ("-New", 0),
        ("#PAY-3", 1),
        ("#PAY-3 or #PAY-4", 2),
        ("(#PAY-3 or #PAY-4) and -{PAY-3}", 1),
        ("created: Today", 60),
        ("created: 2026-11", 60),
        ("created: 2026-11-01T11:59 .. 2026-11-01T12:00", 60),
        ("created: {minus 24h}", 0),
        ("created: {minus 1h}", 60),  # the hour that the moment falls into
        ("created: {minus 24h}..*", 0),  # without spaces: no rows, no error
        ("created: {minus 30m} .. *", 60),  # months, not minutes
        ("assignee: Unassigned", 60),
        ("for: me", 0),
        ('"State: New"', 0),
        ("reporter: -me", 60),
        ("reporter: emp", 60),
        ("reporter: me", 0),
    ],
)
def test_search(desk: Desk, query: str, found: int) -> None:
    assert desk.post("/issuesGetter/count", {"query": query}, fields="count")["count"] == found
    assert len(desk.get("/issues", query=query, **{"$top": 100})) == found


def test_who_comes_without_a_token_is_a_guest_who_may_not_write(desk: Desk) -> None:
    del desk.http.headers["authorization"]
    assert desk.get("/users/me", fields="login,guest") == {"login": "guest", "guest": True, "$type": "Me"}
    assert desk.refused("POST", "/issues", {})[0] == 403
    desk.http.headers["authorization"] = "Bearer nobody"
    assert desk.refused("GET", "/users/me") == (
        401,
        {"error": "Unauthorized", "error_description": "Invalid token"},
    )


def test_writing_a_field_needs_its_type_and_a_known_value(desk: Desk) -> None:
    assert desk.refused("POST", "/issues/PAY-1", field("Issue type", "nope"))[0] == 400
    assert desk.refused("POST", "/issues/PAY-1", field("Issue type", "password_reset", "Wrong"))[0] == 400
    assert desk.refused("POST", "/issues/PAY-1", {"colour": 1})[0] == 400
    assert desk.told == []
    desk.post("/issues/PAY-1", field("Issue type", "password_reset"))
    assert desk.told == [("PAY-1", "updated")]


def test_every_change_is_in_the_feed_once(desk: Desk) -> None:
    desk.post("/issues/PAY-1", field("State", "Resolved", "StateIssueCustomField"))
    desk.post("/issues/PAY-1", field("State", "Resolved", "StateIssueCustomField"))  # changes nothing
    desk.clock.sleep(5)
    desk.post("/issues/PAY-1", field("State", "Reopened", "StateIssueCustomField"))
    desk.post("/issues/PAY-1/comments", {"text": "hello"})
    desk.post("/issues/PAY-1", {"summary": "New words"})
    categories = "CustomFieldCategory,IssueResolvedCategory,CommentsCategory,SummaryCategory"
    feed = desk.get(
        "/activities",
        categories=categories,
        fields="category(id),added(name,text),removed(name),author(login),target(idReadable)",
    )
    assert [a["category"]["id"] for a in feed] == [
        "CustomFieldCategory",
        "IssueResolvedCategory",
        "CustomFieldCategory",
        "IssueResolvedCategory",
        "CommentsCategory",
        "SummaryCategory",
    ]
    assert feed[0]["added"][0]["name"] == "Resolved"
    assert (feed[1]["added"], feed[1]["removed"]) == (to_millis(NOW), None)
    assert feed[3]["added"] is None
    assert desk.get("/issues/PAY-1", fields="resolved")["resolved"] is None


def test_cursor_pages_miss_nothing_while_the_feed_grows(desk: Desk) -> None:
    cursor, seen = None, []
    for _ in range(20):
        params = {
            "categories": "IssueCreatedCategory",
            "fields": "hasAfter,afterCursor,activities(id)",
            "$top": 9,
        }
        page = desk.get("/activitiesPage", **params, **({"cursor": cursor} if cursor else {}))
        seen += [a["id"] for a in page["activities"]]
        cursor = page["afterCursor"]
        if len(desk.state.issues) < 65:
            desk.post("/issues", {"project": {"id": "0-3"}, "summary": "late"})
        if not page["hasAfter"]:
            break
    assert len(seen) == len(set(seen)) == len(desk.state.issues)
    assert desk.refused("GET", "/activitiesPage", categories="X", cursor="14-9")[0] == 400


def test_internal_comment_is_for_the_team_only(desk: Desk) -> None:
    limited = {"$type": "LimitedVisibility", "permittedGroups": [{"id": desk.state.project.team_id}]}
    made = desk.post(
        "/issues/PAY-2/comments", {"text": "secret", "visibility": limited}, fields="visibility($type)"
    )
    assert made["visibility"]["$type"] == "LimitedVisibility"
    assert len(desk.get("/issues/PAY-2/comments")) == 1
    desk.http.headers["authorization"] = "Bearer reporter-token"
    assert desk.get("/issues/PAY-2/comments") == []
    assert desk.get("/issues/PAY-2", fields="comments(text)")["comments"] == []
    assert desk.get("/activities", categories="CommentsCategory") == []


def test_soft_deleted_comment_stays_in_the_list_and_a_removed_one_does_not(desk: Desk) -> None:
    made = desk.post("/issues/PAY-2/comments", {"text": "x"}, fields="id")
    desk.post(f"/issues/PAY-2/comments/{made['id']}", {"deleted": True})
    assert desk.get("/issues/PAY-2/comments", fields="deleted") == [
        {"deleted": True, "$type": "IssueComment"}
    ]
    assert desk.http.delete(f"/api/issues/PAY-2/comments/{made['id']}").content == b""
    assert desk.get("/issues/PAY-2/comments") == []


def test_filing_a_ticket_gives_it_the_projects_defaults(desk: Desk) -> None:
    made = desk.post(
        "/issues",
        {"project": {"shortName": "PAY"}, "summary": "Help", **field("Issue type", "password_reset")},
        fields="idReadable,customFields(name,value(name))",
    )
    values = {f["name"]: (f["value"] or {}).get("name") for f in made["customFields"]}
    assert made["idReadable"] == "PAY-61"
    assert values == {
        "Priority": "Normal",
        "State": "New",
        "Issue type": "password_reset",
        "Assignee": None,
    }
    assert desk.refused("POST", "/issues", {"project": {"id": "0-3"}})[0] == 400
    assert desk.refused("POST", "/issues", {"project": {"id": "9-9"}, "summary": "x"})[0] == 404
