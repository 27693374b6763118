"""Whether the tracker may be asked now: a token bucket and a circuit breaker. Pure decisions.

The bucket is one moment (`spent_until`): the later it is, the emptier the bucket. The breaker opens after
some failures in a row, then lets one probe through at a time; every failed probe doubles the pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

OPENS_AFTER = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
PROBE_SECONDS = 45.0
"""How long a probe may take before its process counts as gone."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second in the long run, and how many may come at once."""

    per_second: float = 50.0
    burst: int = 50


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known about one tracker host; shared by every process that talks to it."""

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    opened: int = 0
    spent_until: datetime = _LONG_AGO
    retry_at: datetime = _LONG_AGO
    """While open: when a probe is due. While half open: when the probe counts as lost."""


def reserve(reach: Reach, now: datetime, rate: Rate, tokens: int = 1) -> tuple[Reach, float]:
    """Take `tokens` (1 to `rate.burst`) from the bucket; return the seconds to wait before using them."""
    full = now - timedelta(seconds=rate.burst / rate.per_second)
    after = max(reach.spent_until, full) + timedelta(seconds=tokens / rate.per_second)
    return replace(reach, spent_until=after), max(0.0, (after - now).total_seconds())


def hold(reach: Reach, now: datetime, seconds: float) -> Reach:
    """Empty the bucket for `seconds`: the tracker asked for a pause."""
    return replace(reach, spent_until=max(reach.spent_until, now + timedelta(seconds=seconds)))


def admit(reach: Reach, now: datetime) -> tuple[Reach, float]:
    """Return 0 where a request may go now, else the seconds until it is worth asking again.

    Where the breaker is open and its pause is over, the one who is let through is the probe.
    """
    if reach.state == "closed":
        return reach, 0.0
    if now < reach.retry_at:
        return reach, (reach.retry_at - now).total_seconds()
    lost = now + timedelta(seconds=PROBE_SECONDS)
    return replace(reach, state="half_open", retry_at=lost), 0.0


def answered(reach: Reach) -> Reach:
    """Note an answer. An open breaker stays open: the answer belongs to a request from before."""
    return reach if reach.state == "open" else replace(reach, state="closed", failures=0, opened=0)


def failed(reach: Reach, now: datetime, asked: float = 0.0) -> Reach:
    """Note that the tracker did not answer; `asked` is the pause in seconds that it named."""
    if reach.state == "open":
        return reach
    failures = reach.failures + 1
    if reach.state == "closed" and failures < OPENS_AFTER:
        return replace(reach, failures=failures)
    pause = max(asked, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(reach.opened, 10)))
    return replace(
        reach,
        state="open",
        failures=failures,
        opened=reach.opened + 1,
        retry_at=now + timedelta(seconds=pause),
    )
