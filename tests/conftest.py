"""Shared fixtures: a fresh store on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, settings
from planted import DATABASE_PASSWORD
from sqlalchemy import make_url

from data.clock import ManualClock
from data.store import Store, open_store

pytest_plugins = ["canary_watch"]

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)

# Chosen by `make mutants`: the same examples each time, and no work on making a found one smaller.
settings.register_profile(
    "mutants", phases=[Phase.explicit, Phase.generate], derandomize=True, database=None, deadline=None
)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """Give a TCP port of this machine that nobody listens on."""
    return _free_port()


@pytest.fixture
def unused_port() -> int:
    """Give another such port, for tests whose server took the first."""
    return _free_port()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(scope="session")
def postgres_server(canary_watch: Any) -> Iterator[str]:
    """Give the URL of a PostgreSQL server without a database name: a running one or our own."""
    given = os.environ.get("FIRSTLINE_TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/")
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not found:
        pytest.fail(
            "PostgreSQL's server binaries are missing: `apt-get install postgresql`,"
            " or set FIRSTLINE_TEST_POSTGRES_URL=postgresql://user:password@host."
        )
    yield from _own_server(found[-1].parent, canary_watch)


def _own_server(binaries: Path, canary_watch: Any) -> Iterator[str]:
    # PostgreSQL refuses to run as root; Debian's package brings the user `postgres`.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="firstline-pg-"))
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    port = _free_port()
    facts = {"check": True, "user": user, "cwd": home, "capture_output": True}
    initdb = [binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*initdb, "--no-sync", "--locale=C.UTF-8"], **facts)
    # Fast, not durable: the databases live for one test.
    speed = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    # What is in a refused row is nobody's business in a log; a real server should be set so too.
    speed += " -c log_error_verbosity=terse"
    options = f"{speed} -c listen_addresses=127.0.0.1 -p {port} -k {home}"
    start = [binaries / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log", "-o", options, "start"]
    subprocess.run(start, **(facts | {"capture_output": False, "stdout": subprocess.DEVNULL}))
    try:
        # The server trusts everybody here; the password is there to be found where it must not be.
        yield f"postgresql://postgres:{DATABASE_PASSWORD}@127.0.0.1:{port}"
    finally:
        subprocess.run([binaries / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop"], **facts)
        canary_watch.see("log of PostgreSQL", (home / "log").read_text(errors="replace"))
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Give the name of a migrated, empty database that tests copy."""
    name = f"firstline_template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    open_store(f"{postgres_server}/{name}").close()
    return name


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str, canary_watch: Any) -> Iterator[str]:
    """Give the URL of a fresh PostgreSQL database, migrated and empty."""
    name = f"firstline_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    yield str(make_url(f"{postgres_server}/{name}").render_as_string(hide_password=False))
    canary_watch.see_database(f"{postgres_server}/{name}")
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of a fresh SQLite database file."""
    return f"sqlite:///{tmp_path / 'firstline.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a fresh database, once per supported kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated, empty SQLite file that tests copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "firstline.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(database_url: str, sqlite_template: Path) -> Iterator[Store]:
    """Give a fresh store, once on SQLite and once on PostgreSQL."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        shutil.copyfile(sqlite_template, str(url.database))
    opened = open_store(database_url)
    yield opened
    opened.close()
