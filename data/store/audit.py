"""The audit log: who did what to what, append-only, chained by hashes.

`record` is called inside the transaction of what it records, so both are committed or neither. The rows
of one transaction are appended at its very end, by `Store.write`: on PostgreSQL the chain's head is
locked there, and a lock that is taken last and held only for the commit can neither deadlock with the
locks taken before nor hold up slow work. SQLite has one writer anyway.

Triggers refuse to change or delete rows. Whoever can drop triggers can still not hide a change: the
chain shows edits, deletions, insertions and new orders, and heads exported to a file outside the
database (`data.audit_heads`) show a cut tail or a chain computed anew.

Facts hold ids, counts and names of settings: never ticket text, secrets or people's names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, func, insert, select, update

from data.errors import StorageError
from data.store.audit_chain import GENESIS, Fact, Row, canonical_facts, link
from data.store.columns import clean, to_micros
from data.store.schema import audit, audit_head

WAITING = "firstline_audit"
"""The execution option of a connection that holds what its transaction will append at its end."""
_ACTION = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")
_MOST = 300  # characters of one string: an id or a reason, not a text
_NO_FACTS: Mapping[str, Fact] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the number of rows and the hash of the last one."""

    seq: int
    hash: str


def record(
    conn: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    tenant: str | None = None,
    facts: Mapping[str, Fact] = _NO_FACTS,
) -> None:
    """Have one action appended with the transaction of `conn`.

    `actor`: `key:<id>`, `local`, `worker`, `cli` or `tracker:<login>`; `action`: dotted lower-case words
    such as `automation.paused`; `subject`: the id of what it was done to. Strings are cut at 300
    characters. Raises `ValueError` or `TypeError` for anything else, before anything is written.
    """
    if not actor or not _ACTION.fullmatch(action):
        raise ValueError("an audit row needs an actor and a dotted action")
    to_micros(at)
    short = {name: _short(v) if isinstance(v, str) else v for name, v in facts.items()}
    entry = Row(
        seq=0,
        at=at,
        actor=_short(actor),
        tenant=None if tenant is None else clean(tenant),
        action=action,
        subject=_short(subject),
        facts=canonical_facts(short),
        hash="",
    )
    waiting: list[Row] | None = conn.get_execution_options().get(WAITING)
    if waiting is None or conn.in_nested_transaction():  # a savepoint may still be rolled back
        _append(conn, [entry])
    else:
        waiting.append(entry)


def settle(conn: Connection) -> None:
    """Append what this transaction recorded so far; `Store.write` does it before the commit."""
    waiting: list[Row] | None = conn.get_execution_options().get(WAITING)
    if waiting:
        _append(conn, waiting)
        waiting.clear()


def head(conn: Connection) -> Head:
    """Return the end of the chain. Raises `StorageError` where it was removed."""
    return _head(conn, lock=False)


def newest(
    conn: Connection,
    *,
    limit: int = 100,
    before: int | None = None,
    action: str | None = None,
    actor: str | None = None,
    tenant: str | None = None,
    subject: str | None = None,
) -> list[Row]:
    """Return rows, newest first; `before` is a sequence number, `action` also matches what starts so."""
    settle(conn)
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if action is not None:
        query = query.where(audit.c.action.startswith(action, autoescape=True))
    for column, value in ((audit.c.actor, actor), (audit.c.tenant, tenant), (audit.c.subject, subject)):
        if value is not None:
            query = query.where(column == value)
    return [Row(*r) for r in conn.execute(query)]


def page(conn: Connection, after: int, limit: int) -> list[Row]:
    """Return up to `limit` rows in order, from the one after sequence number `after`."""
    query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
    return [Row(*r) for r in conn.execute(query)]


def extent(conn: Connection) -> tuple[int, int]:
    """Return how many rows there are and the highest sequence number (0 without rows)."""
    rows, last = conn.execute(select(func.count(), func.max(audit.c.seq)).select_from(audit)).one()
    return rows, last or 0


def _append(conn: Connection, entries: Sequence[Row]) -> None:
    end = _head(conn, lock=True)
    rows = list(_chained(end, entries))
    conn.execute(insert(audit), [{c.name: getattr(r, c.name) for c in audit.c} for r in rows])
    conn.execute(update(audit_head).values(seq=rows[-1].seq, hash=rows[-1].hash))


def _chained(end: Head, entries: Sequence[Row]) -> Iterator[Row]:
    previous = end.hash
    for seq, entry in enumerate(entries, end.seq + 1):
        numbered = replace(entry, seq=seq)
        previous = link(previous, numbered)
        yield replace(numbered, hash=previous)


def _head(conn: Connection, *, lock: bool) -> Head:
    query = select(audit_head.c.seq, audit_head.c.hash)
    found = conn.execute(query.with_for_update() if lock else query).first()
    if found is None:
        raise StorageError(
            "The audit log has lost its head.",
            remedy="Somebody changed the database by hand: restore a backup with `firstline restore`.",
        )
    return Head(found.seq, found.hash)


def _short(text: str) -> str:
    return clean(text)[:_MOST]


__all__ = ["GENESIS", "Fact", "Head", "Row", "extent", "head", "newest", "page", "record", "settle"]
