"""What the service counts. Created by the service at start, when BentoML has set the directory."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)


class Metrics:
    """The Prometheus series of the service; make one per process."""

    def __init__(self) -> None:
        self.tickets = Counter("firstline_tickets", "Tickets triaged, by decision (or error).", ["decision"])
        self.seconds = Histogram("firstline_triage_seconds", "Time of one triage request.", buckets=_SECONDS)
        self.events = Counter("firstline_events", "Webhook events, by what became of them.", ["result"])
        self.bundle = Gauge(
            "firstline_bundle_info",
            "1 for the served bundle and policy.",
            ["bundle", "policy"],
            multiprocess_mode="max",
        )
