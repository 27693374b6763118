"""Where synchronisation stands: small JSON values by key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from data.store.schema import sync_state


def get(conn: Connection, key: str) -> Any | None:
    """Return the value of `key`, or `None`."""
    return conn.execute(select(sync_state.c.value).where(sync_state.c.key == key)).scalar()


def put(conn: Connection, key: str, value: Any) -> None:
    """Set the value of `key`."""
    conn.execute(delete(sync_state).where(sync_state.c.key == key))
    conn.execute(insert(sync_state), {"key": key, "value": value})


# The name that the rooms agreed on; inside this module it would hide the built-in.
set = put
