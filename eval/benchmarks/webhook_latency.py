"""Time until an event is stored and accepted, while triage runs: `python -m eval.benchmarks.webhook_latency`.

Open loop: an event is due every 50 ms, whether or not earlier ones were answered, and its time runs from
the moment it was due, so a stalled service (or a late sender) counts in full. Meanwhile callers of
`/v1/triage` send one ticket after the other without a pause. Service and senders share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx
import numpy as np

from data.errors import FirstlineError
from data.sandbox.world import WorldConfig, build_world
from data.settings import Settings
from data.store import inbox, open_store
from data.youtrack.webhook import event_body, standard_headers
from eval.benchmarks.database import HELP, database
from eval.benchmarks.row import row
from eval.benchmarks.service_process import service

RATE, SECONDS, CALLERS = 20.0, 60.0, 2
MOST_P99_MS = 250.0
_EVENTS, _TRIAGE = "/v1/events/youtrack", "/v1/triage"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where every event was stored, and in time, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rate", type=float, default=RATE, help=f"events per second (default {RATE:g})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"default {SECONDS:g}")
    parser.add_argument("--callers", type=int, default=CALLERS, help=f"callers of triage (default {CALLERS})")
    parser.add_argument("--database", default="sqlite", help=HELP)
    options = parser.parse_args(arguments)
    try:
        with database(options.database) as url, service(url) as running:
            found = measure(running, options.rate, options.seconds, options.callers)
    except FirstlineError as error:
        print(f"webhook_latency: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(found, indent=2) if options.json else table(found))
    return 0 if passed(found) else 1


def measure(running: Settings, rate: float, seconds: float, callers: int) -> dict[str, Any]:
    """Return milliseconds from due to accepted (p50, p99, worst), and how many events were stored."""
    return asyncio.run(_measure(running, rate, seconds, callers))


def passed(found: dict[str, Any]) -> bool:
    """Whether every event was accepted and stored, 99 % of them within 250 ms, while triage answered."""
    whole = found["accepted"] == found["stored"] == found["events"]
    return bool(whole and found["p99_ms"] <= MOST_P99_MS and found["triaged"])


def table(found: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    head = (
        f"{'events':>8}{'accepted':>10}{'stored':>8}{'p50 ms':>9}{'p99 ms':>9}{'worst ms':>10}{'triaged':>9}"
    )
    figures = (
        f"{found['events']:>8}{found['accepted']:>10}{found['stored']:>8}{found['p50_ms']:>9.1f}"
        f"{found['p99_ms']:>9.1f}{found['worst_ms']:>10.1f}{found['triaged']:>9}"
    )
    says = (
        f"open loop, {found['rate']:g} per second for {found['seconds']:g} s, {found['callers']} callers of "
        f"triage; {found['database']}; {found['machine']}; statuses {found['statuses']}"
    )
    callers = f"{found['callers']} callers of triage ({found['triaged']:,} tickets)"
    log = row(
        f"`webhook_latency`: {found['rate']:g} a second for {found['seconds']:g} s, open loop, {callers}, "
        f"{found['database']}",
        f"{found['stored']:,} of {found['events']:,} stored; p50 {found['p50_ms']:.0f} ms, "
        f"p99 {found['p99_ms']:.0f} ms, worst {found['worst_ms']:.0f} ms",
        f"p99 {MOST_P99_MS:.0f} ms",
        met=passed(found),
    )
    return "\n".join((head, figures, says, log))


async def _measure(running: Settings, rate: float, seconds: float, callers: int) -> dict[str, Any]:
    tickets = [
        {"id": w.readable_id, "summary": w.summary, "description": w.description}
        for w in build_world(WorldConfig(months=1, live_days=3)).live
    ]
    before = _stored(running)
    async with httpx.AsyncClient(base_url=running.service_url, timeout=60) as http:
        stop = asyncio.Event()
        load = [asyncio.create_task(_triage(http, tickets, i, stop)) for i in range(callers)]
        await asyncio.sleep(1)  # the load runs before the first event is due
        answers = await _open_loop(http, running.webhook_secret, rate, seconds)
        stop.set()
        triaged = sum(await asyncio.gather(*load))
    times = np.asarray([ms for ms, _ in answers])
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "events": len(answers),
        "accepted": sum(status == httpx.codes.ACCEPTED for _, status in answers),
        "stored": _stored(running) - before,
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "worst_ms": round(float(times.max()), 2),
        "statuses": {str(s): n for s, n in sorted(Counter(s for _, s in answers).items())},
        "rate": rate,
        "seconds": seconds,
        "callers": callers,
        "triaged": triaged,
        "database": running.database_url.partition(":")[0],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


async def _open_loop(
    http: httpx.AsyncClient, secret: str, rate: float, seconds: float
) -> list[tuple[float, int]]:
    """Return (milliseconds from due to answered, status) of each event."""
    start = time.perf_counter() + 0.1
    sent = []
    for i in range(max(1, int(rate * seconds))):
        due = start + i / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent.append(asyncio.create_task(_event(http, secret, i, due)))
    return list(await asyncio.gather(*sent))


async def _event(http: httpx.AsyncClient, secret: str, i: int, due: float) -> tuple[float, int]:
    now = time.time()
    issue = f"PAY-{800_000 + i}"
    body = event_body(id=issue, issue=issue, project="PAY", at=int(now * 1000), kinds=["created"])
    headers = standard_headers(secret, f"evt_{i}_{now}", int(now), body)
    try:
        status = (await http.post(_EVENTS, content=body, headers=headers)).status_code
    except httpx.HTTPError:
        status = 0
    return (time.perf_counter() - due) * 1000, status


async def _triage(
    http: httpx.AsyncClient, tickets: list[dict[str, str]], first: int, stop: asyncio.Event
) -> int:
    """Send tickets one by one until told to stop; return how many were answered."""
    done = 0
    for i in count(first):
        if stop.is_set():
            break
        answer = await http.post(_TRIAGE, json={"tickets": [tickets[i % len(tickets)]]})
        done += answer.status_code == httpx.codes.OK
    return done


def _stored(running: Settings) -> int:
    with open_store(running.database_url) as store, store.read() as conn:
        return inbox.count(conn)


if __name__ == "__main__":
    sys.exit(main())
