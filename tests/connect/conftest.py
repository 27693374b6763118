"""A small sandbox desk under other names, over HTTP."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from data.clock import SystemClock
from data.sandbox.world import World, WorldConfig, build_world
from data.sandbox.youtrack.app import create_app
from data.sandbox.youtrack.loading import SandboxState, load
from data.sandbox.youtrack.other_names import OtherNames, run_state_by_events
from data.sandbox.youtrack.webhooks import Emitter
from data.settings import Settings, read_settings


@dataclass
class OtherDesk:
    """The desk behind (with our names) and where it is served (with others)."""

    state: SandboxState
    url: str


@pytest.fixture(scope="session")
def world(canary_watch: Any) -> World:
    made = build_world(WorldConfig(months=1, tickets_per_day=1.0, live_days=1))
    canary_watch.canaries.plant_people(made)
    return made


@pytest.fixture
def other_desk(free_port: int, world: World) -> Iterator[OtherDesk]:
    emitter = Emitter("", "x" * 40, 0.0, SystemClock(), random.Random(1))
    state = load(world)
    run_state_by_events(state.tracker.project)
    app = OtherNames(create_app(state, emitter), world.taxonomy)
    config = uvicorn.Config(app, "127.0.0.1", free_port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield OtherDesk(state, f"http://127.0.0.1:{free_port}")
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def settings(tmp_path: Path, other_desk: OtherDesk) -> Settings:
    return read_settings({"FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_TRACKER_URL": other_desk.url})
