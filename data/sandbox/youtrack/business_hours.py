"""Working time: from nine to six (UTC) on working days. Pure; moments are epoch milliseconds."""

from __future__ import annotations

from data.sandbox.youtrack import unverified

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MONDAY_MS = 4 * DAY_MS
"""1970-01-05 was the first Monday."""


def worked(at: int) -> int:
    """Return the milliseconds of working time from the first Monday until `at`."""
    opens, closes = (h * HOUR_MS for h in unverified.SLA_HOURS)
    days, within = divmod(at - _MONDAY_MS, DAY_MS)
    weeks, weekday = divmod(days, 7)
    long = closes - opens
    full = weeks * unverified.SLA_DAYS + min(weekday, unverified.SLA_DAYS)
    today = min(max(within - opens, 0), long) if weekday < unverified.SLA_DAYS else 0
    return full * long + today


def after(start: int, minutes: float) -> int:
    """Return the moment at which so many minutes of work have passed since `start`."""
    opens, closes = (h * HOUR_MS for h in unverified.SLA_HOURS)
    wanted = worked(start) + round(minutes * 60_000)
    full, rest = divmod(wanted, closes - opens)
    if rest == 0:  # at the end of a working day, not at the beginning of the next
        full, rest = full - 1, closes - opens
    weeks, weekday = divmod(full, unverified.SLA_DAYS)
    return _MONDAY_MS + (weeks * 7 + weekday) * DAY_MS + opens + rest
