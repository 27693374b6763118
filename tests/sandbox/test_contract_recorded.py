"""Answers that were recorded from, or documented for, a real tracker.

Runs against the stand-in, or against a real instance: see `tracker` in `conftest.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

CHILD = "error_children"
QUERY_TEXT = "Can't parse search query, please check and update query syntax"


def query_error(detail: str) -> dict[str, Any]:
    return {
        "error": "invalid_query",
        "error_description": QUERY_TEXT,
        "error_developer_message": "Can't parse search query",
        "error_field": "query",
        CHILD: [{"error": detail, "error_description": ""}],
    }


@pytest.mark.parametrize(
    ("path", "params", "status", "body"),
    [
        (
            "/issues/ZZZ-999999",
            {},
            404,
            {"error": "Not Found", "error_description": "Entity with id ZZZ-999999 not found"},
        ),
        ("/issueZ", {}, 404, {"error": "Not Found", "error_description": "HTTP 404 Not Found"}),
        (
            "/issues",
            {"fields": "id("},
            400,
            {"error": "bad_request", "error_description": "Query string has invalid syntax"},
        ),
        ("/issues", {"$top": "x"}, 500, {"error": "server_error", "error_description": "HTTP 404 Not Found"}),
        (
            "/issues",
            {"$top": "-1"},
            400,
            {
                "error": "Bad Request",
                "error_description": "This resource does not allow requesting all entities, "
                "max limit is 3500",
            },
        ),
        (
            "/activities",
            {},
            400,
            {
                "error": "Bad Request",
                "error_description": "No requested categories specified as a filter parameter",
            },
        ),
        (
            "/activities",
            {"categories": "CommentsCategory", "start": "x"},
            400,
            {
                "error": "Bad Request",
                "error_description": "Incorrect timestamp x",
                "error_developer_message": "Incorrect timestamp x",
            },
        ),
        (
            "/issues",
            {"query": "project: NOPE"},
            400,
            query_error('The value "NOPE" isn\'t used for the project field.'),
        ),
        ("/issues", {"query": "sort by: nonsense asc"}, 400, query_error("Sort field is expected.")),
    ],
)
def test_errors_word_for_word(
    tracker: Any, path: str, params: dict[str, str], status: int, body: dict[str, Any]
) -> None:
    answer = tracker.ask("GET", path, **params)
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_wrong_token_is_told_so(tracker: Any) -> None:
    answer = tracker.http.get("/api/users/me", headers={"Authorization": "Bearer perm:nobody"})
    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized", "error_description": "Invalid token"}
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("query", "rows"),
    [("Zzz: High", 0), ("updated: {minus 24h}..*", 0), ("updated: {minus 30m} .. *", 1)],
)
def test_search_oddities_answer_200(tracker: Any, query: str, rows: int) -> None:
    tracker.file()
    assert len(tracker.get("/issues", query=query, **{"$top": 1})) == rows


def test_unknown_categories_and_attributes_are_silent(tracker: Any) -> None:
    made = tracker.file()
    assert tracker.get("/activities", categories="NoSuchCategory") == []
    shown = tracker.get(f"/issues/{made['id']}", fields="idReadable,nonsense")
    assert shown == {"idReadable": made["idReadable"], "$type": "Issue"}
    assert set(tracker.get(f"/issues/{made['id']}")) == {"id", "$type"}


def test_zero_and_negative_pages(tracker: Any) -> None:
    tracker.file()
    assert tracker.get("/issues", **{"$top": 0}) == []
    assert len(tracker.get("/issues", **{"$top": 1, "$skip": -1})) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/issues"), ("POST", "/issues/{id}/links"), ("PATCH", "/issues/{id}")]
)
def test_methods_that_do_not_exist(tracker: Any, method: str, path: str) -> None:
    made = tracker.file()
    assert tracker.ask(method, path.format(id=made["id"]), {}).status_code == 405


def test_the_team_is_not_written_through_its_users(tracker: Any) -> None:
    path = f"/admin/projects/{tracker.project}/team"
    team = tracker.get(path, fields="id,name,ringId")
    assert (team["$type"], team["ringId"]) == ("ProjectTeam", None)
    assert tracker.ask("POST", path + "/users", {"id": "1-1"}).status_code == 405


def test_an_issue_from_filing_to_deletion(tracker: Any) -> None:
    made = tracker.file()
    path = f"/issues/{made['id']}"
    answer = tracker.ask("POST", path, {"description": ""}, fields="description,wikifiedDescription,resolved")
    assert answer.json() == {
        "description": None,
        "wikifiedDescription": "",
        "resolved": None,
        "$type": "Issue",
    }
    note = tracker.ask("POST", path + "/comments", {"text": "x"}, fields="id,updated,deleted").json()
    assert (note["updated"], note["deleted"]) == (None, False)
    tracker.ask("POST", f"{path}/comments/{note['id']}", {"deleted": True})
    assert [c["deleted"] for c in tracker.get(path + "/comments", fields="deleted")] == [True]
    links = tracker.get(path + "/links", fields="id,direction,linkType(id,directed),issues(id)")
    ends = {"OUTWARD": "s", "INWARD": "t", "BOTH": ""}
    assert all(k["id"] == k["linkType"]["id"] + ends[k["direction"]] for k in links)
    feed = tracker.get(path + "/activities", categories="IssueCreatedCategory", fields="added,removed")
    assert [(a["added"], a["removed"]) for a in feed] == [([], [])]
    gone = tracker.ask("DELETE", path)
    assert (gone.status_code, gone.content) == (200, b"")
    assert tracker.ask("GET", path).status_code == 404


def test_a_readable_id_is_refused_in_a_body(tracker: Any) -> None:
    one, two = tracker.file(), tracker.file()
    links = tracker.get(f"/issues/{one['id']}/links", fields="id")
    path = f"/issues/{one['id']}/links/{links[0]['id']}/issues"
    answer = tracker.ask("POST", path, {"id": two["idReadable"]})
    assert answer.status_code == 400
    assert answer.json()["error_description"] == f"Invalid structure of entity id: {two['idReadable']}"


def test_a_command_without_fields_answers_nothing(tracker: Any) -> None:
    made = tracker.file()
    answer = tracker.ask(
        "POST", "/commands", {"query": "tag contract-check", "issues": [{"idReadable": made["idReadable"]}]}
    )
    assert (answer.status_code, answer.content) == (200, b"")
