"""Which workers are at work, and whose leases can be taken back because their owner is dead.

A worker writes down where it runs: the machine since its last start with the process namespace (there
process ids mean something), its process id and when the process began. Whoever shares that place can
tell whether it still lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from data.store import outbox
from data.store.schema import workers

_FORGOTTEN = timedelta(days=1)
"""Its leases ran out long ago, wherever it was."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One registered worker. `worker` is unique for ever; `pid` and `started_at` count within `place`."""

    worker: str
    place: str
    pid: int
    started_at: datetime
    seen_at: datetime


Alive = Callable[[WorkerProcess], bool]


def register(conn: Connection, me: WorkerProcess, alive: Alive) -> tuple[int, list[WorkerProcess]]:
    """Write `me` down; return how many leases of dead workers were taken back, and who else is at work.

    `alive` is asked about workers of the same place only. One of another place counts as at work; its
    leases run out by themselves.
    """
    released, others = 0, []
    for known in registered(conn):
        here = known.place == me.place
        if (here and not alive(known)) or known.seen_at < me.seen_at - _FORGOTTEN:
            released += outbox.release(conn, known.worker, me.seen_at)
            leave(conn, known.worker)
        else:
            others.append(known)
    facts = {"place": me.place, "pid": me.pid, "started_at": me.started_at, "seen_at": me.seen_at}
    conn.execute(insert(workers).values(worker=me.worker, **facts))
    return released, others


def registered(conn: Connection) -> list[WorkerProcess]:
    """Return every worker that is written down, oldest first; some may be dead."""
    query = select(workers).order_by(workers.c.started_at, workers.c.worker)
    return [WorkerProcess(**row._mapping) for row in conn.execute(query)]


def seen(conn: Connection, worker: str, now: datetime) -> None:
    """Note that a worker is at work now."""
    conn.execute(update(workers).where(workers.c.worker == worker).values(seen_at=now))


def leave(conn: Connection, worker: str) -> None:
    """Strike a worker out."""
    conn.execute(delete(workers).where(workers.c.worker == worker))
