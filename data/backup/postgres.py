"""The PostgreSQL side: rows as they stand in one snapshot, and rows back into tables that we made.

The archive holds rows, not statements, so a restore runs nothing that somebody could have put there, and
neither `pg_dump` nor its version matters. Tables come from this release's migrations, run up to the
backup's revision; roles and row-level security are made anew for the database restored into. The whole
restore is one transaction: running processes see the old state or the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from data.backup.archive import Archive, ArchiveWriter, damaged
from data.backup.manifest import Contents
from data.backup.sqlite import SEEDED, NotEmptyError
from data.errors import StorageError
from data.store import database, migrate, tenancy
from data.store.audit import Head

FOLDER, SUFFIX = "tables/", ".copy"
REVISION = "alembic_version"
_BLOCK = 1 << 20
_ONE_LOCK_MS = 200


def copy(url: URL, writer: ArchiveWriter) -> Contents:
    """Write every table, as it stands in one snapshot, as one part each. Raises `StorageError`.

    Nobody can migrate meanwhile; nobody else has to wait.
    """
    with _errors(), _engine(url) as engine, engine.connect() as gate, gate.begin():
        _limit_waiting(gate)
        migrate.lock(gate, shared=True)
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        # A second connection: the snapshot must not be older than the lock.
        with engine.connect().execution_options(**options) as conn, conn.begin():
            _limit_waiting(conn)
            if migrate.revision(conn) is None:
                raise StorageError(
                    "The database is empty: there is nothing to back up.",
                    remedy="Check FIRSTLINE_DATABASE_URL.",
                )
            roles = tenancy.find_roles(conn)
            if roles is not None:  # a database from before row-level security has none, and needs none
                tenancy.enter(conn, roles, None)
            for name in _tables(conn):
                if name != REVISION:
                    _save(conn, name, writer)
            return contents(conn)


@contextmanager
def transaction(url: URL) -> Iterator[Connection]:
    """Give a connection for a whole restore, as the owner of the database. Raises `StorageError`."""
    with _errors(), _engine(url) as engine, engine.begin() as conn:
        _limit_waiting(conn)
        migrate.lock(conn)
        yield conn


def contents(conn: Connection) -> Contents:
    """Return what the tables hold as far as this connection's role may see it."""
    names = _tables(conn)
    head = None
    if "audit_head" in names:
        found = conn.execute(text("SELECT seq, hash FROM audit_head")).first()
        head = None if found is None else Head(int(found.seq), str(found.hash))
    counts = {name: _count(conn, name) for name in names}
    columns = {name: _columns(conn, name) for name in names}
    return Contents(str(migrate.revision(conn)), counts, head, columns)


def make_room(conn: Connection, aside: str, *, replace: bool) -> bool:
    """Move tables that hold rows into the new schema `aside`, drop empty ones; True where any were moved.

    Raises `NotEmptyError` where there are rows and `replace` is not set, and `StorageError` for a
    database that is not Firstline's.
    """
    names = _tables(conn)
    if not names:
        return False
    if REVISION not in names:
        raise StorageError(
            "The database holds tables that are not Firstline's. Nothing was restored.",
            remedy="Name a database of Firstline's own.",
        )
    _hold(conn, names)
    roles = tenancy.find_roles(conn)
    if roles is not None:  # the owner himself sees no rows
        tenancy.enter(conn, roles, None)
    used = any(_count(conn, name) for name in names if name not in SEEDED)
    conn.execute(text("SET LOCAL ROLE NONE"))
    if used and not replace:
        raise NotEmptyError
    functions = _trigger_functions(conn)
    if used:
        place = _quoted(conn, aside)
        conn.execute(text(f"CREATE SCHEMA {place}"))
        moves = [f"ALTER TABLE {_quoted(conn, n)} SET SCHEMA {place}" for n in names]
        moves += [f"ALTER FUNCTION {f} SET SCHEMA {place}" for f in functions]
    else:
        moves = [f"DROP TABLE {', '.join(_quoted(conn, n) for n in names)}"]
        moves += [f"DROP FUNCTION {f}" for f in functions]
    for statement in moves:
        conn.execute(text(statement))
    return used


