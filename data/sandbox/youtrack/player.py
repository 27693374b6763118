"""The live weeks: files the world's coming tickets, at once or at a pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from data.clock import to_millis
from data.sandbox.youtrack.loading import SandboxState, file_ticket
from data.sandbox.youtrack.model import Issue
from data.sandbox.youtrack.webhooks import Emitter


class Player:
    """Files live tickets in order, one task at a time; a second order joins the first."""

    def __init__(
        self, state: SandboxState, emitter: Emitter, changed: Callable[[Issue, str], None] | None = None
    ) -> None:
        self._state, self._emitter = state, emitter
        self._changed = changed or emitter.changed
        self._ids: list[str] = []
        self._ordered = 0
        self._pace = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def left(self) -> int:
        return len(self._state.world.live) - len(self._ids)

    def order(self, count: int, per_second: float) -> None:
        """File `count` more tickets at `per_second` (0: at once); more than are left files those."""
        total = len(self._state.world.live)
        self._ordered = min(total, max(self._ordered, len(self._ids)) + count)
        self._pace = per_second
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while len(self._ids) < self._ordered:
            self.file_next()
            if not self._pace:
                await asyncio.sleep(0)
                continue
            due += 1 / self._pace
            await asyncio.sleep(max(0.0, due - loop.time()))

    def file_next(self) -> None:
        """File the next live ticket at its own simulated moment."""
        ticket = self._state.world.live[len(self._ids)]
        self._state.clock.reach(ticket.created)
        issue = file_ticket(self._state, ticket, to_millis(self._state.clock.now()))
        self._ids.append(issue.id)
        self._changed(issue, "created")

    def report(self) -> dict[str, Any]:
        """Return what `GET /sandbox/arrivals` shows."""
        return {
            "filed": len(self._ids),
            "left": self.left,
            "running": self._task is not None and not self._task.done(),
            "webhooks_sent": self._emitter.sent,
            "webhooks_dropped": self._emitter.dropped,
            "webhooks_failed": self._emitter.failed,
            "ids": list(self._ids),
        }

    async def close(self) -> None:
        """Stop filing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
