"""Structured logs: one JSON object per line, facts and ids only. No ticket text, names or tokens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TextIO

from data.clock import Clock

Fact = str | int | float | bool | None


class Journal:
    """Writes events of one process to a stream."""

    def __init__(self, stream: TextIO, clock: Clock, process: str) -> None:
        self._stream, self._clock, self._process = stream, clock, process

    def write(self, event: str, **facts: Fact) -> None:
        """Write one event with its facts, at once."""
        at = self._clock.now().isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "process": self._process, "event": event, **facts}, ensure_ascii=False)
        self._stream.write(line + "\n")
        self._stream.flush()


class Reach:
    """Whether something we depend on can be reached: one line per change, a doubling pause while not.

    `tolerated`: so many failures in a row are bad luck; only the next one counts as not reachable.
    """

    def __init__(
        self, name: str, journal: Journal, clock: Clock, *, longest: float = 30.0, tolerated: int = 0
    ) -> None:
        self._name, self._journal, self._clock, self._longest = name, journal, clock, longest
        self._tolerated, self._failures = tolerated, 0
        self._resume = clock.now()

    def due(self) -> bool:
        """Tell whether it may be tried now."""
        return self._clock.now() >= self._resume

    @property
    def failing(self) -> bool:
        """Whether it counts as not reachable: the next try should be a small one."""
        return self._failures > self._tolerated

    def failed(self, why: str, pause: float | None = None) -> None:
        """Note a failure; `pause` is what the other side asked for, in seconds."""
        self._failures += 1
        beyond = self._failures - self._tolerated
        own = min(self._longest, 0.5 * 2.0 ** min(beyond, 10)) if beyond > 0 else 0.0
        self._resume = self._clock.now() + timedelta(seconds=max(pause or 0.0, own))
        if beyond == 1:
            self._journal.write(f"{self._name} not reachable, waiting", why=why)

    def answered(self) -> None:
        """Note that it works."""
        if self.failing:
            self._journal.write(f"{self._name} reachable again", failures=self._failures)
        self._failures = 0
        self._resume = self._clock.now()
