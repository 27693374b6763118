"""The database after a crash: is it whole? And, where the server is our own, crashing that as well."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from sqlalchemy import Connection, and_, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from data.audit_verify import verify_within
from data.errors import StorageError
from data.store import Store, decisions, outbox
from data.store.database import parse_url
from data.store.metadata import metadata

_AMCHECK = "CREATE EXTENSION IF NOT EXISTS amcheck"
_INDEXES = """
SELECT c.relname, bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND a.amname = 'btree' AND n.nspname = 'public'"""
_HEAPS = """
SELECT c.relname, h.msg FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
LATERAL verify_heapam(c.oid) h WHERE c.relkind = 'r' AND n.nspname = 'public'"""


class Examination:
    """Looks a store's database through; for PostgreSQL with amcheck, where the server has it."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        parsed = parse_url(url)
        self._postgres = parsed.get_backend_name() == "postgresql"
        self._engine = create_engine(parsed, pool_pre_ping=True) if self._postgres else store.engine
        self.method = "integrity_check, foreign_key_check, audit chain"
        if self._postgres:
            self.method = f"{'amcheck' if self._has_amcheck() else 'reading'}, foreign keys, audit chain"

    def damage(self) -> list[str]:
        """Return what is wrong now, empty when nothing is."""
        self._store.engine.dispose()  # a connection from before the crash would look at its own memory
        try:
            return self._examined()
        except StorageError as error:  # too damaged to be read, or nobody lets us
            return [error.message]

    def _examined(self) -> list[str]:
        found = [p for p in self._store.check() if not p.startswith("note:")]
        found += self._amcheck() if self._postgres else []
        with self._store.read() as conn:
            found += _orphans(conn) if self._postgres else list(_sqlite(conn))
            audited = verify_within(conn)
            found += [f"audit: {p}" for p in audited.problems]
            decided, effects = sum(decisions.counts(conn).values()), sum(outbox.counts(conn).values())
        if decided != effects:
            found.append("decisions and effects differ in number")
        return found

    def _has_amcheck(self) -> bool:
        try:
            with self._engine.begin() as conn:
                conn.execute(text(_AMCHECK))
        except DBAPIError:
            return False
        return True

    def _amcheck(self) -> list[str]:
        if not self.method.startswith("amcheck"):
            return []
        try:
            with self._engine.begin() as conn:
                conn.execute(text(_INDEXES)).all()
                return [f"{name}: {said}" for name, said in conn.execute(text(_HEAPS))]
        except DBAPIError as error:
            return [f"amcheck: {str(error.orig).splitlines()[0]}"]


def _sqlite(conn: Connection) -> Iterator[str]:
    yield from (str(r[0]) for r in conn.execute(text("PRAGMA integrity_check")) if r[0] != "ok")
    yield from (f"{r[0]}: row {r[1]} without {r[2]}" for r in conn.execute(text("PRAGMA foreign_key_check")))


def _orphans(conn: Connection) -> list[str]:
    """Return what points to nothing, by every foreign key of the schema."""
    found = []
    for table in metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            parent = key.referred_table.alias()
            pairs = [(e.parent, parent.c[e.column.name]) for e in key.elements]
            missing = select(func.count()).select_from(
                table.outerjoin(parent, and_(*(child == there for child, there in pairs)))
            )
            given = [child.is_not(None) for child, _ in pairs]
            lost = conn.execute(missing.where(*given, pairs[0][1].is_(None))).scalar_one()
            found += [f"{lost} rows of {table.name} point to no {key.referred_table.name}"] if lost else []
    return found


class Server:
    """A PostgreSQL server of this machine that may be killed. `url`: a superuser's."""

    def __init__(self, url: str) -> None:
        with create_engine(parse_url(url)).connect() as conn:
            self._data, self._port, self._sockets = (
                str(conn.execute(text(f"SHOW {name}")).scalar_one())
                for name in ("data_directory", "port", "unix_socket_directories")
            )
        self._program = Path(psutil.Process(self._pid()).exe()).with_name("pg_ctl")
        self._user = Path(self._data).owner() if os.geteuid() == 0 else None

    def crash(self) -> None:
        """SIGKILL the server with all of its processes, then start it: it recovers from its log."""
        top = psutil.Process(self._pid())
        processes = [top, *top.children(recursive=True)]
        for process in processes:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=20)
        options = f"-c listen_addresses=127.0.0.1 -p {self._port} -k {self._sockets}"
        home = Path(self._data).parent
        words: list[str | Path] = [
            self._program,
            "-D",
            self._data,
            "-w",
            "-l",
            home / "log",
            "-o",
            options,
            "start",
        ]
        for _ in range(5):  # the kernel may take a moment to free what the dead held
            done = subprocess.run(words, user=self._user, cwd=home, stdout=subprocess.DEVNULL, check=False)
            if done.returncode == 0:
                return
            time.sleep(1)
        raise RuntimeError("PostgreSQL did not start again after its crash")

    def _pid(self) -> int:
        return int((Path(self._data) / "postmaster.pid").read_text().split()[0])
