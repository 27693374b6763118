"""Opening the store: engine, transactions, migrations.

SQLite is written by several processes (service, worker, command line), so:

- every writing transaction starts with `BEGIN IMMEDIATE` and waits up to 30 s for its turn; a
  transaction that reads first and writes later fails at once under contention instead of waiting;
- `synchronous=FULL`: what was committed survives a power cut (inbox and outbox rely on it);
- no `mmap_size`;
- SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when several connections write and
  checkpoint at once ("WAL reset"). There the rollback journal is used, which never had that bug; from
  3.51.3 on it is WAL. The price is that a long read makes writers wait, so reads are kept short.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from data.errors import SettingsError, StorageError
from data.store import audit, guard, migrate, tenancy

WAL_IS_SAFE_FROM = (3, 51, 3)
BUSY_TIMEOUT_MS = 30_000
_READ_ONLY = "firstline_read_only"


class Store:
    """An open, migrated database. Safe to share between threads; one per process."""

    def __init__(self, engine: Engine, roles: tenancy.Roles | None = None) -> None:
        self.engine, self._roles = engine, roles

    def tenant(self, tenant: str) -> TenantStore:
        """Return the store as one client may see it. Raises `ValueError` for an empty name."""
        return TenantStore(self, tenant)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for the whole desk; it commits at the end, or rolls back on any exception."""
        with self._writing(None) as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent snapshot and cannot write. Keep it short."""
        with self._reading(None) as conn:
            yield conn

    @contextmanager
    def _writing(self, tenant: str | None) -> Iterator[Connection]:
        with _storage_errors(), self.engine.connect() as plain:
            conn = plain.execution_options(**{audit.WAITING: []})
            with conn.begin():
                tenancy.enter(conn, self._roles, tenant)
                with guard.keeping_to(conn, tenant):
                    yield conn
                if tenant is not None:  # the audit log is the desk's
                    tenancy.enter(conn, self._roles, None)
                audit.settle(conn)  # last, so that the chain is locked only for the commit

    @contextmanager
    def _reading(self, tenant: str | None) -> Iterator[Connection]:
        options: dict[str, Any] = {_READ_ONLY: True}
        if self.engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with _storage_errors(), self.engine.connect() as plain:
            conn = plain.execution_options(**options)
            with conn.begin():
                tenancy.enter(conn, self._roles, tenant)
                with guard.keeping_to(conn, tenant):
                    yield conn

    def check(self) -> list[str]:
        """Return what is wrong with the database, empty when nothing is.

        An entry that starts with `note:` is a warning: nothing is broken.
        """
        with self.read() as conn:
            found = migrate.problems(conn)
            if self.engine.dialect.name != "sqlite":
                return found
            answers = [str(row[0]) for row in conn.execute(text("PRAGMA quick_check"))]
        found += [f"SQLite integrity: {a}" for a in answers if a != "ok"]
        if not wal_is_safe():
            found.append(
                f"note: SQLite {sqlite3.sqlite_version} can corrupt write-ahead logs under several"
                " writers (fixed in 3.51.3); the rollback journal is used instead, which is slower."
            )
        return found

    def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TenantStore:
    """The store inside one client's walls: other clients' rows do not exist here.

    Statements name the tenant (`guard`), and on PostgreSQL the database itself keeps to it (`tenancy`).
    """

    def __init__(self, store: Store, tenant: str) -> None:
        if not tenant:
            raise ValueError("a tenant has a name")
        self._store, self.tenant = store, tenant

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for this client; it commits at the end, or rolls back on any exception."""
        with self._store._writing(self.tenant) as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for this client that sees one snapshot and cannot write. Keep it short."""
        with self._store._reading(self.tenant) as conn:
            yield conn


def open_store(url: str) -> Store:
    """Open the database at `url`, creating the SQLite directory and migrating to the newest schema.

    `url`: `sqlite:///path` or `postgresql://user:password@host/name`. Raises `SettingsError` for an
    unusable URL and `StorageError` where the database cannot be opened, written or migrated.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite(parsed)
    else:
        engine = create_engine(
            parsed, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 10}
        )
        event.listen(engine, "handle_error", _without_the_row)
    guard.watch(engine)
    try:
        with _storage_errors(), engine.connect() as conn, conn.begin():
            migrate.to_head(conn)
            roles = tenancy.find_roles(conn) if engine.dialect.name == "postgresql" else None
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, roles)


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether this SQLite may be written by several processes in WAL mode."""
    return version >= WAL_IS_SAFE_FROM


def parse_url(url: str) -> URL:
    """Return the database URL with its driver. Raises `SettingsError` for a wrong or unsupported one."""
    remedy = "Set FIRSTLINE_DATABASE_URL to sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The URL may hold a password, so it is not repeated.
        raise SettingsError("The database URL is not a URL.", remedy=remedy) from None
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(f"The database {backend!r} is not supported.", remedy=remedy)


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError(
            "The store needs a database file: several processes use it.",
            remedy="Set FIRSTLINE_DATABASE_URL to sqlite:///PATH.",
        )
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The directory {path.parent} cannot be created: {error.strerror}.",
            remedy="Set FIRSTLINE_HOME to a directory that you may write to.",
        ) from None
    # What is bound to a statement is what people wrote; an error that quotes it would carry it into logs.
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _without_the_row(context: ExceptionContext) -> None:
    """Take PostgreSQL's DETAIL off an error: it quotes the whole row that was refused."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\nDETAIL:")[0], *error.args[1:])


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's driver must not start transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    # Set first: changing the journal mode needs a lock, too.
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal_is_safe() else 'TRUNCATE'}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(conn: Connection) -> None:
    read_only = bool(conn.get_execution_options().get(_READ_ONLY))
    conn.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
    conn.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise storage_error(error) from error


def storage_error(error: DBAPIError) -> StorageError:
    """Say what the database refused, without repeating statements or values (they hold ticket text)."""
    words = str(error.orig).strip().splitlines()[0] if error.orig and str(error.orig).strip() else "no reason"
    lowered = words.lower()
    if "full" in lowered or "no space" in lowered:
        remedy = "Free disk space, then run the same command again; nothing half-written was kept."
    elif "locked" in lowered or "lock timeout" in lowered:
        remedy = "Another Firstline process held the database for over 30 s; stop it or try again."
    elif any(w in lowered for w in ("readonly", "read-only", "unable to open", "permission")):
        remedy = "Check that the database, and with SQLite its directory, may be written by this user."
    elif "disk i/o error" in lowered:  # also what SQLite says of a quota or a limit on file sizes
        remedy = (
            "The disk failed or a quota is used up: free disk space, look at the system's log, try again."
        )
    elif "malformed" in lowered or "not a database" in lowered:
        remedy = "The file is damaged: restore it from a backup, or move it away and run `firstline sync`."
    elif "connect" in lowered or "password" in lowered or "does not exist" in lowered:
        remedy = "Check FIRSTLINE_DATABASE_URL and that the database server runs."
    else:
        remedy = "Run `firstline doctor`; if it finds nothing, report this message."
    return StorageError(f"The database refused: {words}", remedy=remedy)


def tables(store: Store) -> list[str]:
    """Return the names of all tables, sorted."""
    return sorted(inspect(store.engine).get_table_names())
