"""Time as an argument: nothing in the product asks the operating system for it directly."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the product gets its time from."""

    def now(self) -> datetime:
        """Return the current moment, timezone-aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` (0 or more)."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to: simulated time, and tests."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be timezone-aware")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`; time never runs backwards."""
        if by < timedelta(0):
            raise ValueError("a clock cannot go back")
        self._now += by


def to_millis(moment: datetime) -> int:
    """Return epoch milliseconds, the unit of the tracker's API."""
    if moment.tzinfo is None:
        raise ValueError("moment must be timezone-aware")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta // timedelta(milliseconds=1)


def from_millis(millis: int) -> datetime:
    """Inverse of `to_millis`, exact to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
