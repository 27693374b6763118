"""Statements that both databases know but SQLAlchemy spells per dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
MAX_KEYS = 500  # keys per IN list


def insert_or_ignore(conn: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    """Insert `rows`, leaving out those whose key exists."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        conn.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def insert_new(conn: Connection, table: Table, row: dict[str, object]) -> bool:
    """Insert one row and tell whether it is new; an existing key leaves the old row as it is."""
    # RETURNING, because a driver's row count after an INSERT is not reliable; needs SQLite 3.35.
    key = table.primary_key.columns.values()[0]
    if conn.dialect.name == "postgresql":
        new = postgresql.insert(table).values(row).on_conflict_do_nothing().returning(key)
        return conn.execute(new).first() is not None
    kept = sqlite.insert(table).values(row).on_conflict_do_nothing().returning(key)
    return conn.execute(kept).first() is not None


def one_writer(conn: Connection, table: Table) -> None:
    """Let transactions that write `table` take turns, as they do on SQLite anyway."""
    take_turns(conn, f"firstline.{table.name}")


def take_turns(conn: Connection, name: str) -> None:
    """Let transactions that ask by the same name run one after the other, as SQLite's writers do anyway."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def portions(keys: Sequence[T], size: int = MAX_KEYS) -> Iterator[Sequence[T]]:
    """Cut `keys` into slices short enough for one statement."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
