"""Intended effects on the tracker, committed together with the decision that wants them.

Delivery is at least once; the effect is once because field writes are absolute and a comment carries its
`op_id`: on every attempt after the first (`Operation.attempts > 1`) look for it before writing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, not_, null, or_, select, update

from data.caps import Caps
from data.store import switches
from data.store.leases import DEAD, DONE, MAX_ATTEMPTS, NEW, Queue, backoff
from data.store.schema import outbox
from data.store.statements import insert_new, take_turns

_QUEUE = Queue(outbox, key="op_id", due="next_at", busy="sending", lane="ticket_id")


@dataclass(frozen=True, slots=True)
class Operation:
    """One claimed effect. `fence` is the proof of the claim; `attempts` counts this one."""

    op_id: str
    tenant: str
    ticket_id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    fence: int
    created_at: datetime
    state: str
    remote_id: str | None
    last_error: str | None
    project: str = ""
    automatic: bool = False
    found: dict[str, str | None] | None = None
    left: dict[str, str | None] | None = None
    said_at: datetime | None = None
    outcome: str | None = None


def enqueue(
    conn: Connection,
    op_id: str,
    tenant: str,
    ticket_id: str,
    kind: str,
    payload: Mapping[str, Any],
    now: datetime,
    *,
    project: str = "",
    automatic: bool = False,
) -> bool:
    """Add an effect; False, changing nothing, where `op_id` exists.

    `automatic`: no person asked for it, so the kill switch of `project` holds it back.
    """
    body = dict(payload)
    text = json.dumps(body, sort_keys=True)
    row: dict[str, object] = {
        "tenant": tenant,
        "op_id": op_id,
        "ticket_id": ticket_id,
        "kind": kind,
        "payload": body,
        "payload_hash": hashlib.sha256(text.encode()).hexdigest(),
        "state": NEW,
        "attempts": 0,
        "next_at": now,
        "fence": 0,
        "created_at": now,
        "project": project,
        "automatic": automatic,
    }
    return insert_new(conn, outbox, row)


def claim(
    conn: Connection,
    owner: str,
    now: datetime,
    lease_seconds: float,
    limit: int,
    *,
    max_attempts: int = MAX_ATTEMPTS,
) -> list[Operation]:
    """Take up to `limit` due operations, oldest first, for `lease_seconds`.

    One operation of a ticket at a time, in order; automatic ones of paused projects wait.
    The lease must outlast the longest delivery (time limits times requests, with a margin).
    """
    stopped = switches.paused_projects(conn)
    held = outbox.c.automatic if switches.EVERY in stopped else outbox.c.project.in_(stopped)
    allowed = not_(and_(outbox.c.automatic, held)) if stopped else None
    rows = _QUEUE.claim(conn, owner, now, lease_seconds, limit, max_attempts, only=allowed)
    return [_operation(r) for r in rows]


def complete(
    conn: Connection,
    op_id: str,
    fence: int,
    now: datetime,
    *,
    remote_id: str | None = None,
    left: Mapping[str, str | None] | None = None,
    outcome: str | None = None,
) -> bool:
    """Mark an operation as done; False where the claim was lost meanwhile.

    `left`: the written fields as they were re-read afterwards.
    """
    facts = {"remote_id": remote_id, "fields_left": None if left is None else dict(left), "outcome": outcome}
    return _QUEUE.finish(conn, op_id, fence, {"state": DONE, "done_at": now, **facts})


def may_write(
    conn: Connection,
    operation: Operation,
    now: datetime,
    *,
    found: Mapping[str, str | None],
    says: bool,
    caps: Caps | None = None,
) -> bool:
    """Ask right before a write: is the claim still ours, and automation not paused?

    Keeps the fields as `found` before the first write (a retry does not replace them) and, where the
    write `says` something, the moment: from then on the comment may be there without our knowing.
    Raises `CapReachedError` where an automatic write of fields would be one too many for its project.
    """
    if operation.automatic and switches.paused(conn, operation.project):
        return False
    mine = and_(
        outbox.c.op_id == operation.op_id, outbox.c.fence == operation.fence, outbox.c.state == _QUEUE.busy
    )
    if conn.execute(select(outbox.c.op_id).where(mine).with_for_update()).first() is None:
        return False
    if found and operation.automatic:
        _act(conn, operation, mine, now, caps or Caps())
    if found:
        first = update(outbox).where(mine, outbox.c.fields_found.is_(null()))
        conn.execute(first.values(fields_found=dict(found)))
    if says:
        conn.execute(update(outbox).where(mine).values(said_at=now))
    return True


class CapReachedError(Exception):
    """No more tickets of this project may be written to alone for now; `seconds` until one may."""

    def __init__(self, project: str, most: int, window: str, seconds: float) -> None:
        super().__init__(f"waits: the cap of {most} automatic writes per {window} in {project} is reached")
        self.seconds = seconds


def _act(
    conn: Connection, operation: Operation, mine: ColumnElement[bool], now: datetime, caps: Caps
) -> None:
    """Count this operation as an automatic write, once however often it is tried."""
    if conn.execute(select(outbox.c.acted_at).where(mine)).scalar() is not None:
        return
    if caps.windows:
        take_turns(conn, f"caps {operation.project}")
    for length, most, window in caps.windows:
        acted = select(outbox.c.acted_at).where(
            outbox.c.project == operation.project, outbox.c.acted_at > now - length
        )
        latest = conn.execute(acted.order_by(outbox.c.acted_at.desc()).limit(most)).scalars().all()
        if len(latest) >= most:
            wait = (latest[-1] + length - now).total_seconds() if latest else length.total_seconds()
            raise CapReachedError(operation.project, most, window, max(1.0, wait))
    conn.execute(update(outbox).where(mine).values(acted_at=now))


def withdraw(conn: Connection, op_id: str, now: datetime) -> bool:
    """End what waits or was given up, because it is not wanted any more; False where it is being sent."""
    waiting = update(outbox).where(outbox.c.op_id == op_id, outbox.c.state.in_((NEW, DEAD)))
    return conn.execute(waiting.values(state=DONE, done_at=now, outcome="withdrawn")).rowcount == 1


def release(conn: Connection, owner: str, now: datetime) -> int:
    """Make everything that `owner` holds due again; return how much. Only for an owner that is gone."""
    return _QUEUE.release(conn, owner, now)


def fail(
    conn: Connection,
    op_id: str,
    fence: int,
    error: str,
    now: datetime,
    *,
    permanent: bool = False,
    retry_seconds: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    counted: bool = True,
) -> bool:
    """Note a failed attempt; False where the claim was lost meanwhile.

    `counted`: it uses up an attempt; what only had to wait does not. It is tried again after a doubling
    pause (or `retry_seconds`), and goes to `dead` when `permanent` or when `max_attempts` are used up.
    """
    attempts = conn.execute(select(outbox.c.attempts).where(outbox.c.op_id == op_id)).scalar() or 1
    pause = backoff(attempts) if retry_seconds is None else timedelta(seconds=retry_seconds)
    if not counted:
        mine = and_(outbox.c.op_id == op_id, outbox.c.fence == fence, outbox.c.state == _QUEUE.busy)
        conn.execute(update(outbox).where(mine).values(attempts=outbox.c.attempts - 1))
    return _QUEUE.fail(conn, op_id, fence, error, None if permanent else now + pause, max_attempts)


def get(conn: Connection, op_id: str) -> Operation | None:
    """Return one operation in whatever state."""
    row = conn.execute(select(outbox).where(outbox.c.op_id == op_id)).first()
    return None if row is None else _operation(row)


def of_ticket(conn: Connection, tenant: str, ticket_id: str) -> list[Operation]:
    """Return the operations of one ticket, oldest first."""
    mine = and_(outbox.c.tenant == tenant, outbox.c.ticket_id == ticket_id)
    query = select(outbox).where(mine).order_by(outbox.c.created_at, outbox.c.op_id)
    return [_operation(r) for r in conn.execute(query)]


def dead(conn: Connection, limit: int = 100) -> list[Operation]:
    """Return operations that were given up, oldest first: each needs a person."""
    query = select(outbox).where(outbox.c.state == DEAD).order_by(outbox.c.created_at, outbox.c.op_id)
    return [_operation(r) for r in conn.execute(query.limit(limit))]


def listed(conn: Connection, states: Collection[str], limit: int) -> list[Operation]:
    """Return operations in these states, oldest first, at most `limit`."""
    query = select(outbox).where(outbox.c.state.in_(states)).order_by(outbox.c.created_at, outbox.c.op_id)
    return [_operation(r) for r in conn.execute(query.limit(limit))]


def revive(conn: Connection, op_id: str, now: datetime) -> bool:
    """Give a dead operation a new set of attempts."""
    again = update(outbox).where(outbox.c.op_id == op_id, outbox.c.state == DEAD)
    return conn.execute(again.values(state=NEW, attempts=0, next_at=now)).rowcount == 1


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of operations per state: `new`, `sending`, `done`, `dead`."""
    return _QUEUE.counts(conn)


def oldest_waiting(conn: Connection) -> datetime | None:
    """Return when the oldest unfinished operation was created, or `None`."""
    waiting = or_(outbox.c.state == NEW, outbox.c.state == _QUEUE.busy)
    return conn.execute(select(func.min(outbox.c.created_at)).where(waiting)).scalar()


def _operation(row: Row[Any]) -> Operation:
    return Operation(
        op_id=row.op_id,
        tenant=row.tenant,
        ticket_id=row.ticket_id,
        kind=row.kind,
        payload=dict(row.payload),
        attempts=row.attempts,
        fence=row.fence,
        created_at=row.created_at,
        state=row.state,
        remote_id=row.remote_id,
        last_error=row.last_error,
        project=row.project,
        automatic=row.automatic,
        found=row.fields_found,
        left=row.fields_left,
        said_at=row.said_at,
        outcome=row.outcome,
    )
