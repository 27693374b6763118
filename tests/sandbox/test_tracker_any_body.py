"""Whatever is sent, the stand-in answers as a tracker does: never with a crash."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock
from data.sandbox.world import World
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.routes import api_routes, api_table
from data.settings import SANDBOX_TOKEN

KEYS = [
    *("id", "$type", "text", "visibility", "customFields", "tags", "project", "summary", "description"),
    *("value", "event", "name", "login", "query", "issues", "idReadable", "permittedGroups"),
    *("permittedUsers", "duration", "minutes", "presentation", "date", "type", "author", "deleted"),
    *("comment", "reaction", "runAs", "silent", "ticketCCUsers", "settings", "reporter", "prefix"),
]
NAMES = [
    *("State", "Priority", "Assignee", "Stage", "First reply", "PAY-3", "ENG-1", "Open", "me", "x"),
    *("LimitedVisibility", "UnlimitedVisibility", "SingleEnumIssueCustomField", "tag x"),
    *("SingleUserIssueCustomField", "StateIssueCustomField", "3-1003", "0-3", "0-4", "5-8", "1-3"),
]
leaves = st.none() | st.booleans() | st.integers(-5, 2**40) | st.sampled_from(NAMES) | st.text(max_size=8)
bodies = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=14,
)
PATHS = [(p, m) for p, methods in api_table(lambda i, k: None) for m in methods]
FILLED = {"issue": "PAY-3", "project": "PAY", "user": "svc-firstline", "field": "State", "link": "106-0"}


@pytest.fixture(scope="module")
def http(small_world: World) -> TestClient:
    state = load(small_world)
    routes = api_routes(state.tracker, ManualClock(small_world.end), lambda issue, kind: None)
    return TestClient(Starlette(routes=routes), headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"})


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    route=st.sampled_from([r for r in PATHS if r[1] == "post"]),
    body=st.dictionaries(st.sampled_from(KEYS), bodies, max_size=6) | bodies,
)
def test_any_body_is_answered(http: TestClient, route: tuple[str, str], body: Any) -> None:
    path = re.sub(r"{(\w+)(:path)?}", lambda m: FILLED.get(m[1], "1-1"), route[0])
    answer = http.post("/api" + path, json=body, params={"fields": "id,text,customFields(value(name))"})
    assert answer.status_code in (200, 400, 403, 404)
    if answer.status_code != 200:
        assert set(answer.json()) >= {"error", "error_description"}


WORDS = st.sampled_from(
    [
        *(
            "project: PAY",
            "State: Open",
            ",",
            "-",
            "#",
            "..",
            "*",
            "{minus 24h}",
            '"x"',
            "(",
            ")",
            "or",
            "and",
        ),
        *("sort by: updated desc", "has:", "tag:", "created:", "2026-13-45", "2026-11", "{minus 99999999h}"),
        *("{plus 99999y}", "issue id:", "PAY-1", "{", "}", "me", "assignee:", "State:", "-me"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS | st.text(max_size=5), max_size=9))
def test_any_query_is_answered(http: TestClient, words: list[str]) -> None:
    answer = http.post("/api/issuesGetter/count", json={"query": " ".join(words)}, params={"fields": "count"})
    assert answer.status_code == 200 or answer.json()["error"] == "invalid_query"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from([r for r in PATHS if r[1] == "get"]),
    params=st.dictionaries(
        st.sampled_from(
            ["fields", "$top", "$skip", "query", "categories", "start", "end", "cursor", "reverse"]
        ),
        st.text(max_size=6) | st.sampled_from(["id,name", "1", "CommentsCategory", "true", "14-1500"]),
    ),
)
def test_any_parameters_are_answered(
    http: TestClient, route: tuple[str, str], params: dict[str, str]
) -> None:
    path = re.sub(r"{(\w+)(:path)?}", lambda m: FILLED.get(m[1], "1-1"), route[0])
    answer = http.get("/api" + path, params=params)
    assert answer.status_code in (200, 400, 403, 404) or answer.json()["error"] == "server_error"
