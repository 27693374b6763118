"""The SQLite side: copying a database that others write, and putting a copy in the place of one.

A copy is taken by SQLite's online backup in one step under a read lock: copied in several steps it would
start anew with every write of another process. Restoring into a readable database is one transaction in
it, so that processes that have it open see the old state or the new one. A damaged one is moved aside
together with its journals instead; whoever has that one open must be stopped.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from data.backup.archive import sync_directory
from data.backup.manifest import Contents
from data.errors import StorageError
from data.store import database, migrate
from data.store.audit import Head

FILE = "store.db"
SEEDED = frozenset({"alembic_version", "audit_head"})
"""Tables that have rows in a database that nobody used yet."""
_SIDECARS = ("-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Found:
    """The database that a restore would replace. `schema` is `None` where it cannot be read."""

    exists: bool
    schema: str | None = None
    rows: int = 0

    @property
    def replaceable_in_place(self) -> bool:
        return self.exists and self.schema is not None and self.schema <= migrate.HEAD


def copy(source: Path, into: Path) -> Contents:
    """Copy the database `source` as it stands at one moment into the new file `into`, and check the copy.

    Waits up to 30 s for its turn, and never writes the source. Raises `StorageError`.
    """
    if not source.is_file():
        raise StorageError(
            f"There is no database at {source}.", remedy="Set FIRSTLINE_HOME or FIRSTLINE_DATABASE_URL."
        )
    with _errors(), closing(_connect(source)) as origin:
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the lock
        with closing(_connect(into)) as target:
            origin.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, no write-ahead log beside it
    return inspect(into)


def inspect(path: Path) -> Contents:
    """Return what the database file holds. Raises `StorageError` where it is damaged or not Firstline's."""
    with _errors(), closing(_connect(path)) as conn:
        answers = [str(row[0]) for row in conn.execute("PRAGMA integrity_check(3)")]
        if answers != ["ok"]:
            raise StorageError(
                f"The database is damaged: {answers[0].splitlines()[0]}.",
                remedy="Restore an earlier backup, or move the database away and run `firstline sync`.",
            )
        counts = _counts(conn)
        if "alembic_version" not in counts or counts["alembic_version"] != 1:
            raise StorageError(
                f"{path.name} is not a Firstline database.", remedy="Check FIRSTLINE_DATABASE_URL."
            )
        schema = str(conn.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        head = None
        if "audit_head" in counts:
            found = conn.execute("SELECT seq, hash FROM audit_head").fetchone()
            head = None if found is None else Head(int(found[0]), str(found[1]))
    return Contents(schema=schema, counts=counts, audit=head, columns={})


def find(path: Path) -> Found:
    """Look at the place where a restore would put its database."""
    if not path.exists():
        return Found(exists=False)
    try:
        with closing(_connect(path)) as conn:
            counts = _counts(conn)
            row = None
            if "alembic_version" in counts:
                row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            return Found(exists=True, rows=1)
        raise database.storage_error(DBAPIError(None, None, error)) from error
    rows = sum(n for name, n in counts.items() if name not in SEEDED)
    return Found(exists=True, schema=str(row[0]) if row else (None if counts else "0000"), rows=rows)


def put_in_place(staged: Path, path: Path, aside: Path, *, replace: bool) -> bool:
    """Give the migrated database `path` all rows of the equally migrated `staged`, in one transaction.

    What it held is copied to `aside` first, under the same lock; True where there was anything. Raises
    `StorageError`, leaving everything as it was; `NotEmptyError` without `replace` where rows came in.
    """
    used = False
    with _errors(), closing(_connect(path)) as conn:
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("ATTACH DATABASE ? AS restored", (str(staged),))
        conn.execute("BEGIN IMMEDIATE")
        try:
            used = any(n for name, n in _counts(conn).items() if name not in SEEDED)
            if used and not replace:
                raise NotEmptyError
            if used:
                _set_aside(path, aside)
            _replace_rows(conn)
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            if used and replace:
                aside.unlink(missing_ok=True)  # what it copied is still in its place
            raise
    return used


def swap(staged: Path, path: Path, aside: Path) -> None:
    """Move a database that cannot be read aside, with its journals, and put `staged` in its place."""
    for suffix in ("", *_SIDECARS):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    staged.replace(path)
    sync_directory(path.parent)


class NotEmptyError(Exception):
    """Somebody wrote the database while the restore was being prepared."""


def _connect(path: Path) -> sqlite3.Connection:
    # `isolation_level=None`: transactions are ours to begin.
    wait = database.BUSY_TIMEOUT_MS / 1000
    conn = sqlite3.connect(path, timeout=wait, isolation_level=None)
    conn.execute("PRAGMA trusted_schema=OFF")  # a file from elsewhere runs no functions of its own
    return conn


def _names(conn: sqlite3.Connection, schema: str = "main") -> list[str]:
    rows = conn.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'")
    return sorted(str(r[0]) for r in rows if not str(r[0]).startswith("sqlite_"))


def _counts(conn: sqlite3.Connection) -> dict[str, int]:
    return {n: int(conn.execute(f"SELECT count(*) FROM {_quoted(n)}").fetchone()[0]) for n in _names(conn)}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _set_aside(path: Path, aside: Path) -> None:
    """Copy the database as it was; another connection holds the lock against writers, not readers."""
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_connect(path)) as origin, closing(_connect(aside)) as target:
            origin.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _replace_rows(conn: sqlite3.Connection) -> None:
    names = _names(conn, "restored")
    if names != _names(conn):
        raise StorageError(
            "The database and the backup have different tables.",
            remedy="Move the database away and restore again.",
        )
    conn.execute("PRAGMA defer_foreign_keys=ON")
    # The triggers that keep the audit log append-only are put back in the same transaction.
    triggers = conn.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        conn.execute(f"DROP TRIGGER main.{_quoted(name)}")
    for name in names:
        table = _quoted(name)
        columns = ", ".join(_quoted(str(r[1])) for r in conn.execute(f"PRAGMA main.table_info({table})"))
        conn.execute(f"DELETE FROM main.{table}")
        conn.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM restored.{table}")
    for _, sql in triggers:
        conn.execute(sql)
    if conn.execute("PRAGMA main.foreign_key_check").fetchone() is not None:
        raise StorageError(
            "The backup holds rows that belong to no ticket.", remedy="Restore another backup."
        )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise database.storage_error(DBAPIError(None, None, error)) from error
