"""Forged, altered and replayed webhook events: `python -m eval.benchmarks.webhook_refusals`.

The service is started as a process with the promoted bundle. It accepts a hundred well signed events;
then every request is one of them with something wrong, or one of them again. All must be refused, and
the inbox must hold what it held before. That a good event is still taken afterwards shows that the
service did not simply refuse everything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from data.errors import FirstlineError
from data.settings import Settings
from data.store import inbox, open_store
from eval.benchmarks.database import HELP, database
from eval.benchmarks.row import row
from eval.benchmarks.service_process import service
from eval.benchmarks.webhook_forgeries import KINDS, Forger, Request

REQUESTS, SEED, TOGETHER = 10_000, 20_261_125, 16
REFUSED = frozenset({400, 401, 409, 413})
_PATH = "/v1/events/youtrack"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where everything was refused, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"default {REQUESTS}")
    parser.add_argument("--database", default="sqlite", help=HELP)
    options = parser.parse_args(arguments)
    try:
        with database(options.database) as url, service(url) as running:
            found = measure(running, options.requests, SEED)
    except FirstlineError as error:
        print(f"webhook_refusals: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(found, indent=2) if options.json else table(found))
    return 0 if passed(found) else 1


def measure(running: Settings, requests: int, seed: int) -> dict[str, Any]:
    """Send `requests` bad requests to the service that runs with these settings; return the counts.

    Its signing key is taken from the settings; nobody else may send events meanwhile.
    """
    return asyncio.run(_measure(running, requests, seed))


def passed(found: dict[str, Any]) -> bool:
    """Whether all were refused, nothing was stored, and good events were taken before and after."""
    return bool(
        found["refused"] == found["requests"]
        and found["stored"] == 0
        and found["good_before"] == found["good_sent_before"]
        and found["good_after"]
    )


def table(found: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    rows = [f"{'kind':32}{'sent':>8}{'refused':>9}  statuses"]
    for kind, of in found["kinds"].items():
        statuses = ", ".join(f"{n} x {s}" for s, n in of["statuses"].items())
        rows.append(f"{kind:32}{of['sent']:>8}{of['refused']:>9}  {statuses}")
    rows.append(f"{'all':32}{found['requests']:>8}{found['refused']:>9}  stored: {found['stored']}")
    rows.append(
        f"good events taken: {found['good_before']} of {found['good_sent_before']} before, "
        f"{'1 of 1' if found['good_after'] else '0 of 1'} after; {found['database']}; {found['seconds']} s"
    )
    rows.append(
        row(
            f"`webhook_refusals`: {found['requests']:,} mutated or replayed events of "
            f"{len(found['kinds'])} kinds, {found['database']}",
            f"{found['refused']:,} refused, {found['stored']} stored",
            "all",
            met=passed(found),
        )
    )
    return "\n".join(rows)


async def _measure(running: Settings, requests: int, seed: int) -> dict[str, Any]:
    forger = Forger(running.webhook_secret, int(time.time()), seed)
    limits = httpx.Limits(max_connections=TOGETHER)
    started = time.monotonic()
    async with httpx.AsyncClient(base_url=running.service_url, timeout=60, limits=limits) as http:
        good = [await _send(http, request) for request in forger.good]
        before = _stored(running)
        bad = [(kind, forger.make(kind)) for kind, _ in zip(_kinds(requests), range(requests), strict=False)]
        statuses = await _send_all(http, [request for _, request in bad])
        stored = _stored(running) - before
        after = await _send(http, forger.another())
    kinds: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
    for (kind, _), status in zip(bad, statuses, strict=True):
        kinds[kind][status] += 1
    return {
        "requests": requests,
        "refused": sum(s in REFUSED for s in statuses),
        "stored": stored,
        "good_sent_before": len(good),
        "good_before": sum(s == httpx.codes.ACCEPTED for s in good),
        "good_after": after == httpx.codes.ACCEPTED,
        "database": running.database_url.partition(":")[0],
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "kinds": {
            kind: {
                "sent": counted.total(),
                "refused": sum(n for s, n in counted.items() if s in REFUSED),
                "statuses": {str(s): n for s, n in sorted(counted.items())},
            }
            for kind, counted in kinds.items()
        },
    }


def _kinds(requests: int) -> list[str]:
    names = list(KINDS)
    return [names[i % len(names)] for i in range(requests)]


async def _send_all(http: httpx.AsyncClient, requests: Sequence[Request]) -> list[int]:
    gate = asyncio.Semaphore(TOGETHER)

    async def one(request: Request) -> int:
        async with gate:
            return await _send(http, request)

    return list(await asyncio.gather(*map(one, requests)))


async def _send(http: httpx.AsyncClient, request: Request) -> int:
    """Return the status; 0 where there was no answer, which is no refusal either."""
    try:
        return (await http.post(_PATH, content=request.body, headers=request.headers)).status_code
    except httpx.HTTPError:
        return 0


def _stored(running: Settings) -> int:
    with open_store(running.database_url) as store, store.read() as conn:
        return inbox.count(conn)


if __name__ == "__main__":
    sys.exit(main())
