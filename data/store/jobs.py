"""Background work: named jobs with leases, at least once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from data.store.leases import DONE, MAX_ATTEMPTS, NEW, Queue, backoff
from data.store.schema import jobs
from data.store.statements import insert_new

_QUEUE = Queue(jobs, key="dedupe_key", due="run_at", busy="running")


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed job. `fence` is the proof of the claim; `attempts` counts this one."""

    dedupe_key: str
    tenant: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    fence: int
    state: str
    run_at: datetime
    last_error: str | None


def enqueue(
    conn: Connection,
    dedupe_key: str,
    kind: str,
    payload: Mapping[str, Any],
    now: datetime,
    *,
    tenant: str = "",
    run_at: datetime | None = None,
) -> bool:
    """Add a job; False, changing nothing, where `dedupe_key` exists. `tenant` is empty for the desk's own."""
    row: dict[str, object] = {
        "tenant": tenant,
        "dedupe_key": dedupe_key,
        "kind": kind,
        "payload": dict(payload),
        "state": NEW,
        "run_at": run_at or now,
        "attempts": 0,
        "fence": 0,
        "created_at": now,
    }
    return insert_new(conn, jobs, row)


def claim(
    conn: Connection,
    owner: str,
    now: datetime,
    lease_seconds: float,
    limit: int = 1,
    *,
    max_attempts: int = MAX_ATTEMPTS,
) -> list[Job]:
    """Take up to `limit` due jobs, oldest first, for `lease_seconds`."""
    rows = _QUEUE.claim(conn, owner, now, lease_seconds, limit, max_attempts)
    return [_job(r) for r in rows]


def complete(conn: Connection, dedupe_key: str, fence: int, now: datetime) -> bool:
    """Mark a job as done; False where the claim was lost meanwhile."""
    return _QUEUE.finish(conn, dedupe_key, fence, {"state": DONE, "done_at": now})


def fail(
    conn: Connection,
    dedupe_key: str,
    fence: int,
    error: str,
    now: datetime,
    *,
    permanent: bool = False,
    retry_seconds: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> bool:
    """Note a failed attempt as `outbox.fail` does."""
    attempts = conn.execute(select(jobs.c.attempts).where(jobs.c.dedupe_key == dedupe_key)).scalar() or 1
    pause = backoff(attempts) if retry_seconds is None else timedelta(seconds=retry_seconds)
    return _QUEUE.fail(conn, dedupe_key, fence, error, None if permanent else now + pause, max_attempts)


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of jobs per state: `new`, `running`, `done`, `dead`."""
    return _QUEUE.counts(conn)


def _job(row: Row[Any]) -> Job:
    return Job(
        dedupe_key=row.dedupe_key,
        tenant=row.tenant,
        kind=row.kind,
        payload=dict(row.payload),
        attempts=row.attempts,
        fence=row.fence,
        state=row.state,
        run_at=row.run_at,
        last_error=row.last_error,
    )
