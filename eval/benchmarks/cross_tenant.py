"""Calls of one client that try to reach another's data: `python -m eval.benchmarks.cross_tenant`.

The service runs as a process, with keys and with two clients in its store. Every row of theirs carries the
canary of its client. What the service's own description names is called by every kind of key and by none,
with foreign, own and unknown ids, and with every trick that `cross_tenant_calls` knows. A leak is a
foreign canary, or a foreign id that the caller did not name itself, anywhere in an answer; or a foreign
row that is not what it was; or an answer that tells a foreign id from an unknown one. That a key of the
whole desk does see both canaries shows that the looking works.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx

from data.clock import SystemClock
from data.errors import FirstlineError
from data.settings import Settings
from data.store import open_store
from eval.benchmarks.cross_tenant_calls import Attacker, Call
from eval.benchmarks.postgres import postgres
from eval.benchmarks.row import row
from eval.benchmarks.service_process import service
from eval.benchmarks.two_clients import OTHER, OWN, Planted, callers, checksum, plant

CALLS, SEED, TOGETHER = 10_000, 20_261_125, 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, after how long; status 0 where nothing did, as for a request that is no HTTP."""

    status: int
    text: str
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where nothing leaked, 1 where something did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--calls", type=int, default=CALLS, help=f"default {CALLS}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args(arguments)
    keys = {"FIRSTLINE_ACCESS": "keys", "FIRSTLINE_RATE_KEY": "0", "FIRSTLINE_RATE_CLIENT": "0"}
    try:
        with database(options.database) as url, service(url, keys) as running:
            found = measure(running, options.calls, options.seed)
    except FirstlineError as error:
        print(f"cross_tenant: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(found, indent=2) if options.json else table(found))
    return 0 if passed(found) else 1


@contextmanager
def database(kind: str) -> Iterator[str | None]:
    """Give the URL of a fresh database; `None` stands for SQLite in the service's own home."""
    if kind == "sqlite":
        yield None
        return
    with postgres() as server:
        yield f"{server}/postgres"


def measure(running: Settings, calls: int, seed: int) -> dict[str, Any]:
    """Send `calls` calls to the service that runs with these settings, on an empty store; return counts."""
    now, started = SystemClock().now(), time.monotonic()
    document = httpx.get(f"{running.service_url}/v1/openapi.json", timeout=30).json()
    with open_store(running.database_url) as store:
        clients, known = plant(store, now), callers(store, running.home, now)
        with store.read() as conn:
            before = checksum(conn, OTHER)
        attacker = Attacker(document, clients, known, seed)
        made = [attacker.call(i) for i in range(calls)]
        with ThreadPoolExecutor(TOGETHER) as pool:
            answers = list(pool.map(_Sender(running.service_url).send, made, chunksize=50))
        with store.read() as conn:
            after = checksum(conn, OTHER)
    return {
        **judged(made, answers, clients),
        "changed": sorted(name for name in before if before[name] != after[name]),
        "seed": seed,
        "database": running.database_url.partition(":")[0].partition("+")[0],
        "seconds": round(time.monotonic() - started, 1),
    }


def judged(made: Sequence[Call], answers: Sequence[Answer], clients: dict[str, Planted]) -> dict[str, Any]:
    """Count what was answered, and name every leak."""
    leaks, control = [], Counter[str]()
    by_caller: dict[str, Counter[str]] = {}
    told: dict[tuple[str, str], dict[str, set[tuple[int, str]]]] = {}
    for call, answer in zip(made, answers, strict=True):
        by_caller.setdefault(call.caller.name, Counter())[str(answer.status)] += 1
        if call.caller.free:
            control.update(t for t, c in clients.items() if c.canary in answer.text)
            continue
        if what := _leaked(call, answer, clients[OTHER]):
            leaks.append(f"{what}: {call.caller.name}, {call.method} {call.target} -> {answer.status}")
        if call.plain and "{ticket}" in call.route and call.aims != "own":
            both = told.setdefault((call.caller.name, call.route), {"foreign": set(), "unknown": set()})
            both[call.aims].add((answer.status, answer.text))
        elif clients[OWN].canary in answer.text:
            control["own"] += 1
    told_apart = [f"{who}, {route}" for (who, route), seen in told.items() if _differ(seen)]
    return {
        "calls": len(made),
        "leaks": leaks,
        "told_apart": sorted(told_apart),
        "compared": len(told),
        "milliseconds": _milliseconds(made, answers),
        "control": {t: control[t] for t in (OWN, OTHER, "own")},
        "unanswered": sum(a.status == 0 for a in answers),
        "errors": [
            f"{call.method} {call.target} -> {answer.status}"
            for call, answer in zip(made, answers, strict=True)
            if answer.status >= 500 and call.route != "GET /readyz"  # that may truly not be ready
        ],
        "callers": {name: dict(sorted(n.items())) for name, n in by_caller.items()},
        "routes": dict(Counter(c.route for c in made)),
        "methods": dict(sorted(Counter(c.method for c in made).items())),
    }


def passed(found: dict[str, Any]) -> bool:
    """Whether nothing leaked, nothing broke, and the looking was seen to work."""
    nothing = not (found["leaks"] or found["changed"] or found["told_apart"] or found["errors"])
    return bool(nothing and all(found["control"].values()) and found["compared"])


def table(found: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    rows = [f"{'caller':24}{'calls':>7}  statuses"]
    for name, statuses in found["callers"].items():
        said = ", ".join(f"{n} x {s}" for s, n in statuses.items())
        rows.append(f"{name:24}{sum(statuses.values()):>7}  {said}")
    rows += ["", f"{'route':44}{'calls':>7}"]
    rows += [f"{route:44}{n:>7}" for route, n in found["routes"].items()]
    control = found["control"]
    rows += [
        "",
        f"calls {found['calls']}, methods {', '.join(f'{n} {m}' for m, n in found['methods'].items())}",
        f"foreign data read: {len(found['leaks'])}; "
        f"tables with changed foreign rows: {len(found['changed'])}; "
        f"foreign ids told from unknown ones: {len(found['told_apart'])} of {found['compared']} compared",
        f"seen by the desk's key (as it may): {control[OWN]} x {OWN}, {control[OTHER]} x {OTHER}; "
        f"by {OWN}'s keys their own: {control['own']}",
        "median ms of a 404: " + ", ".join(f"{aims} id {ms}" for aims, ms in found["milliseconds"].items()),
        f"5xx {len(found['errors'])}, without an answer {found['unanswered']}; "
        f"{found['database']}, seed {found['seed']}; {found['seconds']} s",
    ]
    rows += [f"ERROR: {what}" for what in found["errors"][:20]]
    for kind in ("leaks", "changed", "told_apart"):
        rows += [f"LEAK ({kind}): {what}" for what in found[kind][:20]]
    return "\n".join([*rows, log_row(found)])


def log_row(found: dict[str, Any]) -> str:
    """Return the row for the log."""
    return row(
        f"`cross_tenant`: {found['calls']:,} calls over {len(found['routes'])} routes by "
        f"{len(found['callers'])} callers, {found['database']}",
        f"{len(found['leaks'])} reads, {len(found['changed'])} writes, {len(found['told_apart'])} foreign "
        f"ids told from unknown ones, {len(found['errors'])} x 5xx",
        "0 reads, 0 writes",
        met=passed(found),
    )


def _milliseconds(made: Sequence[Call], answers: Sequence[Answer]) -> dict[str, float]:
    """Return the median time of a 404 for a foreign id and for an unknown one, on one route."""
    found: dict[str, list[float]] = {"foreign": [], "unknown": []}
    for call, answer in zip(made, answers, strict=True):
        if call.plain and call.route == "GET /v1/tickets/{ticket}" and answer.status == 404:
            found[call.aims].append(answer.seconds * 1000)
    return {aims: round(median(times), 2) for aims, times in found.items() if times}


def _differ(seen: dict[str, set[tuple[int, str]]]) -> bool:
    return bool(seen["foreign"] and seen["unknown"] and seen["foreign"] != seen["unknown"])


def _leaked(call: Call, answer: Answer, other: Planted) -> str | None:
    if other.canary in answer.text:
        return "canary"
    bound = call.caller.name.endswith(f"of {OWN}")
    if bound and call.route == "POST /v1/triage" and '"decision"' in answer.text:
        return f"a ticket decided as {OTHER}'s"  # with its routing, and what is done alone for it
    words = answer.text + _decoded(answer.text)
    named = call.sent
    for found in (*other.readable, *other.ids):
        if f'"{found}"' in words and found not in named:
            return f"id {found}"
    return None


def _decoded(text: str) -> str:
    """Return what stands in the cursor of a page."""
    try:
        cursor = json.loads(text)["next"]
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, TypeError, KeyError):
        return ""


class _Sender:
    """Sends a call exactly as it stands: no client library may tidy paths or headers."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)

    def send(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        names, started = {n.lower() for n, _ in call.headers}, time.perf_counter()
        try:
            connection.putrequest(call.method, call.target, skip_host="host" in names)
            for name, value in call.headers:
                connection.putheader(name, value)
            if call.body is not None:
                connection.putheader("Content-Length", str(len(call.body)))
            connection.endheaders(call.body)
            answer = connection.getresponse()
            head = "\n".join(f"{n}: {v}" for n, v in answer.getheaders() if n.lower() not in ("date",))
            text = answer.read().decode("utf-8", "replace")
            took = time.perf_counter() - started
            return Answer(answer.status, text if answer.status == 404 else f"{head}\n{text}", took)
        except (http.client.HTTPException, OSError, ValueError):
            return Answer(0, "")
        finally:
            connection.close()


if __name__ == "__main__":
    sys.exit(main())
