"""How much a key may ask: a moving window per key, and one over all keys of a client. In memory.

The service is one process, so nothing more is needed to be exact; a restart forgets, in the caller's
favour. Health, documentation and signed events are never counted, nor is our own worker, nor this
machine's operator where no keys are asked for: the requests in work at once are bounded for everybody.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from data.access import Principal, Role


class Rates:
    """Counts requests. `per_key` and `per_client` are requests in a minute; 0 sets no limit."""

    def __init__(self, per_key: int, per_client: int) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._per_key = RateLimitItemPerMinute(per_key) if per_key else None
        self._per_client = RateLimitItemPerMinute(per_client) if per_client else None

    def wait(self, principal: Principal) -> int | None:
        """Count one request; return `None` where it may go on, else the seconds (1 to 60) to wait."""
        return self._count(self._per_key, "key", principal.key_id) or (
            self._count(self._per_client, "client", principal.tenant)
            if principal.role is Role.CLIENT and principal.tenant is not None
            else None
        )

    def _count(self, limit: RateLimitItemPerMinute | None, *names: str) -> int | None:
        if limit is None or self._window.hit(limit, *names):
            return None
        free_at = self._window.get_window_stats(limit, *names).reset_time
        return min(60, max(1, math.ceil(free_at - time.time())))
