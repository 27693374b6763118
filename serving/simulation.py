"""`python -m serving.simulation`: the worker under a clock that skips whatever it would only wait for.

Work takes its real time; pauses pass at once. Prints the simulated seconds since the start, a line every
ten, so that a benchmark can let half an hour go by in seconds. Stops on SIGTERM.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import datetime, timedelta

import httpx

from data.clock import SystemClock
from data.settings import read_settings
from data.store import open_store
from data.tracker import open_tracker
from data.youtrack.transport import Retrying
from serving.journal import Journal
from serving.worker import IDLE_SECONDS, Worker

_EVERY = 10.0


class SkippingClock:
    """The machine's clock plus every pause that was skipped. Safe between threads."""

    def __init__(self) -> None:
        self._real, self._skipped, self._lock = SystemClock(), timedelta(0), threading.Lock()

    def now(self) -> datetime:
        return self._real.now() + self._skipped

    def sleep(self, seconds: float) -> None:
        """Let `seconds` (0 or more) have passed, at once."""
        with self._lock:
            self._skipped += timedelta(seconds=seconds)


def main() -> None:
    """Run until SIGTERM."""
    settings, clock, stop = read_settings(), SkippingClock(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    began, shown = clock.now(), -_EVERY
    with (
        open_store(settings.database_url) as store,
        httpx.Client() as tracker,
        httpx.Client(base_url=settings.service_url, timeout=70) as service,
    ):
        retrying = Retrying(total=20.0, asked=2.0)
        client = open_tracker(settings, tracker, clock, store=store, retrying=retrying)
        journal = Journal(sys.stderr, clock, "worker")
        worker = Worker(settings, store, client, service, clock, journal, stop=stop)
        while not stop.is_set():
            if not worker.turn():
                clock.sleep(IDLE_SECONDS)
            elapsed = (clock.now() - began).total_seconds()
            if elapsed >= shown + _EVERY:
                shown = elapsed
                print(f"{elapsed:.1f}", flush=True)


if __name__ == "__main__":
    main()
