"""Does every decision take effect exactly once, with a tracker that fails and a worker that is killed?

`python -m eval.benchmarks.effects_chaos` files tickets at a sandbox desk that spoils 16 % of its replies
(5 % answer 500, 3 % answer 429, 8 % do the work and lose the reply), and kills `firstline worker` with
SIGKILL at random moments. Decisions come from `fixed_decisions`, in place of the triage service. After
every kill the database must pass its check. In the end the tracker alone is asked: one comment of ours
on every ticket, and the fields as decided. Exit code 1 where anything is lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from data.errors import FirstlineError
from data.settings import SANDBOX_TOKEN
from data.store import Store, decisions, open_store, outbox
from data.taxonomy import load_taxonomy
from eval.benchmarks.fixed_decisions import fields_of, fixed_decisions
from eval.benchmarks.postgres import free_port, postgres

MARK = "firstline:op="
REQUESTS = 3  # of one delivery: a look, the fields, the comment
_LAST = 0.08 / 0.92  # rules are asked in turn: shares of what the earlier ones let through
FAULTS: dict[str, Any] = {
    "rules": [
        {"match": {"path": "/api/**", "share": 0.05}, "effect": {"kind": "status", "status": 500}},
        {
            "match": {"path": "/api/**", "share": 0.03 / 0.95},
            "effect": {"kind": "status", "status": 429, "retry_after": 1},
        },
        {"match": {"path": "/api/**", "share": _LAST}, "effect": {"kind": "reset", "applied": True}},
    ]
}


@dataclass(slots=True)
class Report:
    """What was done and what came out. `wrong_fields`: tickets whose fields are not as decided."""

    effects: int
    kills: int = 0
    requests: int = 0
    spoilt: int = 0
    lost: int = 0
    doubled: int = 0
    wrong_fields: int = 0
    given_up: int = 0
    unfinished: int = 0
    damaged: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, doubled, wrong or damaged."""
        return not (
            self.lost or self.doubled or self.wrong_fields or self.given_up or self.unfinished or self.damaged
        )


