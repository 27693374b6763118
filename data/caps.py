"""How many tickets of one project may be written to alone in a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Caps:
    """Tickets written to alone per project, at most, in any hour and any 24 hours; `None`: no cap."""

    per_hour: int | None = None
    per_day: int | None = None

    @property
    def windows(self) -> tuple[tuple[timedelta, int, str], ...]:
        """The caps that are set: length, most, and how the length is called."""
        given = ((timedelta(hours=1), self.per_hour, "hour"), (timedelta(days=1), self.per_day, "day"))
        return tuple((length, most, name) for length, most, name in given if most is not None)
