"""The first synchronisation of a whole desk: tickets a second, end to end, and the memory it takes.

Run: `python -m eval.benchmarks.backfill [--tickets 20000] [--profile] [--json]`, on SQLite and PostgreSQL.
The stand-in runs as a process of its own on the same machine. Targets: 300 tickets a second; resident
memory of the synchronising process grows by at most 10 % between its 2,000th and its last ticket.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from data.errors import FirstlineError
from eval.benchmarks.database import database
from eval.benchmarks.postgres import free_port
from eval.benchmarks.row import row

T = TypeVar("T")
RATE, GROWTH, FROM_TICKET = 300.0, 0.10, 2000
_DAYS = 182  # of six months
_READY_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one database; memory in MiB; `growth` is a share, `None` where there was too little."""

    database: str
    tickets: int
    changes: int
    seconds: float
    per_second: float
    memory_start: float | None
    memory_end: float
    growth: float | None
    ledger_complete: bool
    missing: int

    @property
    def met(self) -> bool:
        """Whether both targets are met."""
        flat = self.growth is not None and self.growth <= GROWTH
        return self.per_second >= RATE and flat and self.ledger_complete and not self.missing

    @property
    def grown(self) -> str:
        """The growth in words."""
        return "too few tickets to tell" if self.growth is None else f"{self.growth:+.1%}"

    def row(self) -> str:
        """Return the row for the log."""
        return row(
            f"`backfill`: {self.tickets:,} tickets, {self.changes:,} changes, {self.database}",
            f"{self.per_second:.0f} tickets/s; memory {self.grown} from ticket {FROM_TICKET:,} on; "
            f"{self.missing} missing",
            f"{RATE:.0f}/s; {GROWTH:.0%}",
            met=self.met,
        )


def main() -> None:
    """Measure and print; exit code 1 where a target is missed."""
    args = _arguments()
    if args.child:
        print(json.dumps(asdict(measure(args.child, args.tracker, profile=args.profile))))
        return
    results = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="firstline-bench-") as name,
            _standin(args.tickets) as tracker,
        ):
            for kind in args.databases:
                with database(kind) as given:
                    url = given or f"sqlite:///{Path(name) / 'firstline.db'}"
                    results.append(_in_a_process(url, tracker, profile=args.profile))
    except FirstlineError as error:
        print(f"backfill: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    if args.json:
        print(json.dumps([{**asdict(r), "met": r.met} for r in results]))
    else:
        print("\n".join([*map(_words, results), *(r.row() for r in results)]))
    if not all(r.met for r in results):
        raise SystemExit(1)


def _words(r: Result) -> str:
    return (
        f"{r.database}: {r.tickets} tickets and {r.changes} changes in {r.seconds:.1f} s = "
        f"{r.per_second:.0f} tickets/s (target {RATE:.0f}); memory at its end {r.memory_end:.0f} MiB, "
        f"since ticket {FROM_TICKET} {r.grown} (target {GROWTH:+.0%}): {'met' if r.met else 'NOT met'}"
    )


def measure(database_url: str, tracker_url: str, *, profile: bool) -> Result:
    """Synchronise an empty database in this process."""
    from data.clock import SystemClock
    from data.settings import SANDBOX_TOKEN
    from data.store import open_store
    from data.sync import sync
    from data.youtrack.client import YouTrackClient

    process, taken = psutil.Process(), list[float]()

    def watched(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG001
        count = 0
        for item in items:
            yield item
            if label.startswith("Tickets"):
                count += len(item[0])  # type: ignore[index]
                if count >= FROM_TICKET:
                    taken.append(process.memory_info().rss / 2**20)

    clock, profiler = SystemClock(), cProfile.Profile()
    with open_store(database_url) as store, httpx.Client() as http:
        client = YouTrackClient(http, tracker_url, SANDBOX_TOKEN, clock)
        if profile:
            profiler.enable()
        started = time.perf_counter()
        report = sync(client, store, clock, project="PAY", progress=watched)
        seconds = time.perf_counter() - started
        profiler.disable()
        kind = store.engine.dialect.name
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(30)
    end = process.memory_info().rss / 2**20
    return Result(
        database=kind,
        tickets=report.stored_tickets,
        changes=report.changes_read,
        seconds=seconds,
        per_second=report.stored_tickets / seconds,
        memory_start=taken[0] if taken else None,
        memory_end=end,
        growth=max(taken) / taken[0] - 1 if taken else None,
        ledger_complete=report.ledger_complete,
        missing=report.missing,
    )


def _in_a_process(database_url: str, tracker_url: str, *, profile: bool) -> Result:
    words = [sys.executable, "-m", "eval.benchmarks.backfill", "--child", database_url]
    words += ["--tracker", tracker_url, *(["--profile"] if profile else [])]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return Result(**json.loads(done.stdout))


@contextmanager
def _standin(tickets: int) -> Iterator[str]:
    port = free_port()
    per_day = str(max(1.0, tickets / _DAYS))
    words = ["from serving.cli import main; main()", "sandbox", "serve", "--months", "6"]
    words += ["--tickets-per-day", per_day, "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="firstline-bench-home-") as home:
        env = {**os.environ, "FIRSTLINE_HOME": home}
        process = subprocess.Popen([sys.executable, "-c", *words], env=env)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            # Its port is open before its world is built: the answer comes when it is.
            httpx.get(f"{url}/sandbox/health", timeout=_READY_SECONDS)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("The stand-in did not start.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=20_000, help="about so many, in six months")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--profile", action="store_true", help="where the synchronising process spends time")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--tracker", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
