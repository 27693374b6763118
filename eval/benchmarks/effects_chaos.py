"""Does every decision take effect exactly once, with a tracker that fails and processes that are killed?

`python -m eval.benchmarks.effects_chaos` files tickets at a sandbox desk that spoils 16 % of its replies
(5xx, 429 with Retry-After, reset after the effect, truncated, slow), and kills `firstline worker` and
`firstline serve` (its parent, its child, or both) with SIGKILL at random moments; where the PostgreSQL is
the benchmark's own, also the database server. An event for every ticket is sent until the service takes
it. After every kill the database must pass its check. In the end the tracker is asked: every comment, by
marker and by words, and every change of a field that was decided, exactly once. Exit code 1 where anything
is lost, doubled, wrong or damaged. A bundle must be promoted (`make demo`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from data.errors import FirstlineError
from data.mapping import TrackerMapping
from data.sandbox.world import WorldConfig, build_world
from data.settings import SANDBOX_SECRET, read_settings
from data.store import Store, decisions, open_store, outbox
from data.taxonomy import load_taxonomy
from eval.benchmarks.chaos_database import Examination, Server
from eval.benchmarks.chaos_desk import Desk, Filed
from eval.benchmarks.chaos_events import Sender, standing
from eval.benchmarks.chaos_row import chaos_row
from eval.benchmarks.chaos_victims import Service, Victim, environment
from eval.benchmarks.exactly_once import MARK, Wanted, account
from eval.benchmarks.fixed_decisions import fields_of
from eval.benchmarks.postgres import free_port, postgres

__all__ = ["FAULTS", "MARK", "REQUESTS", "Desk", "Report", "judge", "run", "wanted_by"]

REQUESTS = 3  # of one delivery: a look, the fields, the comment
SERVICE_SHARE = 0.2  # of the kills; it takes longer to come back
DATABASE_CRASHES = 5
AHEAD = 64  # tickets that wait, so that there is work while the service comes back
_LOOK_SECONDS, _PATIENCE = 0.1, 120.0
_SHARES: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.02, {"kind": "status", "status": 500}),
    (0.02, {"kind": "status", "status": 503}),
    (0.02, {"kind": "status", "status": 429, "retry_after": 1}),
    (0.06, {"kind": "reset", "applied": True}),
    (0.02, {"kind": "cut"}),
    (0.02, {"kind": "slow", "seconds": 1.0, "applied": True}),
)
# All requests but the filing of tickets, which is the benchmark's own.
_SPOILT = ({"method": "GET", "path": "/api/**"}, {"method": "POST", "path": "/api/*/*/**"})


def _faults() -> dict[str, Any]:
    """Rules are asked in turn, so each gets its share of what the earlier ones let through."""
    rules, left = [], 1.0
    for share, effect in _SHARES:
        rules += [{"match": {**match, "share": share / left}, "effect": effect} for match in _SPOILT]
        left -= share
    return {"rules": rules}


FAULTS = _faults()


@dataclass(slots=True)
class Report:
    """What was done and what came out.

    `wrong_fields`: tickets that hold or show something that was not decided. `events_refused`: sendings
    that were not acknowledged, and were repeated.
    """

    effects: int
    worker_kills: int = 0
    service_kills: int = 0
    service_parts: dict[str, int] = field(default_factory=dict)
    database_kills: int = 0
    checks: int = 0
    check: str = ""
    requests: int = 0
    spoilt: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    comments: int = 0
    field_changes: int = 0
    lost: int = 0
    doubled: int = 0
    wrong_fields: int = 0
    given_up: int = 0
    unfinished: int = 0
    events: int = 0
    events_refused: int = 0
    events_lost: int = 0
    damaged: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """How often worker or service was killed."""
        return self.worker_kills + self.service_kills

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, doubled, wrong or damaged."""
        wrong = self.lost or self.doubled or self.wrong_fields or self.events_lost
        return not (wrong or self.given_up or self.unfinished or self.damaged)


def judge(report: Report, ids: Sequence[str], tickets: Iterable[Mapping[str, Any]]) -> None:
    """Compare what the tracker shows with what `fixed_decisions` decided."""
    taxonomy = load_taxonomy()
    _enter(report, {i: Wanted(None, fields_of(i, taxonomy)) for i in ids}, tickets, None)


