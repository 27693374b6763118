"""A restore under a process that keeps writing, and one that is killed: no committed row is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from data.store import Store, open_store

Run = Callable[..., tuple[int, str, str]]
Keys = Callable[[str], set[str]]

WRITER = """
import sys
import time
from datetime import UTC, datetime
from data.store import audit, inbox, open_store

now = datetime(2026, 6, 1, tzinfo=UTC)
store = open_store(sys.argv[1])
n = 0
while True:
    n += 1
    with store.write() as conn:
        inbox.accept(conn, f"w{n}", b"{}", now, room=1_000_000)
        audit.record(conn, actor="cli", action="key.created", subject=f"w{n}", at=now)
    print(f"w{n}", flush=True)
    time.sleep(0.01)
"""
ROOT = Path(__file__).parents[2]


def set_aside(url: str, aside: str) -> set[str]:
    if url.startswith("sqlite"):
        with open_store(f"sqlite:///{aside}") as store, store.read() as conn:
            return set(conn.execute(text("SELECT event_key FROM inbox")).scalars())
    with open_store(url) as store, store.engine.connect() as conn:
        schema = aside.removeprefix("schema ")
        return set(conn.execute(text(f"SELECT event_key FROM {schema}.inbox")).scalars())


def test_a_writer_that_goes_on_during_a_restore_loses_nothing(
    desk: Store, run: Run, database_url: str, keys: Keys, tmp_path: Path
) -> None:
    assert run("backup", tmp_path / "b.zip")[0] == 0
    command = [sys.executable, "-c", WRITER, database_url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    try:
        promised = [writer.stdout.readline().strip() for _ in range(5)]
        code, out, err = run("restore", tmp_path / "b.zip", "--replace", "--json")
        assert code == 0, err
        time.sleep(0.5)
        assert writer.poll() is None, "it goes on in the restored store"
    finally:
        writer.kill()
        promised += writer.stdout.read().split("\n")[:-1]
        writer.wait(timeout=30)
        writer.stdout.close()
    before, now = set_aside(database_url, json.loads(out)["aside"]), keys(database_url)
    assert set(promised) <= before | now, "what the writer was told is committed is in one of them"
    assert set(promised) & before
    assert set(promised) & now
    assert not set(promised) & before & now
    code, out, _ = run("audit", "verify")
    assert code == 0, out


@pytest.mark.parametrize("after", [0.3, 0.6, 0.9, 1.2])
def test_a_killed_restore_changes_nothing_or_everything(
    desk: Store, run: Run, database_url: str, keys: Keys, tmp_path: Path, after: float
) -> None:
    assert run("backup", tmp_path / "b.zip")[0] == 0
    with desk.write() as conn:
        conn.execute(text("DELETE FROM inbox WHERE event_key = 'e0'"))
    before = keys(database_url)
    env = {**os.environ, "FIRSTLINE_HOME": str(tmp_path / "home"), "FIRSTLINE_DATABASE_URL": database_url}
    program = [sys.executable, "-c", "from serving.cli import main; main()"]
    running = subprocess.Popen(
        [*program, "restore", str(tmp_path / "b.zip"), "--replace"],
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    time.sleep(after)
    running.kill()
    running.wait(timeout=30)
    found = keys(database_url)
    assert found in (before, before | {"e0"})
    assert [p for p in desk.check() if not p.startswith("note:")] == []
    assert run("restore", tmp_path / "b.zip", "--replace")[0] == 0, "the same command works afterwards"
    assert run("audit", "verify")[0] == 0
