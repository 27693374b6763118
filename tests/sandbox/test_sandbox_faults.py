"""Faults by script: who is hit, what the client sees, what the tracker did all the same."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from data.clock import ManualClock, SystemClock
from data.errors import SettingsError
from data.sandbox.world import World
from data.sandbox.youtrack.app import create_app
from data.sandbox.youtrack.faults.abrupt import AbruptProtocol
from data.sandbox.youtrack.faults.injection import Asked, Faults
from data.sandbox.youtrack.faults.script import FaultScriptError, parse_script, read_script
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.webhooks import Emitter
from data.settings import SANDBOX_SECRET, SANDBOX_TOKEN


@dataclass
class Desk:
    """A served desk whose faults go by a clock that only the test moves."""

    state: SandboxState
    http: httpx.Client
    clock: ManualClock
    issue: str

    def give(self, *rules: dict[str, Any], **more: Any) -> None:
        answer = self.http.post("/sandbox/faults", json={"rules": rules, **more})
        assert answer.status_code == 200, answer.text

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/sandbox/faults").json()
        return found

    def comment(self, text: str) -> httpx.Response:
        body = {"text": text, "visibility": {"$type": "UnlimitedVisibility"}}
        return self.http.post(f"/api/issues/{self.issue}/comments", json=body, params={"fields": "id,text"})

    def texts(self) -> list[str]:
        issue = self.state.tracker.find_issue(self.issue)
        assert issue is not None
        return [c.text for c in issue.comments]


@pytest.fixture
def desk(small_world: World, clock: ManualClock) -> Iterator[Desk]:
    state = load(small_world)
    emitter = Emitter("", SANDBOX_SECRET, 0.0, SystemClock(), random.Random(3))
    app = create_app(state, emitter, faults=Faults(clock))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=AbruptProtocol, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as http:
        yield Desk(state, http, clock, next(reversed(state.tracker.issues)))
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("effect", "status", "shown"),
    [
        ({"kind": "status", "status": 401}, 401, '"error":"Unauthorized"'),
        ({"kind": "status", "status": 403}, 403, '"error":"Forbidden"'),
        ({"kind": "status", "status": 404}, 404, '"error":"Not Found"'),
        ({"kind": "status", "status": 429, "retry_after": 3}, 429, "Too Many"),
        ({"kind": "status", "status": 500}, 500, "<html>"),
        ({"kind": "status", "status": 500, "html": False}, 500, "server_error"),
        ({"kind": "status", "status": 502}, 502, "<html>"),
        ({"kind": "status", "status": 503, "retry_after": 1}, 503, "<html>"),
        ({"kind": "status", "status": 504}, 504, "<html>"),
        ({"kind": "veto", "text": "Only the lead may."}, 400, "Only the lead may."),
    ],
)
def test_a_refused_write_is_not_done(desk: Desk, effect: dict[str, Any], status: int, shown: str) -> None:
    before = desk.texts()
    desk.give({"match": {"method": "POST", "path": "/api/issues/*/comments"}, "effect": effect})
    answer = desk.comment("never there")
    assert (answer.status_code, shown in answer.text) == (status, True), answer.text
    assert answer.headers.get("Retry-After") == (
        str(effect["retry_after"]) if "retry_after" in effect else None
    )
    assert desk.texts() == before


@pytest.mark.parametrize("applied", [False, True])
def test_a_reset_loses_the_request_or_only_the_reply(desk: Desk, applied: bool) -> None:
    desk.give({"match": {"method": "POST"}, "effect": {"kind": "reset", "applied": applied}})
    with pytest.raises(httpx.TransportError):
        desk.comment("reset")
    assert desk.texts().count("reset") == int(applied)
    assert desk.http.get("/api/users/me").status_code == 200, "other requests are served"


@pytest.mark.parametrize("effect", [{"kind": "status", "status": 504, "applied": True}, {"kind": "garbage"}])
def test_the_effect_is_done_and_the_answer_is_no_use(desk: Desk, effect: dict[str, Any]) -> None:
    desk.give({"match": {"method": "POST"}, "effect": effect})
    with pytest.raises(ValueError):
        desk.comment("done").json()
    assert desk.texts().count("done") == 1


def test_a_truncated_answer_is_broken_json_of_a_whole_response(desk: Desk) -> None:
    desk.give({"match": {"method": "POST"}, "effect": {"kind": "truncated", "keep": 0.4}})
    answer = desk.comment("done")
    assert answer.status_code == 200 and len(answer.text) > 5
    with pytest.raises(ValueError):
        answer.json()
    desk.give({"match": {"method": "POST"}, "effect": {"kind": "cut"}})
    with pytest.raises(httpx.TransportError):
        desk.comment("cut")
    assert desk.texts()[-2:] == ["done", "cut"]


@pytest.mark.parametrize("applied", [False, True])
def test_a_slow_answer_outlasts_a_client(desk: Desk, applied: bool) -> None:
    desk.give({"match": {"method": "POST"}, "effect": {"kind": "slow", "seconds": 0.5, "applied": applied}})
    with pytest.raises(httpx.ReadTimeout):
        desk.http.post(f"/api/issues/{desk.issue}/comments", json={"text": "slow"}, timeout=0.2)
    assert desk.texts().count("slow") == int(applied)


def test_counting_takes_its_time(desk: Desk) -> None:
    desk.give({"match": {"path": "/api/issuesGetter/count", "count": 2}, "effect": {"kind": "uncounted"}})
    counts = [
        desk.http.post("/api/issuesGetter/count?fields=count", json={"query": ""}).json()["count"]
        for _ in range(3)
    ]
    assert counts == [-1, -1, len(desk.state.tracker.issues)]


def test_down_for_a_period_and_then_well(desk: Desk) -> None:
    desk.give({"match": {"since": 60, "until": 1860}, "effect": {"kind": "reset"}})
    well = []
    for minutes in (0, 1, 29, 1):  # after 0, 1, 30 and 31 minutes
        desk.clock.advance(timedelta(minutes=minutes))
        try:
            well.append(desk.http.get("/api/users/me").status_code == 200)
        except httpx.TransportError:
            well.append(False)
        assert desk.http.get("/sandbox/health").status_code == 200, "the control endpoints are never hit"
    assert well == [True, False, False, True]


def test_the_counters_say_what_was_injected(desk: Desk) -> None:
    desk.give(
        {
            "name": "busy",
            "match": {"path": "/api/users/*", "nth": [2, 4]},
            "effect": {"kind": "status", "status": 429},
        },
        {"match": {"path": "/api/users/*", "after": 2, "count": 1}, "effect": {"kind": "veto"}},
    )
    codes = [desk.http.get("/api/users/me").status_code for _ in range(6)]
    assert codes == [200, 429, 200, 429, 400, 200]
    report = desk.report()
    assert (report["requests"], report["injected"]) == (6, 3)
    assert report["by_kind"] == {"status": 2, "veto": 1}
    assert [(r["name"], r["seen"], r["injected"]) for r in report["rules"]] == [
        ("busy", 6, 2),
        ("rule 2", 4, 1),
    ]
    assert desk.http.delete("/sandbox/faults").json()["rules"] == []
    assert desk.http.get("/api/users/me").status_code == 200


def find(desk: Desk, query: str) -> list[str]:
    rows = desk.http.get("/api/issues", params={"query": query, "fields": "id", "$top": 500}).json()
    return [r["id"] for r in rows]


def test_writes_are_there_by_id_at_once_and_in_searches_later(desk: Desk) -> None:
    desk.give(visibility={"query": 5, "comments": 0})
    made = desk.http.post(
        "/api/issues", params={"fields": "id"}, json={"project": {"id": "0-3"}, "summary": "Zebra crossing"}
    ).json()["id"]
    tagged = {
        "customFields": [{"$type": "StateIssueCustomField", "name": "State", "value": {"name": "Waiting"}}]
    }
    before = find(desk, "State: Waiting")
    assert desk.http.post(f"/api/issues/{made}", json=tagged).status_code == 200
    assert desk.http.get(f"/api/issues/{made}").status_code == 200
    assert find(desk, "summary: Zebra") == []
    desk.clock.advance(timedelta(seconds=3))
    assert desk.http.post(f"/api/issues/{made}", json={"summary": "Heron"}).status_code == 200
    desk.clock.advance(timedelta(seconds=3))
    assert find(desk, "summary: Zebra") == [made], "the index has the ticket as it was six seconds ago"
    assert find(desk, "summary: Heron") == []
    assert set(find(desk, "State: Waiting")) == {*before, made}
    desk.clock.advance(timedelta(seconds=3))
    assert (find(desk, "summary: Zebra"), find(desk, "summary: Heron")) == ([], [made])


def test_a_comment_shows_in_the_list_later(desk: Desk) -> None:
    desk.give(visibility={"query": 0, "comments": 2})
    listed = f"/api/issues/{desk.issue}/comments"
    before = desk.http.get(listed, params={"$top": 500}).json()
    made = desk.comment("late").json()["id"]
    assert desk.http.get(f"{listed}/{made}", params={"fields": "text"}).json()["text"] == "late"
    assert desk.http.get(listed, params={"$top": 500}).json() == before
    desk.clock.advance(timedelta(seconds=2))
    assert desk.http.get(listed, params={"$top": 500}).json()[-1]["id"] == made


def test_a_wrong_script_is_refused_with_every_mistake_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.give({"name": "kept", "effect": {"kind": "veto"}})
    wrong = """