def load(conn: Connection, archive: Archive) -> None:
    """Make the tables of the backup's revision and fill them. Raises `BadInputError` and `StorageError`."""
    stated = archive.manifest.contents
    migrate.upgrade(conn, stated.schema)
    here = {name: set(_columns(conn, name)) for name in _tables(conn)}
    if here != {name: set(columns) for name, columns in stated.columns.items()}:
        raise damaged(archive.path, f"its tables are not those of schema {stated.schema}")
    order = [name for name, _ in inspect(conn).get_sorted_table_and_fkc_names() if name is not None]
    for name in order:  # what others refer to comes first
        if name != REVISION:
            _load(conn, name, archive)


def secure(conn: Connection, roles: tenancy.Roles | None) -> None:
    """Migrate to this release, close the tables by row-level security, go on with the desk's rights.

    `roles`: those of the former tables, which running processes know.
    """
    migrate.to_head(conn)
    tenancy.apply(conn, roles)
    tenancy.enter(conn, tenancy.find_roles(conn), None)


def _save(conn: Connection, name: str, writer: ArchiveWriter) -> None:
    columns = ", ".join(_quoted(conn, c) for c in _columns(conn, name))
    # A query, because COPY of a table itself is refused under row-level security.
    statement = f"COPY (SELECT {columns} FROM {_quoted(conn, name)}) TO STDOUT WITH (ENCODING 'UTF8')"
    part = writer.part(f"{FOLDER}{name}{SUFFIX}")
    with _raw(conn).cursor() as cursor, part as put, cursor.copy(statement) as rows:
        for block in rows:
            put(bytes(block))


def _load(conn: Connection, name: str, archive: Archive) -> None:
    table = _quoted(conn, name)
    columns = ", ".join(_quoted(conn, c) for c in archive.manifest.contents.columns[name])
    statement = f"COPY {table} ({columns}) FROM STDIN WITH (ENCODING 'UTF8')"
    # The audit log's triggers would refuse its rows; the migrations put first rows into some tables.
    conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    conn.execute(text(f"DELETE FROM {table}"))
    part = archive.part(f"{FOLDER}{name}{SUFFIX}")
    with _raw(conn).cursor() as cursor, part as file, cursor.copy(statement) as rows:
        while block := file.read(_BLOCK):
            rows.write(block)
    conn.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def _raw(conn: Connection) -> psycopg.Connection[Any]:
    raw = conn.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def _tables(conn: Connection) -> list[str]:
    return sorted(inspect(conn).get_table_names())


def _columns(conn: Connection, name: str) -> tuple[str, ...]:
    return tuple(c["name"] for c in inspect(conn).get_columns(name))


def _count(conn: Connection, name: str) -> int:
    return int(conn.execute(text(f"SELECT count(*) FROM {_quoted(conn, name)}")).scalar_one())


def _quoted(conn: Connection, name: str) -> str:
    return conn.dialect.identifier_preparer.quote_identifier(name)


def _trigger_functions(conn: Connection) -> list[str]:
    query = text(
        "SELECT DISTINCT p.oid::regprocedure::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal"
        " AND c.relnamespace = current_schema()::regnamespace AND p.pronamespace = c.relnamespace"
    )
    return [str(f) for f in conn.execute(query).scalars()]


def _hold(conn: Connection, names: list[str]) -> None:
    """Lock all tables against everybody, without a deadlock with transactions that are at work.

    What was locked is let go whenever one lock takes too long, sooner than PostgreSQL looks for deadlocks
    (1 s): it would end the other transaction, not the restore.
    """
    tables = ", ".join(_quoted(conn, n) for n in names)
    tries = max(1, database.BUSY_TIMEOUT_MS // _ONE_LOCK_MS)
    for left in reversed(range(tries)):
        try:
            with conn.begin_nested():
                conn.execute(text(f"SET LOCAL lock_timeout = {_ONE_LOCK_MS}"))
                conn.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
            break
        except DBAPIError as error:
            if not left or not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
    _limit_waiting(conn)


def _limit_waiting(conn: Connection) -> None:
    conn.execute(text(f"SET LOCAL lock_timeout = {int(database.BUSY_TIMEOUT_MS)}"))


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    options = {"connect_timeout": 10, "client_encoding": "utf8"}
    engine = create_engine(url, hide_parameters=True, connect_args=options)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise database.storage_error(error) from error
    except psycopg.Error as error:
        raise database.storage_error(DBAPIError(None, None, error)) from error
