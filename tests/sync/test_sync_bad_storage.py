"""A database that does not take what is read stops the run with one clear message; a rerun completes it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import event, text

from data.clock import ManualClock
from data.errors import StorageError
from data.store import open_store, tickets
from data.sync import sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


def stored(url: str) -> int:
    with open_store(url) as store, store.read() as conn:
        return tickets.counts(conn)["tickets"]


class AfterPages:
    """A progress bar that does something once, after `pages` pages."""

    def __init__(self, pages: int, act: Any) -> None:
        self.left, self.act = pages, act

    def __call__(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        for item in items:
            self.left -= 1
            if self.left == 0:
                self.act()
            yield item


def test_a_database_locked_by_somebody_else_is_one_message_and_a_rerun_completes(
    tracker: Any, client: YouTrackClient, clock: ManualClock, sqlite_url: str
) -> None:
    for _ in range(20):
        tracker.desk.file()
    holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    with open_store(sqlite_url) as store:

        def short_wait(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA busy_timeout=50")

        event.listen(store.engine, "connect", short_wait)
        store.engine.dispose()
        lock = AfterPages(3, lambda: holder.execute("BEGIN IMMEDIATE"))
        with pytest.raises(StorageError, match="locked") as failed:
            sync(client, store, clock, project="PAY", progress=lock)
    assert "Another Firstline process" in failed.value.remedy
    holder.execute("ROLLBACK")
    assert stored(sqlite_url) > 0, "the pages before are kept"
    with open_store(sqlite_url) as store:
        assert sync(client, store, clock, project="PAY", progress=silent).missing == 0
    assert stored(sqlite_url) == 20


def test_a_database_that_became_read_only_keeps_what_it_has(
    tracker: Any, client: YouTrackClient, store: Any, clock: ManualClock
) -> None:
    for _ in range(20):
        tracker.desk.file()
    if store.engine.dialect.name == "sqlite":
        if os.geteuid() == 0:  # root may write anything: have SQLite itself refuse
            kind, words = "begin", "PRAGMA query_only=ON"
        else:
            path = Path(str(store.engine.url.database))
            path.chmod(stat.S_IRUSR)
            kind, words = "begin", "SELECT 1"
    else:
        kind, words = "begin", "SET TRANSACTION READ ONLY"
    armed: list[bool] = []

    def refuse(conn: Any) -> None:
        if armed:
            conn.exec_driver_sql(words)

    event.listen(store.engine, kind, refuse)
    with pytest.raises(StorageError, match=r"read-?only"):
        sync(client, store, clock, project="PAY", progress=AfterPages(3, lambda: armed.append(True)))
    armed.clear()
    with store.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM tickets")).scalar_one() > 0
    assert sync(client, store, clock, project="PAY", progress=silent).missing == 0
