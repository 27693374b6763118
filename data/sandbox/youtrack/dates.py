"""Dates of the search language, with its oddities. Pure; everything is UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from data.clock import to_millis

Span = tuple[int, int]
"""First moment and the one behind the last, in ms."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SHAPE = re.compile(r"(?:(\d{4})-)?(\d\d)(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d))?)?")
_MOVED = re.compile(r"(minus|plus) (\d+)([hdwmy])", re.IGNORECASE)


def read_date(text: str, now: datetime) -> Span | None:
    """Return what a date value covers, None where the language does not know it."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    week = day - timedelta(days=day.weekday())
    month = day.replace(day=1)
    named = {
        "now": (now, now + timedelta(seconds=1)),
        "today": (day, day + _DAY),
        "yesterday": (day - _DAY, day),
        "tomorrow": (day + _DAY, day + 2 * _DAY),
        "this week": (week, week + 7 * _DAY),
        "last week": (week - 7 * _DAY, week),
        "this month": (month, _months(month, 1)),
        "last month": (_months(month, -1), month),
    }
    found = named.get(text.lower()) or _moved(text, now) or _written(text, now)
    return None if found is None else (to_millis(found[0]), to_millis(found[1]))


def _moved(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    match = _MOVED.fullmatch(text)
    if match is None:
        return None
    number = int(match[2]) * (-1 if match[1].lower() == "minus" else 1)
    unit = match[3].lower()
    if unit in "my":  # `m` is months: there are no minutes
        months = number * (12 if unit == "y" else 1)
        start = _months(now, max(-12 * (now.year - 1), min(12 * (9998 - now.year), months)))
        return start, start + _DAY
    hours = number * {"h": 1, "d": 24, "w": 168}[unit]
    # Rounded down to the full hour; without a range it is that one hour.
    start = (now + timedelta(hours=max(-9_000_000, min(9_000_000, hours)))).replace(
        minute=0, second=0, microsecond=0
    )
    return start, start + _HOUR


def _written(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    year, one, two, hour, minute, second = match.groups()
    try:
        if year and not two:
            start = datetime(int(year), int(one), 1, tzinfo=UTC)
            return (start, _months(start, 1)) if hour is None else None
        if not two:
            return None
        start = datetime(int(year or now.year), int(one), int(two), tzinfo=UTC)
        if hour is None:
            return start, start + _DAY
        start = start.replace(hour=int(hour), minute=int(minute), second=int(second or 0))
        return start, start + timedelta(seconds=1 if second else 60)
    except ValueError:
        return None


def _months(at: datetime, number: int) -> datetime:
    months = at.year * 12 + at.month - 1 + number
    return at.replace(year=months // 12, month=months % 12 + 1, day=min(at.day, 28))
