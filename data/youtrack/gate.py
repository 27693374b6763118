"""The gate in front of the transport: every request, retries too, passes it.

Its state may be shared between processes (`data.store.reach`). To spare the database, tokens are taken in
slices that are good for a second, so a breaker that another process opened is noticed within a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from data.clock import Clock
from data.youtrack import reach as rules
from data.youtrack.faults import PausedError
from data.youtrack.reach import Rate, Reach

T = TypeVar("T")
LONGEST_SLEEP = 2.0
_SLICE_SECONDS = 1.0


class Reaches(Protocol):
    """Where the state is kept."""

    def change(self, decide: Callable[[Reach], tuple[Reach, T]]) -> T:
        """Replace the state by what `decide` makes of it, in one step; return what it says."""
        ...


class InMemory:
    """State of one process."""

    def __init__(self) -> None:
        self._reach, self._lock = Reach(), threading.Lock()

    def change(self, decide: Callable[[Reach], tuple[Reach, T]]) -> T:
        with self._lock:
            self._reach, said = decide(self._reach)
        return said


class Gate:
    """Lets requests through at a bounded rate while the tracker answers. Safe between threads.

    Never pass it inside a writing transaction of the store: SQLite has one writer.
    """

    def __init__(self, reaches: Reaches, rate: Rate, clock: Clock) -> None:
        self._reaches, self._rate, self._clock = reaches, rate, clock
        self._lock = threading.Lock()
        self._stock, self._good_until, self._clean = 0, clock.now(), False

    def enter(self) -> None:
        """Wait for a token, `LONGEST_SLEEP` seconds at most. Raises `PausedError` beyond, or while open."""
        with self._lock:
            if self._stock > 0 and self._clock.now() < self._good_until:
                self._stock -= 1
                return
        wait = self._reaches.change(lambda reach: self._taken(reach, self._clock.now()))
        if wait > 0:
            self._clock.sleep(wait)

    def _taken(self, reach: Reach, now: datetime) -> tuple[Reach, float]:
        after, pause = rules.admit(reach, now)
        if pause > 0:
            raise PausedError(pause)
        probing = after.state == "half_open"
        slice_ = 1 if probing else max(1, min(self._rate.burst, int(self._rate.per_second)) // 4)
        after, wait = rules.reserve(after, now, self._rate, slice_)
        if wait > LONGEST_SLEEP:
            raise PausedError(wait)
        with self._lock:
            self._stock, self._clean = slice_ - 1, after.state == "closed" and not after.failures
            self._good_until = now + timedelta(seconds=wait + _SLICE_SECONDS)
        return after, wait

    def answered(self) -> None:
        """Note that the tracker answered, with whatever."""
        if not self._clean:
            self._reaches.change(lambda reach: (rules.answered(reach), None))
            self._clean = True

    def failed(self, asked: float | None) -> None:
        """Note that it did not; `asked` is the pause in seconds that it named."""
        now = self._clock.now()
        self._reaches.change(lambda reach: (rules.failed(reach, now, asked or 0.0), None))
        self._forget()

    def busy(self, asked: float | None) -> None:
        """Note that it has too much to do: nobody asks for that long."""
        now = self._clock.now()
        # It answered, so a probe has done its work.
        pause = 1.0 if asked is None else asked
        self._reaches.change(lambda r: (rules.hold(rules.answered(r), now, pause), None))
        self._forget()

    def _forget(self) -> None:
        with self._lock:
            self._stock, self._clean = 0, False
