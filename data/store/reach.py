"""Limiter and breaker of each tracker host, shared by every process and kept over restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from data.store.database import Store
from data.store.schema import tracker_reach
from data.youtrack.reach import Reach

T = TypeVar("T")


class StoredReach:
    """The state of one host in the database."""

    def __init__(self, store: Store, host: str) -> None:
        self._store, self._host = store, host

    def change(self, decide: Callable[[Reach], tuple[Reach, T]]) -> T:
        """Replace the state in one transaction; nothing changes where `decide` raises."""
        mine = tracker_reach.c.host == self._host
        with self._store.write() as conn:
            _begin(conn, self._host)
            row = conn.execute(select(tracker_reach).where(mine).with_for_update()).one()
            before = _reach(row)
            after, said = decide(before)
            if after != before:
                conn.execute(update(tracker_reach).where(mine).values(**asdict(after)))
        return said


def _begin(conn: Connection, host: str) -> None:
    """Make the host's row unless another process did."""
    values = {"host": host, **asdict(Reach())}
    if conn.dialect.name == "postgresql":
        conn.execute(postgresql.insert(tracker_reach).values(**values).on_conflict_do_nothing())
    else:
        conn.execute(sqlite.insert(tracker_reach).values(**values).on_conflict_do_nothing())


def find_all(conn: Connection) -> dict[str, Reach]:
    """Return the state of every host that was ever asked."""
    rows = conn.execute(select(tracker_reach).order_by(tracker_reach.c.host))
    return {row.host: _reach(row) for row in rows}


def _reach(row: object) -> Reach:
    return Reach(**{name: getattr(row, name) for name in asdict(Reach())})
