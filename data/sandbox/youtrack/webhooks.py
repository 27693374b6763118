"""Signed events to the service, a share of them lost on purpose."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import httpx

from data.clock import Clock
from data.sandbox.youtrack.loading import SERVICE_LOGIN
from data.sandbox.youtrack.model import Issue
from data.youtrack.webhook import event_body, headers_for

_TIMEOUT_SECONDS = 5.0


@dataclass
class Emitter:
    """Sends an event per change. Without `url` nothing is sent; a failed event is not repeated.

    `drop`: share of events (0 to 1) that never leave, as with a flaky network. The service account's
    own changes are not announced: the tracker's app leaves them out, or the service would wake itself.
    `clock` is real time: receivers refuse old signatures.
    """

    url: str
    secret: str
    drop: float
    clock: Clock
    rng: random.Random
    sent: int = 0
    dropped: int = 0
    failed: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _http: httpx.AsyncClient | None = None

    def changed(self, issue: Issue, kind: str) -> None:
        """Announce a change of an issue; returns at once."""
        if not self.url or issue.updater.login == SERVICE_LOGIN:
            return
        if self.rng.random() < self.drop:
            self.dropped += 1
            return
        body = event_body(
            id=issue.id,
            issue=issue.readable_id,
            project=issue.project.short_name,
            at=issue.updated,
            kinds=(kind,),
        )
        # The set keeps the task alive; the loop itself holds only weak references.
        task = asyncio.get_running_loop().create_task(self._send(body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, body: bytes) -> None:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False)
        headers = headers_for(self.secret, int(self.clock.now().timestamp()), body)
        try:
            answer = await self._http.post(
                self.url, content=body, headers={**headers, "Content-Type": "application/json"}
            )
        except httpx.HTTPError:
            self.failed += 1
            return
        if answer.is_success:
            self.sent += 1
        else:
            self.failed += 1

    async def close(self) -> None:
        """Give events under way a moment, then stop."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        if self._http is not None:
            await self._http.aclose()
