"""When the store first has what was filed at the tracker: looked at from outside, by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from data.store import Store
from data.store.schema import comments, tickets
from data.store.statements import portions

EVERY = 0.1  # seconds between two looks; a delay is overstated by that much at most


@dataclass(slots=True)
class Filed:
    """A ticket, or (`comment`) a comment on it. `at`: the tracker's epoch ms; the rest on one clock, in s."""

    ticket: str
    comment: str | None
    at: int
    since: float
    seen: float | None = None

    @property
    def delay(self) -> float | None:
        """Seconds until it was in the store; `None`: it never was."""
        return None if self.seen is None else self.seen - self.since


class Sightings:
    """What was filed, and when it was seen. Made by `watching`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._open: list[Filed] = []
        self.all: list[Filed] = []

    def filed(self, what: Filed) -> None:
        """Look out for this one from now on."""
        with self._lock:
            self.all.append(what)
            self._open.append(what)

    @property
    def missing(self) -> int:
        """How many were not seen yet."""
        return len(self._open)

    def look(self) -> None:
        """Look once."""
        with self._lock:
            wanted = list(self._open)
        if not wanted:
            return
        with self._store.read() as conn:
            here = _present(conn, tickets.c.ticket_id, [f.ticket for f in wanted if f.comment is None])
            said = _present(conn, comments.c.comment_id, [f.comment for f in wanted if f.comment])
        now = time.monotonic()
        for found in wanted:
            if found.ticket in here if found.comment is None else found.comment in said:
                found.seen = now
        with self._lock:
            self._open = [f for f in self._open if f.seen is None]


@contextmanager
def watching(store: Store) -> Iterator[Sightings]:
    """Look every `EVERY` seconds until the end."""
    sightings, stop = Sightings(store), threading.Event()

    def run() -> None:
        while not stop.wait(EVERY):
            sightings.look()

    thread = threading.Thread(target=run, name="sightings", daemon=True)
    thread.start()
    try:
        yield sightings
    finally:
        stop.set()
        thread.join()


def _present(conn: Connection, column: ColumnElement[str], ids: list[str]) -> set[str]:
    return {
        i for some in portions(ids) for i in conn.execute(select(column).where(column.in_(some))).scalars()
    }
