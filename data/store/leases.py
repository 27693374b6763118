"""Work handed out with a lease and a fence: at least once, and never finished by a stale owner.

A row waits (`new`) until its moment, is claimed (`busy` state) for a limited time, and ends `done` or
`dead`. Every claim raises the row's fence; finishing needs the fence of the claim, so a worker that
lost its lease cannot overwrite its successor's result. An expired lease is claimable again. A row that
failed `max_attempts` times, or whose owner vanished as often, goes to `dead` and stays there to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select, true, update

NEW, DONE, DEAD = "new", "done", "dead"
MAX_ATTEMPTS = 8
_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Queue:
    """How one table of leased work is laid out: its key, the time column, the name of the busy state.

    Rows of one tenant that share the column `lane` are handed out one at a time, in the order they came.
    """

    table: Table
    key: str
    due: str
    busy: str
    lane: str | None = None

    @property
    def _due(self) -> ColumnElement[Any]:
        return self.table.c[self.due]

    def _first_in_lane(self, now: datetime) -> ColumnElement[bool]:
        t, ahead = self.table, self.table.alias()
        if self.lane is None:
            return true()
        sooner = or_(
            ahead.c.created_at < t.c.created_at,
            and_(ahead.c.created_at == t.c.created_at, ahead.c[self.key] < t.c[self.key]),
        )
        same = and_(ahead.c.tenant == t.c.tenant, ahead.c[self.lane] == t.c[self.lane])
        waits = and_(ahead.c.state.in_((NEW, self.busy)), sooner)
        # What came later by its clock may be under way already: clocks differ, and moments may be equal.
        held = and_(ahead.c.state == self.busy, ahead.c.lease_until > now, ahead.c[self.key] != t.c[self.key])
        return ~select(ahead.c[self.key]).where(same, or_(waits, held)).exists()

    def claim(
        self,
        conn: Connection,
        owner: str,
        now: datetime,
        lease_seconds: float,
        limit: int,
        max_attempts: int,
        *,
        only: ColumnElement[bool] | None = None,
    ) -> list[Row[Any]]:
        """Take up to `limit` due rows (among `only`), oldest first, for `lease_seconds`.

        Buries exhausted ones.
        """
        t = self.table
        ready = or_(
            and_(t.c.state == NEW, self._due <= now), and_(t.c.state == self.busy, t.c.lease_until <= now)
        )
        # PostgreSQL: rows that another worker is claiming are skipped. SQLite has one writer anyway.
        query = select(t.c.tenant, t.c[self.key], t.c.attempts).where(ready, self._first_in_lane(now))
        if only is not None:
            query = query.where(only)
        query = query.order_by(self._due, t.c.created_at, t.c[self.key])
        taken: list[Row[Any]] = []
        for tenant, key, attempts in conn.execute(query.limit(limit).with_for_update(skip_locked=True)).all():
            mine = and_(t.c.tenant == tenant, t.c[self.key] == key)
            if attempts >= max_attempts:
                lost = func.coalesce(t.c.last_error, "the worker stopped before it finished")
                buried = update(t).where(mine).values(state=DEAD, last_error=lost, lease_owner=None)
                conn.execute(buried.values(lease_until=None))
                continue
            claimed = (
                update(t)
                .where(mine)
                .values(
                    state=self.busy,
                    attempts=t.c.attempts + 1,
                    fence=t.c.fence + 1,
                    lease_owner=owner,
                    lease_until=now + timedelta(seconds=lease_seconds),
                )
            )
            taken.append(conn.execute(claimed.returning(*t.c)).one())
        return taken

    def finish(self, conn: Connection, key: str, fence: int, values: dict[str, Any]) -> bool:
        """Write `values` and give the lease back; False, changing nothing, where the fence is stale."""
        t = self.table
        mine = and_(t.c[self.key] == key, t.c.fence == fence, t.c.state == self.busy)
        done = update(t).where(mine).values(**values, lease_owner=None, lease_until=None)
        return conn.execute(done).rowcount == 1

    def fail(
        self,
        conn: Connection,
        key: str,
        fence: int,
        error: str,
        retry_at: datetime | None,
        max_attempts: int,
    ) -> bool:
        """Put the row back until `retry_at`, or bury it (no `retry_at`, or attempts used up)."""
        t = self.table
        attempts = conn.execute(select(t.c.attempts).where(t.c[self.key] == key)).scalar()
        dead = retry_at is None or attempts is None or attempts >= max_attempts
        values: dict[str, Any] = {"state": DEAD if dead else NEW, "last_error": error[:_ERROR_CHARS]}
        if not dead:
            values[self.due] = retry_at
        return self.finish(conn, key, fence, values)

    def release(self, conn: Connection, owner: str, now: datetime) -> int:
        """Put back, due `now`, what `owner` holds; the fences rise, so it cannot finish anything."""
        t = self.table
        held = update(t).where(t.c.lease_owner == owner, t.c.state == self.busy)
        free = {"state": NEW, self.due: now, "fence": t.c.fence + 1, "lease_owner": None, "lease_until": None}
        return conn.execute(held.values(free)).rowcount

    def counts(self, conn: Connection) -> dict[str, int]:
        """Return the number of rows per state; states without rows are 0."""
        found = dict.fromkeys((NEW, self.busy, DONE, DEAD), 0)
        for state, n in conn.execute(select(self.table.c.state, func.count()).group_by(self.table.c.state)):
            found[state] = n
        return found


def backoff(attempts: int, *, first: float = 2.0, most: float = 300.0) -> timedelta:
    """Return the pause after the given number of attempts (1 or more): doubling, at most `most` seconds."""
    return timedelta(seconds=min(most, first * 2.0 ** (max(attempts, 1) - 1)))
