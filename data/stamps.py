"""Store and tracker compared day by day: counts and checksums over which ticket was changed when. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from data.clock import to_millis


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of one ticket in three moments. `id` is the database id."""

    id: str
    readable_id: str
    created: datetime
    updated: datetime
    resolved: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """The tickets created on one day (UTC): how many the tracker and the store have, and if they agree."""

    day: date
    tracker: int
    stored: int
    agree: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """`days` with any ticket, oldest first; database ids: `absent` here, `stale` here, `vanished` there."""

    days: tuple[Day, ...]
    absent: tuple[str, ...]
    stale: tuple[str, ...]
    vanished: tuple[str, ...]


def compare(tracker: Iterable[Stamp], stored: Iterable[Stamp]) -> Difference:
    """Find the days whose checksums differ, and in these the tickets that differ."""
    theirs, ours = _by_day(tracker), _by_day(stored)
    days: list[Day] = []
    absent: list[str] = []
    stale: list[str] = []
    vanished: list[str] = []
    for day in sorted(theirs.keys() | ours.keys()):
        there, here = theirs.get(day, {}), ours.get(day, {})
        agree = checksum(there.values()) == checksum(here.values())
        days.append(Day(day, len(there), len(here), agree))
        if agree:
            continue
        absent += [i for i in there if i not in here]
        vanished += [i for i in here if i not in there]
        stale += [i for i, s in there.items() if i in here and _said(here[i]) != _said(s)]
    return Difference(tuple(days), tuple(absent), tuple(stale), tuple(vanished))


def checksum(stamps: Iterable[Stamp]) -> str:
    """Return a digest of some tickets' stamps, whatever their order."""
    return hashlib.sha256("\n".join(sorted(map(_said, stamps))).encode()).hexdigest()


def _said(stamp: Stamp) -> str:
    # Milliseconds: the tracker knows no finer time.
    resolved = "" if stamp.resolved is None else to_millis(stamp.resolved)
    return f"{stamp.id}:{to_millis(stamp.updated)}:{resolved}"


def _by_day(stamps: Iterable[Stamp]) -> dict[date, dict[str, Stamp]]:
    found: dict[date, dict[str, Stamp]] = defaultdict(dict)
    for stamp in stamps:
        found[stamp.created.date()][stamp.id] = stamp
    return found