class Desk:
    """A sandbox desk as a process, seen from outside."""

    def __init__(self, environ: Mapping[str, str], port: int, *options: str) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self._auth = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
        command = [_firstline(), "sandbox", "serve", "--months", "1", "--tickets-per-day", "1"]
        command += options
        self._process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        self._ready()

    def _ready(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._http.get("/sandbox/health").is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise RuntimeError("the sandbox desk did not start")

    def file(self, count: int) -> list[str]:
        """File `count` tickets and return their ids."""
        found = []
        for n in range(count):
            body = {"project": {"shortName": "PAY"}, "summary": f"Ticket {n} of the benchmark"}
            answer = self._http.post("/api/issues", params={"fields": "id"}, json=body, headers=self._auth)
            answer.raise_for_status()
            found.append(str(answer.json()["id"]))
        return found

    def spoil(self, script: Mapping[str, Any], seed: int) -> None:
        """From now on answer by this script."""
        self._http.post("/sandbox/faults", json={"seed": seed, **script}).raise_for_status()

    def faults(self) -> dict[str, Any]:
        """Return how many requests came since, and how many were spoilt."""
        return dict(self._http.get("/sandbox/faults").json())

    def heal(self) -> None:
        """Answer as it should again."""
        self._http.delete("/sandbox/faults").raise_for_status()

    def tickets(self) -> Iterator[dict[str, Any]]:
        """Give every ticket with its comments and fields."""
        skip = 0
        fields = "id,comments(id,text,deleted),customFields(name,value(name))"
        while True:
            params: dict[str, str | int] = {"query": "project: PAY", "fields": fields}
            params |= {"$top": 100, "$skip": skip}
            page = self._http.get("/api/issues", params=params, headers=self._auth).json()
            yield from page
            if len(page) < 100:
                return
            skip += len(page)

    def activities(self, issue: str) -> list[dict[str, Any]]:
        """Return who changed which field of a ticket, oldest first."""
        fields = "id,author(login),field(name)"
        params: dict[str, str | int] = {"categories": "CustomFieldCategory", "fields": fields, "$top": 1000}
        answer = self._http.get(f"/api/issues/{issue}/activities", params=params, headers=self._auth)
        answer.raise_for_status()
        return list(answer.json())

    def close(self) -> None:
        """Stop the process."""
        self._http.close()
        self._process.terminate()
        self._process.wait(20)


def judge(report: Report, ids: Sequence[str], tickets: Iterator[dict[str, Any]]) -> None:
    """Compare what the tracker shows with what was decided."""
    taxonomy, left = load_taxonomy(), set(ids)
    for ticket in tickets:
        said = [c for c in ticket["comments"] if MARK in (c["text"] or "") and not c.get("deleted")]
        report.doubled += len(said) > 1
        if ticket["id"] not in left:
            continue
        left.discard(ticket["id"])
        report.lost += not said
        shown = {f["name"]: (f["value"] or {}).get("name") for f in ticket["customFields"] if _single(f)}
        wanted = fields_of(ticket["id"], taxonomy)
        report.wrong_fields += any(shown.get(n) != v for n, v in wanted.items())
    report.lost += len(left)


def _single(shown: Mapping[str, Any]) -> bool:
    return shown["value"] is None or isinstance(shown["value"], dict)


def run(effects: int, kills: int, database: str, home: Path, *, seed: int = 7) -> Report:
    """Run the whole benchmark on the database at this URL and return what came out."""
    started, dice, report = time.monotonic(), random.Random(seed), Report(effects)
    port = free_port()
    with fixed_decisions() as service_port:
        environ = {
            **os.environ,
            "FIRSTLINE_HOME": str(home),
            "FIRSTLINE_DATABASE_URL": database,
            "FIRSTLINE_SANDBOX_PORT": str(port),
            "FIRSTLINE_SERVICE_PORT": str(service_port),
            "FIRSTLINE_TRACKER_URL": f"http://127.0.0.1:{port}",
            "FIRSTLINE_POLL_SECONDS": "1",
        }
        desk = Desk(environ, port)
        try:
            ids = desk.file(effects)
            desk.spoil(FAULTS, seed)
            with open_store(database) as store, (home / "worker.log").open("ab") as log:
                _kill(environ, log, desk, store, report, kills, dice)
                _finish(environ, log, store, report)
            told = desk.faults()
            report.requests, report.spoilt = told["requests"], told["injected"]
            desk.heal()
            judge(report, ids, desk.tickets())
        finally:
            desk.close()
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _kill(
    environ: Mapping[str, str],
    log: Any,
    desk: Desk,
    store: Store,
    report: Report,
    kills: int,
    dice: random.Random,
) -> None:
    """Start and kill the worker again and again, spread over the requests that the effects need."""
    share = REQUESTS * report.effects / (kills + 1)
    for n in range(kills):
        with _worker(environ, log) as process:
            goal = desk.faults()["requests"] + dice.randint(0, int(1.6 * share))
            deadline = time.monotonic() + 60
            while (
                desk.faults()["requests"] < goal and time.monotonic() < deadline and not _done(store, report)
            ):
                time.sleep(0.03)
            time.sleep(dice.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        report.kills += 1
        report.damaged += [p for p in _damage(store) if p not in report.damaged]
        if (n + 1) % 25 == 0:
            print(f"{n + 1} of {kills} kills", file=sys.stderr)


def _finish(environ: Mapping[str, str], log: Any, store: Store, report: Report) -> None:
    """Let a last worker do what is left."""
    deadline = time.monotonic() + 120 + report.effects
    with _worker(environ, log) as process:
        while not _done(store, report) and time.monotonic() < deadline:
            time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
    with store.read() as conn:
        found = outbox.counts(conn)
        decided = sum(decisions.counts(conn).values())
    report.given_up = found["dead"]
    report.unfinished = found["new"] + found["sending"] + max(0, report.effects - decided)


def _done(store: Store, report: Report) -> bool:
    with store.read() as conn:
        found = outbox.counts(conn)
        if found["new"] or found["sending"] or found["done"] < report.effects:
            return False
        return not decisions.untriaged(conn, 1)


def _damage(store: Store) -> list[str]:
    """Return what is wrong with the database now."""
    found = [p for p in store.check() if not p.startswith("note:")]
    with store.read() as conn:
        decided, effects = sum(decisions.counts(conn).values()), sum(outbox.counts(conn).values())
    return found if decided == effects else [*found, "decisions and effects differ in number"]


@contextmanager
def _worker(environ: Mapping[str, str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([_firstline(), "worker"], env=environ, stderr=log)
    try:
        yield process
    finally:
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _firstline() -> str:
    return str(Path(sys.executable).with_name("firstline"))


def table(report: Report, database: str) -> str:
    """Return the report as text."""
    rows = [(name.replace("_", " "), value) for name, value in asdict(report).items() if name != "damaged"]
    lines = [f"{'database':<14}{database}"] + [f"{name:<14}{value}" for name, value in rows]
    lines += [f"damaged: {p}" for p in report.damaged]
    return "\n".join([*lines, "passed" if report.passed else "NOT passed"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit code 1 where it is not passed."""
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.effects_chaos", description=__doc__)
    parser.add_argument("--effects", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql (own servers), or a URL")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="firstline-chaos-") as folder:
        home = Path(folder)
        counts = (given.effects, given.kills)
        if given.database == "postgresql":
            with postgres() as server:
                report = run(*counts, f"{server}/postgres", home, seed=given.seed)
        else:
            url = f"sqlite:///{home / 'firstline.db'}" if given.database == "sqlite" else given.database
            report = run(*counts, url, home, seed=given.seed)
    kind = given.database.partition(":")[0]
    print(table(report, kind))
    print(json.dumps({"database": kind, **asdict(report), "passed": report.passed}))
    return 0 if report.passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FirstlineError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
