"""Do lost, repeated and overtaken webhooks lose or double anything? `python -m eval.benchmarks.webhook_loss`.

A sandbox desk announces new tickets and new comments to the running service, which stores the events for
a worker, which reads, decides and writes back. 30 % of the events never leave; every other one is sent ten
times within a few seconds, so that later ones overtake. All must be in the store within two polling
intervals of being filed; then the tracker alone is asked: one comment of ours on every ticket, and every
field that was decided written once, by the tracker's own history. Exit code 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from data.errors import FirstlineError
from data.sandbox.world import WorldConfig, WorldTicket, build_world
from data.sandbox.youtrack.loading import BOARD_TOKEN
from data.settings import Settings
from data.store import Store, decisions, open_store, outbox, schema
from data.sync import finished
from data.youtrack.webhook import parse_event
from eval.benchmarks.chaos_desk import Desk
from eval.benchmarks.database import HELP, database
from eval.benchmarks.fixed_decisions import fixed_decisions
from eval.benchmarks.postgres import free_port
from eval.benchmarks.service_process import service
from eval.benchmarks.sightings import Filed, Sightings, watching
from eval.benchmarks.webhook_verdict import Result, delays, judge

DROP, COPIES, SPREAD = 0.3, 10, 3.0
_PATIENCE = 180.0  # seconds for each part; what has not come then is judged as it is
_WORLD = WorldConfig(months=1, tickets_per_day=1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where everything was found in time and done once, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tickets", type=int, default=500, help="new tickets, and as many comments")
    parser.add_argument("--rate", type=float, default=3.0, help="of each a second (default 3)")
    parser.add_argument("--poll-seconds", type=float, default=5.0, help="the polling interval (default 5)")
    parser.add_argument("--database", default="sqlite", help=HELP)
    parser.add_argument(
        "--fixed",
        action="store_true",
        help="decide by the ticket's id, always alone, instead of by the bundle",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    try:
        with database(given.database) as url:
            counts = (given.tickets, given.rate, given.poll_seconds)
            found = run(*counts, url, seed=given.seed, fixed=given.fixed)
    except FirstlineError as error:
        print(f"webhook_loss: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps({**asdict(found), "passed": found.passed}) if given.json else found.table())
    return 0 if found.passed else 1


def run(
    tickets: int,
    rate: float,
    poll_seconds: float,
    database_url: str | None,
    *,
    seed: int = 7,
    fixed: bool = False,
) -> Result:
    """File `tickets` tickets and as many comments, `rate` of each a second, and judge what came of them.

    `database_url`: `None` for SQLite in the service's own home. `fixed`: events go to the service all the
    same, but decisions come from `fixed_decisions`, which always acts alone.
    """
    started, port = time.monotonic(), free_port()
    with (
        service(database_url) as running,
        fixed_decisions() if fixed else nullcontext(running.service_port) as decider,
    ):
        environ = _environ(running, port, poll_seconds) | {"FIRSTLINE_SERVICE_PORT": str(decider)}
        desk = Desk(environ, port, "--webhook-url", f"{running.service_url}/v1/events/youtrack")
        try:
            with open_store(running.database_url) as store, _worker(environ, running.home / "worker.log"):
                _until(lambda: finished(store) and _idle(store))
                desk.spoil({"webhooks": {"drop": DROP, "copies": COPIES, "spread": SPREAD}}, seed)
                before = [t["id"] for t in desk.tickets()]
                with watching(store) as sightings, Filing(port, sightings) as filing:
                    filing.all(tickets, rate, before)
                    _until(lambda: not sightings.missing and not desk.faults()["webhooks_sent"]["under_way"])
                _until(lambda: _idle(store))
                return _result(desk, store, sightings, poll_seconds, started)
        finally:
            desk.close()


class Filing:
    """Somebody who files tickets and comments at the desk, and says so to `sightings`."""

    def __init__(self, port: int, sightings: Sightings) -> None:
        headers = {"Authorization": f"Bearer {BOARD_TOKEN}"}
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, timeout=60)
        self._sightings = sightings

    def __enter__(self) -> Filing:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def all(self, count: int, rate: float, before: Sequence[str]) -> None:
        """File `count` tickets and comments; comments go to old tickets and to new ones in turn."""
        texts, old = cycle(build_world(_WORLD).live), cycle(before)
        start = time.monotonic()
        new: list[str] = []
        for n in range(count):
            time.sleep(max(0.0, start + n / rate - time.monotonic()))
            new.append(self.ticket(next(texts)))
            self.comment(next(old) if n % 2 else new[n // 2], f"Any news? This is question {n}.")

    def ticket(self, text: WorldTicket) -> str:
        """File a ticket and return its id."""
        of = {"Client": text.client, "Country": text.country}
        values = [
            {"name": n, "$type": "SingleEnumIssueCustomField", "value": {"name": v}} for n, v in of.items()
        ]
        summary = text.summary or "(no subject)"  # mails may have none; the API asks for one
        body = {"project": {"shortName": "PAY"}, "summary": summary, "description": text.description}
        since, made = self._post("/issues", {**body, "customFields": values})
        self._sightings.filed(Filed(made["id"], None, made["created"], since))
        return str(made["id"])

    def comment(self, ticket: str, text: str) -> None:
        """Write a comment on a ticket."""
        since, made = self._post(f"/issues/{ticket}/comments", {"text": text})
        self._sightings.filed(Filed(ticket, made["id"], made["created"], since))

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
        since = time.monotonic()
        answer = self._http.post(path, params={"fields": "id,created"}, json=body)
        answer.raise_for_status()
        return since, dict(answer.json())


def _result(desk: Desk, store: Store, sightings: Sightings, poll_seconds: float, started: float) -> Result:
    """Count what the sender, the store and the tracker show."""
    sent, filed = desk.faults()["webhooks_sent"], sightings.all
    ids = [f.ticket for f in filed if f.comment is None]
    with store.read() as conn:
        events = [parse_event(b.encode()) for b in conn.execute(select(schema.inbox.c.body)).scalars()]
        decided = {d.ticket_id: d.decision for d in decisions.iterate(conn) if d.ticket_id in set(ids)}
        operations = list(conn.execute(select(schema.outbox.c.ticket_id)).scalars())
    told = {(e.id, e.at) for e in events}
    effects = judge(ids, decided, desk.tickets(), desk.activities)
    return Result(
        database=store.engine.dialect.name,
        poll_seconds=poll_seconds,
        tickets=len(ids),
        comments=len(filed) - len(ids),
        dropped=sent["dropped"],
        copies=sent["sent"] + sent["known"] + sent["failed"],
        repeated=sent["repeated"],
        accepted=sent["sent"],
        known=sent["known"],
        failed=sent["failed"],
        stored=len(events),
        told=delays([f for f in filed if (f.ticket, f.at) in told], poll_seconds),
        untold=delays([f for f in filed if (f.ticket, f.at) not in told], poll_seconds),
        undecided=len(ids) - len(decided),
        decided_twice=len(operations) - len(set(operations)),
        effects=effects,
        seconds=round(time.monotonic() - started, 1),
    )


def _idle(store: Store) -> bool:
    with store.read() as conn:
        waiting = outbox.counts(conn)
        return not (waiting["new"] or waiting["sending"] or decisions.untriaged(conn, 1))


def _environ(running: Settings, port: int, poll_seconds: float) -> dict[str, str]:
    return {
        **os.environ,
        "FIRSTLINE_HOME": str(running.home),
        "FIRSTLINE_DATABASE_URL": running.database_url,
        "FIRSTLINE_SANDBOX_PORT": str(port),
        "FIRSTLINE_TRACKER_URL": f"http://127.0.0.1:{port}",
        "FIRSTLINE_POLL_SECONDS": str(poll_seconds),
    }


@contextmanager
def _worker(environ: Mapping[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, str(Path(sys.executable).with_name("firstline")), "worker"]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environ, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())
