"""A PostgreSQL user who is no superuser: row-level security holds for the backup and the restore too."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from data.store import Store, open_store, outbox, tenancy
from serving.cli import main

Run = Callable[..., tuple[int, str, str]]
Add = Callable[[Store, str], None]
Keys = Callable[[str], set[str]]
AT = datetime(2026, 6, 1, tzinfo=UTC)
FIVE = {f"e{n}" for n in range(5)}


@pytest.fixture
def owned(postgres_server: str) -> Iterator[tuple[str, str]]:
    """Give two databases of a user who is no superuser: row-level security holds for them too."""
    user, names = f"desk_{uuid.uuid4().hex[:8]}", [f"firstline_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {user} LOGIN CREATEROLE")
        for name in names:
            conn.execute(f'CREATE DATABASE "{name}" OWNER {user}')
    urls = [
        make_url(f"{postgres_server}/{n}").set(username=user).render_as_string(hide_password=False)
        for n in names
    ]
    yield urls[0], urls[1]
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        for name in names:
            conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        for role in conn.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'firstline_%'").fetchall():
            if any(name in role[0] for name in names):
                conn.execute(f'DROP ROLE "{role[0]}"')
        conn.execute(f"DROP ROLE {user}")


def test_an_ordinary_owner_saves_and_restores_every_client(
    owned: tuple[str, str], run_owned: Run, tmp_path: Path, add: Add, keys: Keys
) -> None:
    source, target = owned
    with open_store(source) as store:
        for n in range(5):
            add(store, f"e{n}")
        with store.write() as conn:
            for tenant in ("acme", "globex"):
                outbox.enqueue(conn, f"op-{tenant}", tenant, f"3-{tenant}", "fields", {}, AT)
    for again in ((), ("--replace",)):
        path = tmp_path / f"b{len(again)}.zip"
        code, out, err = run_owned("backup", path, url=source)
        assert code == 0, err
        assert "jobs 5" in out, "rows under row-level security are all there"
        code, _, err = run_owned("restore", path, *again, url=target)
        assert code == 0, err
        assert keys(target) == FIVE
        assert run_owned("audit", "verify", url=target)[0] == 0
    assert run_owned("restore", path, url=target)[0] == 7
    with psycopg.connect(target) as conn:
        everything = "SELECT op_id FROM outbox ORDER BY op_id"
        roles = tenancy.roles_for(str(make_url(target).database))
        conn.execute(
            "SELECT set_config('role', %s, true), set_config(%s, 'acme', true)",
            [roles.tenant, tenancy.SETTING],
        )
        assert conn.execute(everything).fetchall() == [("op-acme",)]
        conn.execute("SELECT set_config('role', %s, true)", [roles.desk])
        assert conn.execute(everything).fetchall() == [("op-acme",), ("op-globex",)]


@pytest.fixture
def run_owned(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def call(*args: object, url: str) -> tuple[int, str, str]:
        home = tmp_path / f"home-{make_url(url).database}"
        home.mkdir(exist_ok=True)
        monkeypatch.setenv("FIRSTLINE_HOME", str(home))
        monkeypatch.setenv("FIRSTLINE_DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["firstline", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        return int(ending.value.code or 0), *capsys.readouterr()

    return call
