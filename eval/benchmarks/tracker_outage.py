"""The tracker is away for 30 simulated minutes: what is lost, how much is asked in vain, when is it made up?

`python -m eval.benchmarks.tracker_outage` files tickets at a sandbox desk, breaks every connection to it
once some are delivered, and mends it 30 minutes later by the worker's clock (`serving.simulation`).
Amplification is (requests swallowed by the outage + requests the effects need) / requests they need.
Exit code 1 where anything is lost or doubled, amplification is above 1.1, or making up takes over 10 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from data.errors import FirstlineError
from data.store import Store, open_store, outbox
from eval.benchmarks.database import HELP, database
from eval.benchmarks.effects_chaos import REQUESTS, Desk, Report, judge
from eval.benchmarks.fixed_decisions import fixed_decisions
from eval.benchmarks.postgres import free_port
from eval.benchmarks.row import row

OUTAGE_SECONDS, MOST_SECONDS, MOST_AMPLIFICATION = 1800.0, 600.0, 1.1
_AWAY = {"rules": [{"match": {"path": "/api/**"}, "effect": {"kind": "reset"}}]}
_PATIENCE = 600.0  # real seconds for each part
_EVERY = 10.0  # simulated seconds between two lines of the simulation


@dataclass(frozen=True, slots=True)
class Outage:
    """What came out; seconds are simulated ones. `made_up_seconds` is at most 10 too high."""

    effects: int
    delivered_before: int
    outage_seconds: float
    swallowed: int
    amplification: float
    made_up_seconds: float
    lost: int
    doubled: int
    wrong_fields: int

    @property
    def passed(self) -> bool:
        """Whether every bar is met, and the outage was one."""
        exact = not (self.lost or self.doubled or self.wrong_fields)
        away = self.outage_seconds >= OUTAGE_SECONDS and self.delivered_before < self.effects
        calm = self.amplification <= MOST_AMPLIFICATION and self.made_up_seconds <= MOST_SECONDS
        return exact and away and calm


class _Elapsed:
    """The newest line of the simulation: its seconds."""

    def __init__(self, lines: IO[str]) -> None:
        self.seconds = 0.0
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self.seconds = float(line)


def run(effects: int, database: str, home: Path) -> Outage:
    """Run the benchmark on the database at this URL."""
    port = free_port()
    with fixed_decisions() as service_port:
        environ = {
            **os.environ,
            "FIRSTLINE_HOME": str(home),
            "FIRSTLINE_DATABASE_URL": database,
            "FIRSTLINE_SANDBOX_PORT": str(port),
            "FIRSTLINE_SERVICE_PORT": str(service_port),
            "FIRSTLINE_TRACKER_URL": f"http://127.0.0.1:{port}",
            "FIRSTLINE_POLL_SECONDS": "30",
        }
        desk = Desk(environ, port)
        command = [sys.executable, "-m", "serving.simulation"]
        try:
            ids = desk.file(effects)
            with open_store(database) as store, (home / "worker.log").open("ab") as log:
                process = subprocess.Popen(
                    command, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
                )
                try:
                    assert process.stdout is not None
                    return _outage(desk, store, ids, _Elapsed(process.stdout))
                finally:
                    process.terminate()
                    process.wait(60)
        finally:
            desk.close()


def _outage(desk: Desk, store: Store, ids: Sequence[str], elapsed: _Elapsed) -> Outage:
    effects = len(ids)
    _until(lambda: _delivered(store) >= effects // 10)
    desk.spoil(_AWAY, seed=7)
    before, began = _delivered(store), elapsed.seconds
    _until(lambda: elapsed.seconds >= began + OUTAGE_SECONDS)
    swallowed, healed = int(desk.faults()["injected"]), elapsed.seconds
    desk.heal()
    _until(lambda: _delivered(store) >= effects)
    made_up, report, needed = elapsed.seconds + _EVERY - healed, Report(effects), REQUESTS * effects
    judge(report, ids, desk.tickets())
    return Outage(
        effects,
        before,
        round(healed - began, 1),
        swallowed,
        round((swallowed + needed) / needed, 4),
        round(made_up, 1),
        report.lost,
        report.doubled,
        report.wrong_fields,
    )


def _delivered(store: Store) -> int:
    with store.read() as conn:
        return outbox.counts(conn)["done"]


def _until(true: Callable[[], bool]) -> None:
    """Wait; what has not come then is judged as it is."""
    deadline = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.2)


def log_row(found: Outage, kind: str) -> str:
    """Return the row for the log; `kind` of database."""
    return row(
        f"`tracker_outage`: {found.effects:,} effects, tracker away for "
        f"{found.outage_seconds / 60:.0f} simulated minutes, {kind}",
        f"{found.lost} lost, {found.doubled} doubled, {found.wrong_fields} with wrong fields, amplification "
        f"{found.amplification:.3f}, made up in {found.made_up_seconds:.0f} simulated s",
        f"{MOST_AMPLIFICATION:g}, {MOST_SECONDS:.0f} s",
        met=found.passed,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit code 1 where it is not passed."""
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.tracker_outage", description=__doc__)
    parser.add_argument("--effects", type=int, default=1000)
    parser.add_argument("--database", default="sqlite", help=HELP)
    given = parser.parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="firstline-outage-") as folder,
            database(given.database) as url,
        ):
            home = Path(folder)
            found = run(given.effects, url or f"sqlite:///{home / 'firstline.db'}", home)
    except FirstlineError as error:
        print(f"tracker_outage: {error}", file=sys.stderr)
        return error.exit_code
    kind = url.partition(":")[0] if url else "sqlite"
    for name, value in asdict(found).items():
        print(f"{name.replace('_', ' '):<18}{value}")
    print("passed" if found.passed else "NOT passed")
    print(json.dumps({"database": kind, **asdict(found), "passed": found.passed}))
    print(log_row(found, kind))
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
