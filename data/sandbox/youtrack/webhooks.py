"""Events to the service, some of them lost, repeated or late on purpose."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from data.clock import Clock
from data.sandbox.youtrack.faults.script import Webhooks
from data.sandbox.youtrack.loading import SERVICE_LOGIN
from data.sandbox.youtrack.model import Activity, Issue
from data.sandbox.youtrack.vendor_events import TOKEN_HEADER, vendor_events
from data.youtrack.webhook import event_body, headers_for

_TIMEOUT_SECONDS = 5.0


@dataclass
class Emitter:
    """Sends an event per change. Without `url` nothing is sent; a failed event is not repeated.

    `drop`: share of events (0 to 1) that never leave, as with a flaky network; a fault script may set
    another. Our own app leaves the service account's changes out, or the service would wake itself; the
    vendor's app announces them like any other. `clock` is real time: receivers refuse old signatures.
    `recent` gives the activities of an issue's latest change. The counts are of copies, but
    `dropped` is of events; `known` are copies that the receiver had already (409): they count as arrived.
    """

    url: str
    secret: str
    drop: float
    clock: Clock
    rng: random.Random
    sent: int = 0
    dropped: int = 0
    failed: int = 0
    known: int = 0
    repeated: int = 0
    faults: Webhooks = field(default_factory=Webhooks)
    recent: Callable[[Issue], Sequence[Activity]] = lambda issue: ()
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _http: httpx.AsyncClient | None = None

    def changed(self, issue: Issue, kind: str) -> None:
        """Announce a change of an issue; returns at once."""
        if not self.url:
            return
        if self.faults.format == "vendor":
            bodies = vendor_events(issue, kind, self.recent(issue))
        elif issue.updater.login == SERVICE_LOGIN:
            return
        else:
            bodies = [_signed_body(issue, kind)]
        for body in bodies:
            self._announce(body)

    def _announce(self, body: bytes) -> None:
        faults = self.faults
        if self.rng.random() < (self.drop if faults.drop is None else faults.drop):
            self.dropped += 1
            return
        self.repeated += faults.copies - 1
        for _ in range(faults.copies):
            wait = faults.delay + (self.rng.uniform(0, faults.spread) if faults.spread else 0.0)
            # The set keeps the task alive; the loop itself holds only weak references.
            task = asyncio.get_running_loop().create_task(self._send(body, faults.format, wait))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, body: bytes, form: str, wait: float) -> None:
        if wait:
            await asyncio.sleep(wait)
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False)
        if form == "vendor":
            headers = {TOKEN_HEADER: self.secret}
        else:
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
        elif answer.status_code == httpx.codes.CONFLICT:
            self.known += 1
        else:
            self.failed += 1

    def report(self) -> dict[str, int]:
        """Return the counters, and how many copies are still under way."""
        return {
            "sent": self.sent,
            "known": self.known,
            "dropped": self.dropped,
            "repeated": self.repeated,
            "failed": self.failed,
            "under_way": len(self._tasks),
        }

    async def close(self) -> None:
        """Give events under way a moment, then stop."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()


def _signed_body(issue: Issue, kind: str) -> bytes:
    return event_body(
        id=issue.id,
        issue=issue.readable_id,
        project=issue.project.short_name,
        at=issue.updated,
        kinds=(kind,),
    )
