"""Bringing a database to the schema of this release."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from data.errors import StorageError
from data.store import tenancy

HEAD = "0011"
_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x46495253  # any constant: two processes that start together migrate one after the other


def revision(conn: Connection) -> str | None:
    """Return the schema version of the database, or `None` for an empty one."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def to_head(conn: Connection) -> None:
    """Migrate to `HEAD` inside the connection's transaction: all of it or nothing.

    Raises `StorageError` where the database was written by a newer release.
    """
    lock(conn)
    now = revision(conn)
    if now == HEAD:
        return
    if now is not None and now > HEAD:
        raise StorageError(
            f"The database has schema {now}; this release knows {HEAD}.",
            remedy="Use the newer Firstline release that wrote it, or restore a backup from before.",
        )
    tenancy.lift(conn)
    upgrade(conn, HEAD)
    tenancy.apply(conn)  # again after every upgrade: a new table cannot be forgotten


def lock(conn: Connection, *, shared: bool = False) -> None:
    """Keep others from migrating until the transaction ends; `shared`: together with others who do.

    SQLite needs none: its writers take turns anyway.
    """
    if conn.dialect.name == "postgresql":
        words = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        conn.execute(text(f"SELECT {words}(:key)"), {"key": _LOCK})


def upgrade(conn: Connection, to: str) -> None:
    """Run the migrations up to the revision `to`, without row-level security."""
    # Imported here because almost every start finds the schema up to date.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, to)


def problems(conn: Connection) -> list[str]:
    """Say where the schema is not the one of this release."""
    now = revision(conn)
    return [] if now == HEAD else [f"the schema is {now or 'empty'}, expected {HEAD}"]
