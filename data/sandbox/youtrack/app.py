"""The ASGI application of the sandbox desk: the tracker's API, the control endpoints, the board."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from data.clock import SystemClock
from data.sandbox.youtrack.board import board_routes
from data.sandbox.youtrack.control import control_routes
from data.sandbox.youtrack.faults.control import fault_routes
from data.sandbox.youtrack.faults.index import LateIndex
from data.sandbox.youtrack.faults.injection import Faults
from data.sandbox.youtrack.faults.middleware import FaultyAnswers
from data.sandbox.youtrack.faults.script import Script
from data.sandbox.youtrack.loading import SandboxState
from data.sandbox.youtrack.model import Activity, Issue
from data.sandbox.youtrack.player import Player
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.slash import WithoutSlash
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.webhooks import Emitter


def create_app(
    state: SandboxState, emitter: Emitter, *, live_rate: float = 0.0, faults: Faults | None = None
) -> Starlette:
    """Build the application; `live_rate` > 0 files live tickets per second from the start.

    `faults`: what goes wrong on purpose, by the machine's clock; none without it, until a script is
    posted. To break connections the server needs `faults.abrupt.AbruptProtocol`.
    """
    faults = faults or Faults(SystemClock())
    tracker = state.tracker
    late = tracker.late = LateIndex(tracker, faults)

    def changed(issue: Issue, kind: str) -> None:
        late.changed(issue)
        emitter.changed(issue, kind)

    def install(script: Script) -> None:
        faults.install(script)
        late.start()
        emitter.faults = script.webhooks

    def report() -> dict[str, Any]:
        return {**faults.report(), "webhooks_sent": emitter.report()}

    emitter.recent = lambda issue: _latest(tracker, issue)
    install(faults.script)
    player = Player(state, emitter, changed)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if live_rate > 0:
            player.order(player.left, live_rate)
        yield
        await player.close()
        await emitter.close()

    routes = [
        *api_routes(tracker, state.clock, changed),
        *control_routes(state, player),
        *fault_routes(install, report),
        *board_routes(state, changed),
    ]
    layers = [Middleware(FaultyAnswers, faults=faults), Middleware(WithoutSlash)]
    return Starlette(routes=routes, lifespan=lifespan, middleware=layers)


def _latest(tracker: TrackerState, issue: Issue) -> list[Activity]:
    """Return the activities of the issue's latest change, oldest first."""
    found: list[Activity] = []
    for activity in reversed(tracker.activities):
        if activity.issue is not issue or (found and activity.at != found[0].at):
            break
        found.append(activity)
    return found[::-1]
