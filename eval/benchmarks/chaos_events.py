"""A sender of signed events that repeats until the receiver says that it has them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable

import httpx
from sqlalchemy import select

from data.store import Store
from data.store.schema import inbox
from data.youtrack.webhook import event_body, event_key, standard_headers

_TAKEN = (202, 409)  # 409: this very message was stored before, its answer was lost
_PAUSE = 0.5


class Sender:
    """Posts events in a thread. `taken`: keys of those that the receiver acknowledged."""

    def __init__(self, service_url: str, secret: str) -> None:
        self._url, self._secret = f"{service_url}/v1/events/youtrack", secret
        self._waiting: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken: set[str] = set()
        self.refused = 0
        self._offered = 0
        self._stopped = threading.Event()
        self._thread.start()

    def offer(self, tickets: Iterable[tuple[str, str]]) -> None:
        """Announce that these tickets, by database id and readable id, were created."""
        for ticket in tickets:
            self._offered += 1
            self._waiting.put(ticket)

    @property
    def done(self) -> bool:
        """Whether everything offered was taken."""
        return len(self.taken) == self._offered

    def close(self) -> None:
        """Stop sending."""
        self._stopped.set()
        self._waiting.put(None)
        self._thread.join(20)

    def _run(self) -> None:
        with httpx.Client(timeout=10) as http:
            while (ticket := self._waiting.get()) is not None and not self._stopped.is_set():
                at = int(time.time() * 1000)
                body = event_body(id=ticket[0], issue=ticket[1], project="PAY", at=at, kinds=["created"])
                while not self._sent(http, ticket[0], body) and not self._stopped.is_set():
                    self.refused += 1
                    time.sleep(_PAUSE)

    def _sent(self, http: httpx.Client, ticket: str, body: bytes) -> bool:
        headers = standard_headers(self._secret, f"evt_{ticket}", int(time.time()), body)
        try:
            status = http.post(self._url, content=body, headers=headers).status_code
        except httpx.HTTPError:
            return False
        if status in _TAKEN:
            self.taken.add(event_key(body))
        return status in _TAKEN


def standing(store: Store, taken: set[str]) -> tuple[int, int]:
    """Return how many of the acknowledged events are not stored, and how many were not worked off."""
    with store.read() as conn:
        query = select(inbox.c.event_key, inbox.c.processed_at)
        rows = {r.event_key: r.processed_at for r in conn.execute(query)}
    return len(taken - rows.keys()), sum(1 for k in taken & rows.keys() if rows[k] is None)