def wanted_by(store: Store, filed: Iterable[Filed]) -> dict[str, Wanted]:
    """Return what the decisions in the store want of each ticket; one without a decision wants a comment."""
    names = TrackerMapping()
    with store.read() as conn:
        operations = {o.ticket_id: o for o in outbox.listed(conn, ("new", "sending", "done", "dead"), 10**6)}
    found: dict[str, Wanted] = {}
    for ticket in filed:
        operation = operations.get(ticket.id)
        if operation is None:
            found[ticket.id] = Wanted("no operation", {})
            continue
        decided, fields = operation.payload["decision"], {}
        if decided["decision"] == "apply":
            written = ["issue_type", "category", "team"]
            written += ["priority"] if decided["priority_decision"] == "apply" else []
            fields = {names.named(n): names.value_of(n, decided[n]) for n in written}
        changed = frozenset(n for n, v in fields.items() if ticket.held.get(n) != v)
        found[ticket.id] = Wanted(operation.op_id, fields, changed)
    return found


def _enter(
    report: Report, wanted: Mapping[str, Wanted], tickets: Iterable[Mapping[str, Any]], changes: Any
) -> None:
    found = account(wanted, tickets, changes)
    report.comments, report.field_changes = found.comments, found.changes
    report.lost, report.doubled, report.wrong_fields = (
        len(found.lost),
        len(found.doubled),
        len(found.wrong),
    )


def run(
    effects: int,
    kills: int,
    database: str,
    home: Path,
    *,
    seed: int = 7,
    server: Server | None = None,
    bundles: Path | None = None,
) -> Report:
    """Run the whole benchmark on the database at this URL and return what came out.

    `server`: the PostgreSQL server, where it may be killed as well. `bundles`: those of the installation.
    """
    started, report = time.monotonic(), Report(effects)
    (home / "bundles").symlink_to(bundles or read_settings().bundles)
    environ = environment(home, database, free_port(), free_port())
    settings = read_settings(environ)
    with ExitStack() as stack:
        log = stack.enter_context((home / "processes.log").open("ab"))
        desk = Desk(environ, settings.sandbox_port)
        stack.callback(desk.close)
        desk.spoil(FAULTS, seed)
        store = stack.enter_context(open_store(database))
        worker = Victim("worker", environ, log)
        service = Service(environ, log, settings.service_url)
        sender = Sender(settings.service_url, SANDBOX_SECRET)
        for close in (service.stop, worker.stop, sender.close):
            stack.callback(close)
        chaos = _Chaos(report, store, Examination(store, database), desk, worker, service, sender, server)
        chaos.rage(kills, random.Random(seed))
        chaos.settle()
    report.seconds = round(time.monotonic() - started, 1)
    return report