seed: high
rules:
  - match: {method: FETCH, share: 1.5, since: 9, until: 3}
    effect: {kind: status, status: 299}
  - effect: {kind: explode}
  - {match: {path: api}, effect: {kind: slow, second: 1}}
webhooks: {copies: 0}
colour: red
"""
    answer = desk.http.post("/sandbox/faults", content=wrong)
    assert answer.status_code == 400
    told = "\n".join(answer.json()["problems"])
    for place in (
        "seed",
        "0.match.method",
        "share",
        "status",
        "explode",
        "path",
        "seconds",
        "second",
        "copies",
        "colour",
    ):
        assert place in told, (place, told)
    assert desk.report()["rules"][0]["name"] == "kept"
    file = tmp_path / "faults.yaml"
    file.write_text(wrong)
    with pytest.raises(SettingsError) as refused:
        read_script(file)
    assert refused.value.exit_code == 2 and str(file) in refused.value.message
    with pytest.raises(FaultScriptError, match="cannot be read"):
        read_script(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["[", "rules: 5", "- a", "7", "rules: [{effect: {}}]", "seed: 2026-01-01"])
def test_no_script_at_all(text: str) -> None:
    with pytest.raises(FaultScriptError):
        parse_script(text)


@given(st.integers(0, 10_000), st.floats(0.05, 0.95), st.integers(0, 5), st.integers(1, 30))
def test_the_same_seed_hits_the_same_requests(seed: int, share: float, after: int, count: int) -> None:
    text = (
        f"{{seed: {seed}, rules: [{{match: {{share: {share!r}, after: {after}, count: {count}}}, "
        "effect: {kind: reset}}]}"
    )

    def hits() -> list[int]:
        faults = Faults(SystemClock(), parse_script(text))
        asked = Asked("GET", "/api/x", "")
        return [n for n in range(80) if faults.chosen(asked)]

    first = hits()
    assert first == hits()
    assert len(first) <= count and all(n >= after for n in first)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/api/issues/*", "/api/issues/3-1", True),
        ("/api/issues/*", "/api/issues/3-1/comments", False),
        ("/api/issues/**", "/api/issues/3-1/comments", True),
        ("/api/issues/*/comments", "/api/issues/3-1/comments", True),
        ("/api/a.b", "/api/aXb", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    faults = Faults(
        SystemClock(), parse_script(f"rules: [{{match: {{path: '{pattern}'}}, effect: {{kind: reset}}}}]")
    )
    assert (faults.chosen(Asked("GET", path, "")) is not None) == fits


def test_a_share_is_about_that_share() -> None:
    faults = Faults(SystemClock(), parse_script("rules: [{match: {share: 0.16}, effect: {kind: reset}}]"))
    hits = Counter(faults.chosen(Asked("POST", "/api/x", "")) is not None for _ in range(5000))
    assert 700 < hits[True] < 900  # 800 expected, standard deviation 26
