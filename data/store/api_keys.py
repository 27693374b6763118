"""API keys as stored: whose, for what, until when. The key itself is never here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from data.access import Role
from data.store.schema import api_keys as table


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key. `tenant` is `None` where every client's data may be seen; `digest` is not shown to people;
    with `acts_for_people` it may name the person who ordered something."""

    key_id: str
    name: str
    role: Role
    tenant: str | None
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    acts_for_people: bool = False

    def good(self, now: datetime) -> bool:
        """Tell whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(conn: Connection, key: StoredKey) -> None:
    """Store a new key."""
    conn.execute(insert(table).values({name: getattr(key, name) for name in key.__slots__}))


def get(conn: Connection, key_id: str) -> StoredKey | None:
    """Return one key, good or not."""
    row = conn.execute(select(table).where(table.c.key_id == key_id)).first()
    return None if row is None else _stored(row)


def every(conn: Connection) -> list[StoredKey]:
    """Return all keys, oldest first."""
    return [_stored(r) for r in conn.execute(select(table).order_by(table.c.created_at, table.c.key_id))]


def revoke(conn: Connection, key_id: str, now: datetime) -> bool:
    """End a key; False where there is none that could be ended."""
    mine = update(table).where(table.c.key_id == key_id, table.c.revoked_at.is_(None))
    return conn.execute(mine.values(revoked_at=now)).rowcount == 1


def expire(conn: Connection, key_id: str, at: datetime) -> None:
    """Let a key end at `at`, unless it ends earlier anyway."""
    earlier = (table.c.expires_at.is_(None)) | (table.c.expires_at > at)
    conn.execute(update(table).where(table.c.key_id == key_id, earlier).values(expires_at=at))


def used(conn: Connection, key_id: str, now: datetime) -> None:
    """Note that a key was used."""
    conn.execute(update(table).where(table.c.key_id == key_id).values(last_used_at=now))


def _stored(row: Row[Any]) -> StoredKey:
    facts = {name: getattr(row, name) for name in StoredKey.__slots__}
    return StoredKey(**{**facts, "role": Role(row.role)})
