"""The ASGI application of the sandbox desk: the tracker's API, the control endpoints, the board."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from data.sandbox.youtrack.board import board_routes
from data.sandbox.youtrack.control import control_routes
from data.sandbox.youtrack.loading import SandboxState
from data.sandbox.youtrack.player import Player
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.webhooks import Emitter


def create_app(state: SandboxState, emitter: Emitter, *, live_rate: float = 0.0) -> Starlette:
    """Build the application; `live_rate` > 0 files live tickets per second from the start."""
    player = Player(state, emitter)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if live_rate > 0:
            player.order(player.left, live_rate)
        yield
        await player.close()
        await emitter.close()

    routes = [
        *api_routes(state.tracker, state.clock, emitter.changed),
        *control_routes(state, player),
        *board_routes(state, emitter.changed),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
