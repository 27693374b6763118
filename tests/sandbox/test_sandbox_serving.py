"""The desk over a real port: history, live weeks, signed events, the board, the command."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from data.clock import SystemClock, to_millis
from data.sandbox.world import World
from data.sandbox.youtrack.app import create_app
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.webhooks import Emitter
from data.settings import SANDBOX_SECRET, SANDBOX_TOKEN
from data.youtrack.webhook import parse_event, verify

FIELDS = (
    "id,idReadable,created,updated,resolved,reporter(login),tags(name),customFields(name,value(name,login))"
)
FIRSTLINE = [sys.executable, "-c", "from serving.cli import main; main()"]


@dataclass
class Inbox:
    """Receives events and checks their signatures."""

    events: list[Any] = field(default_factory=list)
    bad: list[Exception] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    box = Inbox()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                verify(SANDBOX_SECRET, dict(self.headers), body, SystemClock().now())
                box.events.append(parse_event(body))
            except Exception as error:
                box.bad.append(error)
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    box.url = f"http://127.0.0.1:{server.server_address[1]}/v1/events/youtrack"
    yield box
    server.shutdown()
    server.server_close()


@dataclass
class Served:
    """A running desk."""

    state: SandboxState
    http: httpx.Client

    def arrivals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/sandbox/arrivals").json()
        return found

    def wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while self.arrivals()["running"] and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.arrivals()


def serving(world: World, url: str = "", drop: float = 0.0) -> Iterator[Served]:
    state = load(world)
    emitter = Emitter(url, SANDBOX_SECRET, drop, SystemClock(), random.Random(3))
    server = uvicorn.Server(uvicorn.Config(create_app(state, emitter), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as http:
        yield Served(state, http)
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.fixture
def desk(small_world: World) -> Iterator[Served]:
    yield from serving(small_world)


@pytest.fixture
def noisy_desk(small_world: World, inbox: Inbox) -> Iterator[Served]:
    yield from serving(small_world, inbox.url, drop=0.4)


def named(issue: dict[str, Any]) -> dict[str, str | None]:
    return {
        f["name"]: (f["value"].get("name") or f["value"].get("login")) if f["value"] else None
        for f in issue["customFields"]
        if f["$type"] != "SlaIssueCustomField"
    }


def test_history_is_what_the_world_says(desk: Served, small_world: World) -> None:
    params = {"query": "project: PAY sort by: {issue id} asc", "fields": FIELDS, "$top": 500}
    issues = desk.http.get("/api/issues", params=params).json()
    assert [i["idReadable"] for i in issues] == [t.readable_id for t in small_world.history]
    for issue, ticket in zip(issues, small_world.history, strict=True):
        shown = named(issue)
        assert shown["Client"] == ticket.client
        assert shown["Country"] == ticket.country
        assert shown["Issue type"] == (ticket.agent.issue_type if ticket.agent else None)
        assert shown["Priority"] == (ticket.agent.priority.capitalize() if ticket.agent else "Normal")
        assert issue["created"] == to_millis(ticket.created)
        assert (issue["resolved"] is not None) == (ticket.resolved is not None)
        assert {t["name"] for t in issue["tags"]} == set(ticket.tags)
        assert issue["reporter"]["login"] == ticket.reporter.login
        assert not issue["id"].startswith("2-")


def test_every_event_of_the_history_is_an_activity(desk: Served, small_world: World) -> None:
    params: dict[str, Any] = {
        "categories": "IssueCreatedCategory,CustomFieldCategory,CommentsCategory,TagsCategory",
        "fields": "afterCursor,hasAfter,activities(id,timestamp,category(id))",
        "$top": 500,
    }
    seen: list[dict[str, Any]] = []
    while True:
        page = desk.http.get("/api/activitiesPage", params=params).json()
        seen += page["activities"]
        if not page["hasAfter"]:
            break
        params["cursor"] = page["afterCursor"]
    assert len({a["id"] for a in seen}) == len(seen)
    assert [a["timestamp"] for a in seen] == sorted(a["timestamp"] for a in seen)
    assert len(seen) == sum(1 + len(t.events) for t in small_world.history)


def test_identity_guest_and_wrong_token(desk: Served) -> None:
    me = desk.http.get("/api/users/me", params={"fields": "login,guest"})
    assert me.json() == {"login": "svc-firstline", "guest": False, "$type": "Me"}
    bare = httpx.get(f"{desk.http.base_url}/api/users/me", params={"fields": "guest"}, trust_env=False)
    assert bare.json()["guest"] is True
    wrong = desk.http.get("/api/users/me", headers={"Authorization": "Bearer perm:x"})
    assert wrong.status_code == 401


def test_live_tickets_arrive_untriaged_in_simulated_time(desk: Served, small_world: World) -> None:
    before = desk.http.get("/sandbox/health").json()
    assert before["now"].startswith("2026-11-01T00:")
    desk.http.post("/sandbox/arrivals", json={"count": 10_000, "per_second": 0})
    state = desk.wait()
    assert (state["filed"], state["left"]) == (len(small_world.live), 0)
    for issue_id, ticket in zip(state["ids"], small_world.live, strict=True):
        issue = desk.http.get(f"/api/issues/{issue_id}", params={"fields": FIELDS}).json()
        shown = named(issue)
        assert (shown["State"], shown["Priority"]) == ("New", "Normal")
        assert shown["Issue type"] is shown["Category"] is shown["Team"] is None
        assert shown["Client"] == ticket.client
        assert 0 <= issue["created"] - to_millis(ticket.created) < 60_000
    truth = desk.http.get(
        "/sandbox/truth", params={"ids": ",".join([*state["ids"], "3-1", "PAY-99999"])}
    ).json()
    assert set(truth) == set(state["ids"])
    first = truth[state["ids"][0]]
    assert first["issue_type"] == small_world.live[0].truth.issue_type
    assert set(first) >= {"issue_type", "category", "priority", "team", "family", "kind", "personal"}


def test_the_player_keeps_its_pace(desk: Served) -> None:
    begun = time.monotonic()
    desk.http.post("/sandbox/arrivals", json={"count": 10, "per_second": 20})
    assert desk.wait()["filed"] == 10
    assert 0.4 <= time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"count": -1}', b'{"count": 1.5}', b'{"count": true}', b'{"count": 1, "per_second": "x"}'],
)
def test_a_wrong_order_is_refused(desk: Served, body: bytes) -> None:
    answer = desk.http.post("/sandbox/arrivals", content=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_events_are_signed_and_some_are_lost(noisy_desk: Served, inbox: Inbox) -> None:
    noisy_desk.http.post("/sandbox/arrivals", json={"count": 30, "per_second": 0})
    ids = noisy_desk.wait()["ids"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = noisy_desk.arrivals()
        if state["webhooks_sent"] + state["webhooks_dropped"] == 30:
            break
        time.sleep(0.05)
    assert not inbox.bad
    assert state["webhooks_sent"] == len(inbox.events)
    assert 3 < state["webhooks_dropped"] < 25
    assert {e.id for e in inbox.events} < set(ids)
    assert {e.kinds for e in inbox.events} == {("created",)}
    sent = len(inbox.events)
    note = {"text": "hello"}
    for _ in range(5):  # the service's own changes are not announced to it
        noisy_desk.http.post(f"/api/issues/{ids[0]}/comments", json=note).raise_for_status()
    assert len(inbox.events) == sent


def test_events_to_nobody_are_counted_not_fatal(small_world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    for desk in serving(small_world, url):
        desk.http.post("/sandbox/arrivals", json={"count": 3, "per_second": 0})
        desk.wait()
        deadline = time.monotonic() + 10
        while desk.arrivals()["webhooks_failed"] < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert desk.arrivals()["webhooks_failed"] == 3


def test_a_person_files_a_ticket_on_the_board_and_watches_it(desk: Served) -> None:
    form = {
        "summary": "No <b>payslip</b>",
        "description": "Mine & hers",
        "client": "meranti",
        "country": "SG",
    }
    filed = desk.http.post("/tickets", data=form)
    assert filed.status_code == 303
    page = desk.http.get(filed.headers["location"])
    assert "No &lt;b&gt;payslip&lt;/b&gt;" in page.text
    assert "<b>payslip" not in page.text
    number = filed.headers["location"].rpartition("/")[2]
    team = desk.http.get("/api/admin/projects/PAY", params={"fields": "team(id)"}).json()["team"]["id"]
    note = {
        "text": "Looks like a payslip that is missing",
        "visibility": {"$type": "LimitedVisibility", "permittedGroups": [{"id": team}]},
    }
    desk.http.post(f"/api/issues/{number}/comments", json=note).raise_for_status()
    part = desk.http.get(f"/issue/{number}", params={"part": "body"}).text
    assert "Looks like a payslip" in part
    assert "internal" in part
    assert "<html" not in part
    home = desk.http.get("/").text
    assert number in home
    assert "<b>payslip" not in home
    shown = named(desk.http.get(f"/api/issues/{number}", params={"fields": FIELDS}).json())
    assert (shown["Client"], shown["Country"], shown["State"]) == ("meranti", "SG", "New")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"summary": " "}, "Write a summary"),
        ({"summary": "x", "client": "nobody"}, "Choose a client"),
        ({"summary": "x" * 501}, "At most 500"),
    ],
)
def test_a_wrong_form_says_so_and_keeps_what_was_typed(desk: Served, form: dict[str, str], said: str) -> None:
    answer = desk.http.post("/tickets", data={**form, "description": "keep me"})
    assert answer.status_code == 400
    assert said in answer.text
    assert "keep me" in answer.text


def test_an_unknown_ticket_page(desk: Served) -> None:
    assert desk.http.get("/issue/PAY-99999").status_code == 404


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_command_serves_until_terminated(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["sandbox", "serve", "--port", str(port), "--months", "1", "--tickets-per-day", "3"]
    environ = {"FIRSTLINE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen([*FIRSTLINE, *arguments], stderr=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stderr is not None
        ready = process.stderr.readline()
        assert "ready at" in ready
        health = httpx.get(f"http://127.0.0.1:{port}/sandbox/health", timeout=30, trust_env=False).json()
        assert health["tickets"] == 93
        second = subprocess.run([*FIRSTLINE, *arguments], capture_output=True, text=True, env=environ)
        assert second.returncode == 2
        assert f"Port {port}" in second.stderr
        assert "Traceback" not in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.stderr.close()


def test_directories_are_exported_for_import(tmp_path: Path) -> None:
    from data.directory_csv import read_people

    environ = {"FIRSTLINE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    out = tmp_path / "people"
    subprocess.run([*FIRSTLINE, "sandbox", "directory", "--out", str(out)], check=True, env=environ)
    files = sorted(out.glob("*.csv"))
    assert [f.stem for f in files] == ["brightwater", "desk", "hartmann", "meranti", "solara"]
    for file in files:
        people, problems = read_people(file, file.stem)
        assert len(people) > (40 if file.stem == "desk" else 200)
        assert not problems
