"""A desk with some rows, the command line, and a second database to restore into."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from data.store import Store, audit, inbox, jobs, open_store
from serving.cli import main

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


def _add(store: Store, key: str) -> None:
    with store.write() as conn:
        inbox.accept(conn, key, b"{}", NOW, room=1_000_000)
        jobs.enqueue(conn, key, "triage", {"of": key}, NOW)
        audit.record(conn, actor="cli", action="key.created", subject=key, at=NOW)


@pytest.fixture
def add() -> Callable[[Store, str], None]:
    """Write one transaction: an event, its job, its row in the audit log."""
    return _add


@pytest.fixture
def keys() -> Callable[[str], set[str]]:
    """Return the events that the database at a URL holds."""
    return _keys


@pytest.fixture
def desk(store: Store) -> Store:
    for n in range(5):
        _add(store, f"e{n}")
    return store


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, database_url: str
) -> Run:
    """Run a command; `url` names another database, with a home of its own."""

    def call(*args: object, url: str = database_url) -> tuple[int, str, str]:
        home = tmp_path / ("home" if url == database_url else "elsewhere")
        home.mkdir(exist_ok=True)
        monkeypatch.setenv("FIRSTLINE_HOME", str(home))
        monkeypatch.setenv("FIRSTLINE_DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["firstline", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(ending.value.code or 0), out, err

    return call


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of another database of the same kind that does not hold a table yet."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'elsewhere' / 'other.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"firstline_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    yield f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _keys(url: str) -> set[str]:
    with open_store(url) as store, store.read() as conn:
        return {key for key, _ in inbox.pending(conn, limit=1_000_000)}