@dataclass(slots=True)
class _Chaos:
    """The run: everything that takes part in it, and the tickets filed so far."""

    report: Report
    store: Store
    examination: Examination
    desk: Desk
    worker: Victim
    service: Service
    sender: Sender
    server: Server | None
    filed: list[Filed] = field(default_factory=list)

    def rage(self, kills: int, dice: random.Random) -> None:
        """File tickets and kill, spread over the deliveries."""
        effects, share = self.report.effects, self.report.effects / (kills + 1)
        texts = _texts(effects)
        crashes = {round((n + 1) * kills / (DATABASE_CRASHES + 1)) for n in range(DATABASE_CRASHES)}
        self._until(self.service.answers)
        for n in range(kills):
            self._file(texts, min(effects, effects * (n + 1) // kills + AHEAD))
            self._until(partial(self._delivered, self._count() + dice.randint(0, int(1.6 * share))))
            time.sleep(dice.uniform(0, _LOOK_SECONDS))
            self._kill(dice)
            if self.server is not None and n in crashes:
                self.server.crash()
                self.report.database_kills += 1
            self.report.checks += 1
            self.report.damaged += [p for p in self.examination.damage() if p not in self.report.damaged]
            if (n + 1) % 25 == 0:
                print(f"{n + 1} of {kills} kills, {len(self.filed)} tickets", file=sys.stderr, flush=True)
        self._file(texts, self.report.effects)

    def _count(self) -> int:
        with self.store.read() as conn:
            return outbox.counts(conn)["done"]

    def _delivered(self, goal: int) -> bool:
        return self._count() >= goal

    def _kill(self, dice: random.Random) -> None:
        """Kill worker or service; the service sometimes before it is back from the last time."""
        if dice.random() < SERVICE_SHARE and (self.service.answers() or dice.random() < SERVICE_SHARE):
            way = self.service.kill_some(dice)
            self.report.service_kills += 1
            self.report.service_parts[way] = self.report.service_parts.get(way, 0) + 1
        else:
            self.worker.kill()
            self.report.worker_kills += 1

    def _file(self, texts: Iterator[tuple[str, str]], total: int) -> None:
        fresh = [self.desk.file_text(*next(texts)) for _ in range(total - len(self.filed))]
        self.filed += fresh
        self.sender.offer((f.id, f.readable_id) for f in fresh)

    def _until(self, true: Callable[[], bool], patience: float = _PATIENCE) -> None:
        """Wait, and start again what has ended, as a supervisor does."""
        deadline = time.monotonic() + patience
        while True:
            self.service.keep_up()
            self.worker.keep_up()
            if true() or time.monotonic() > deadline:
                return
            time.sleep(_LOOK_SECONDS)

    def settle(self) -> None:
        """Let everything be finished without further kills, then ask the tracker."""
        self._until(self._done, 180 + self.report.effects / 2)
        self.worker.stop()
        told, report = self.desk.faults(), self.report
        report.requests, report.spoilt, report.by_kind = told["requests"], told["injected"], told["by_kind"]
        self.desk.heal()
        with self.store.read() as conn:
            found = outbox.counts(conn)
            decided = sum(decisions.counts(conn).values())
        report.given_up = found["dead"]
        report.unfinished = found["new"] + found["sending"] + max(0, report.effects - decided)
        report.damaged += [p for p in self.examination.damage() if p not in report.damaged]
        report.check = self.examination.method
        report.events, report.events_refused = len(self.sender.taken), self.sender.refused
        lost, waiting = standing(self.store, self.sender.taken)
        report.events_lost, report.unfinished = lost, report.unfinished + waiting
        wanted = wanted_by(self.store, self.filed)
        _enter(report, wanted, self.desk.tickets(), self.desk.changes())

    def _done(self) -> bool:
        with self.store.read() as conn:
            found = outbox.counts(conn)
        if found["new"] or found["sending"] or found["done"] + found["dead"] < self.report.effects:
            return False
        return self.sender.done and not standing(self.store, self.sender.taken)[1]


def _texts(count: int) -> Iterator[tuple[str, str]]:
    """Give summaries and descriptions of the sandbox world's coming tickets; its API wants a summary."""
    per_day = min(2000.0, count / 20 + 10)
    live = build_world(WorldConfig(months=1, tickets_per_day=1, live_days=30, live_per_day=per_day)).live
    return ((t.summary, t.description) for t in live if t.summary.strip())


def table(report: Report, database: str) -> str:
    """Return the report as text."""
    told = {"database": database, "kills": report.kills, **asdict(report)}
    del told["damaged"]
    lines = [f"{name.replace('_', ' '):<15}{_words(value)}" for name, value in told.items()]
    lines += [f"damaged: {p}" for p in report.damaged]
    return "\n".join([*lines, "passed" if report.passed else "NOT passed"])


def _words(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit code 1 where it is not passed."""
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.effects_chaos", description=__doc__)
    parser.add_argument("--effects", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql (own servers), or a URL")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of ours stays behind
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firstline-chaos-")))
        url, server = given.database, None
        if given.database == "sqlite":
            url = f"sqlite:///{home / 'firstline.db'}"
        elif given.database == "postgresql":
            url = f"{stack.enter_context(postgres())}/postgres"
            server = None if os.environ.get("FIRSTLINE_TEST_POSTGRES_URL") else Server(url)
        report = run(given.effects, given.kills, url, home, seed=given.seed, server=server)
        if not report.passed:
            print((home / "processes.log").read_text("utf-8", "replace")[-4000:], file=sys.stderr)
    kind = given.database.partition(":")[0]
    print(table(report, kind))
    print(json.dumps({"database": kind, "kills": report.kills, **asdict(report), "passed": report.passed}))
    print(chaos_row(report, kind))
    return 0 if report.passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FirstlineError as error:
        print(f"firstline: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
