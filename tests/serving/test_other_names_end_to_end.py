"""From `firstline connect` to a delivered decision at a desk whose fields and values have other names."""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from data.clock import SystemClock, to_millis
from data.sandbox.world import WorldConfig, build_world
from data.sandbox.youtrack.app import create_app
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.other_names import OtherNames, run_state_by_events
from data.sandbox.youtrack.webhooks import Emitter
from data.settings import read_settings
from data.store import open_store
from data.tracker import open_tracker
from serving.cli import application
from serving.journal import Journal
from serving.worker import Worker


@pytest.fixture
def other_desk(free_port: int) -> Iterator[tuple[SandboxState, str]]:
    world = build_world(WorldConfig(months=1, tickets_per_day=1.0, live_days=1))
    state = load(world)
    run_state_by_events(state.tracker.project)
    emitter = Emitter("", "x" * 40, 0.0, SystemClock(), random.Random(1))
    app = OtherNames(create_app(state, emitter), world.taxonomy)
    config = uvicorn.Config(app, "127.0.0.1", free_port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield state, f"http://127.0.0.1:{free_port}"
    server.should_exit = True
    thread.join(10)


def test_a_ticket_is_decided_and_delivered_in_the_desks_own_words(
    service: Any,
    other_desk: tuple[SandboxState, str],
    install: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, url = other_desk
    tracker, clock = state.tracker, SystemClock()
    install(tmp_path)
    environ = {
        "FIRSTLINE_HOME": str(tmp_path),
        "FIRSTLINE_TRACKER_URL": url,
        "FIRSTLINE_SERVICE_PORT": str(service.settings.service_port),
        "FIRSTLINE_POLL_SECONDS": "0.05",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    asker = next(u for u in tracker.users.values() if u.login not in tracker.project.team.members)
    words = ("Cannot sign in, forgot my password", "I forgot my password and cannot sign in")
    issue = tracker.create_issue(asker, *words, to_millis(state.clock.now()))

    result = CliRunner().invoke(application(), ["connect", "--write", "--json"])
    told = json.loads(result.output)
    assert result.exit_code == 0 and not [p for p in told["problems"] if p["blocking"]]
    assert len(told["dry_run"]) == 20
    rehearsed = {r["ticket"]: r for r in told["dry_run"]}[issue.readable_id]
    assert issue.fields["Issue type"] is None, "a dry run writes nothing"

    settings = read_settings(environ)
    with (
        open_store(settings.database_url) as store,
        httpx.Client() as http,
        httpx.Client(base_url=settings.service_url, timeout=60) as own,
    ):
        client = open_tracker(settings, http, clock, store=store)
        journal = Journal(io.StringIO(), clock, "worker")
        worker = Worker(settings, store, client, own, clock, journal, stop=threading.Event())
        deadline = time.monotonic() + 60
        while not any("firstline:op=" in c.text for c in issue.comments):
            assert time.monotonic() < deadline, "nothing was delivered"
            worker.turn()
    assert rehearsed["decision"] == "apply"
    there = {n: getattr(issue.fields[n], "name", None) for n in ("Issue type", "Category", "Team")}
    assert set(rehearsed["values"]) >= {"Anfrageart", "Kategorie", "Zuständiges Team"}
    assert rehearsed["values"]["Anfrageart"] == str(there["Issue type"]).replace("_", " ").capitalize()
    assert there["Team"] is not None and issue.comments[-1].visibility is not None
