"""What cannot be backed up or restored is refused in one sentence, and everything stays as it was."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from data.backup.archive import opened
from data.errors import BadInputError
from data.store import Store, database, migrate, open_store
from data.store.database import parse_url, wal_is_safe

Run = Callable[..., tuple[int, str, str]]
Add = Callable[[Store, str], None]
Keys = Callable[[str], set[str]]
FIVE = {f"e{n}" for n in range(5)}

SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from serving.cli import main
sys.argv[1:2] = []
main()
"""


@pytest.fixture
def saved(desk: Store, run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "saved.zip"
    assert run("backup", path)[0] == 0
    return path


def rewritten(archive: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write the archive anew with changed parts; `None` leaves one out. Its own checksums fit again."""
    changed = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return changed


def truncated(archive: Path) -> Path:
    path = archive.with_name("short.zip")
    path.write_bytes(archive.read_bytes()[:-200])
    return path


def flipped(archive: Path) -> Path:
    content = bytearray(archive.read_bytes())
    content[len(content) // 3] ^= 0x10
    path = archive.with_name("flipped.zip")
    path.write_bytes(content)
    return path


def other_content(archive: Path) -> Path:
    return rewritten(archive, lambda name, old: old if name == "manifest.json" else old + b"x")


def part_missing(archive: Path) -> Path:
    first = "store.db", "tables/inbox.copy"
    return rewritten(archive, lambda name, old: None if name in first else old)


def other_counts(archive: Path) -> Path:
    return rewritten(archive, lambda _, old: old.replace(b'"inbox": 5', b'"inbox": 6'))


@pytest.mark.parametrize("harm", [truncated, flipped, other_content, part_missing, other_counts])
def test_a_damaged_backup(
    saved: Path, run: Run, database_url: str, keys: Keys, harm: Callable[[Path], Path]
) -> None:
    code, out, err = run("restore", harm(saved), "--replace")
    assert (code, out) == (3, "")
    assert "is damaged" in err
    assert "Nothing was restored" in err
    assert keys(database_url) == FIVE


def test_a_file_that_is_no_backup(run: Run, desk: Store, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("notes.txt", "notes")
    for name in ("notes.txt", "other.zip"):
        code, _, err = run("restore", tmp_path / name, "--replace")
        assert code == 3
        assert f"{name} is not a Firstline backup" in err
    for name in ("missing.zip", "."):
        code, _, err = run("restore", tmp_path / name, "--replace")
        assert code == 3
        assert "cannot be read" in err


@pytest.fixture(scope="module")
def one_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    open_store(f"sqlite:///{folder / 'firstline.db'}").close()
    env = {**os.environ, "FIRSTLINE_HOME": str(folder), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", "from serving.cli import main; main()", "backup", folder / "b.zip"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return folder / "b.zip"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_is_found_or_changes_nothing(one_backup: Path, data: st.DataObject) -> None:
    content = bytearray(one_backup.read_bytes())
    with opened(one_backup) as archive:
        before = archive.manifest
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    changed = one_backup.with_name("changed.zip")
    changed.write_bytes(content)
    try:
        with opened(changed) as archive:
            assert archive.manifest == before
    except BadInputError as refused:
        assert "damaged" in refused.message or "not a Firstline backup" in refused.message


def set_schema(url: str, revision: str) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


def test_a_backup_from_a_newer_release(
    desk: Store, run: Run, database_url: str, elsewhere: str, tmp_path: Path
) -> None:
    set_schema(database_url, "9999")
    assert run("backup", tmp_path / "b.zip")[0] == 0, "a backup does not need to understand the schema"
    code, _, err = run("restore", tmp_path / "b.zip", url=elsewhere)
    assert code == 3
    assert f"The backup has schema 9999; this release knows {migrate.HEAD}" in err


def test_a_database_of_a_newer_release_is_set_aside(
    saved: Path, run: Run, database_url: str, keys: Keys
) -> None:
    set_schema(database_url, "9999")
    assert run("restore", saved)[0] == 7
    code, out, err = run("restore", saved, "--replace")
    assert code == 0, err
    assert "What was there before" in out
    assert keys(database_url) == FIVE


def test_a_backup_from_an_older_release_is_migrated(run: Run, elsewhere: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    engine = create_engine(parse_url(elsewhere))
    with engine.begin() as conn:
        migrate.upgrade(conn, "0001")
        conn.execute(text("INSERT INTO inbox (event_key, body, received_at) VALUES ('old', '{}', 1)"))
    engine.dispose()
    code, _, err = run("backup", tmp_path / "b.zip", url=elsewhere)
    assert code == 0, err
    engine = create_engine(parse_url(elsewhere))
    with engine.connect() as conn:
        assert migrate.revision(conn) == "0001", "a backup does not migrate what it reads"
    engine.dispose()
    code, out, err = run("restore", tmp_path / "b.zip")
    assert code == 0, err
    assert "schema 0001" in out
    assert run("audit", "verify")[0] == 0


def test_a_full_disk(saved: Path, run: Run, database_url: str, keys: Keys, tmp_path: Path) -> None:
    home = tmp_path / "small"
    home.mkdir()
    env = {
        **os.environ,
        "FIRSTLINE_HOME": str(home),
        "FIRSTLINE_DATABASE_URL": database_url,
        "PYTHONPATH": str(Path.cwd()),
    }
    commands: list[tuple[str, ...]] = [("backup", str(home / "b.zip"))]
    if database_url.startswith("sqlite"):
        commands.append(("restore", str(saved), "--replace"))
    for command in commands:
        ran = subprocess.run(
            [sys.executable, "-c", SMALL_DISK, "2000", *command], env=env, capture_output=True, text=True
        )
        assert ran.returncode == 7, ran.stderr
        assert "free disk space" in ran.stderr.lower()
        assert "Traceback" not in ran.stderr
    assert list(home.iterdir()) == [], "nothing half-written stays"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".firstline")]
    assert keys(database_url) == FIVE


def test_a_locked_database(
    saved: Path, run: Run, database_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)
    with holding(database_url):
        code, _, err = run("restore", saved, "--replace")
        assert (code, "over 30 s" in err) == (7, True), err
        if not wal_is_safe() or not database_url.startswith("sqlite"):  # else readers are never locked out
            code, _, err = run("backup", tmp_path / "b.zip")
            assert (code, "over 30 s" in err) == (7, True), err
    assert not (tmp_path / "b.zip").exists()
    assert not list(tmp_path.glob("*before-restore*"))
    assert keys(database_url) == FIVE


def holding(url: str) -> psycopg.Connection | Held:
    if url.startswith("sqlite"):
        return Held(str(make_url(url).database))
    conn = psycopg.connect(url)
    conn.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
    return conn


class Held:
    """Holds an SQLite database's lock inside a `with` block."""

    def __init__(self, path: str) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> None:
        self._conn.execute("BEGIN EXCLUSIVE")

    def __exit__(self, *_: object) -> None:
        self._conn.execute("ROLLBACK")
        self._conn.close()


def test_a_read_only_database(saved: Path, run: Run, database_url: str, keys: Keys, tmp_path: Path) -> None:
    if database_url.startswith("sqlite"):
        if os.geteuid() == 0:
            pytest.skip("root may write everything")
        file = Path(str(make_url(database_url).database))
        file.chmod(0o400)
    else:
        name = make_url(database_url).database
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert run("backup", tmp_path / "b.zip")[0] == 0, "reading is enough for a backup"
    code, _, err = run("restore", saved, "--replace")
    assert code == 7
    assert "may be written by this user" in err
    assert not list(tmp_path.glob("*before-restore*"))


def test_a_damaged_sqlite_database_is_moved_aside(
    sqlite_url: str, tmp_path: Path, run_sqlite: Run, keys: Keys, add: Add
) -> None:
    with open_store(sqlite_url) as store:
        add(store, "e0")
    assert run_sqlite("backup", tmp_path / "b.zip")[0] == 0
    file = Path(str(make_url(sqlite_url).database))
    file.write_bytes(b"garbage" * 2000)
    file.with_name(file.name + "-journal").write_bytes(b"old journal")
    code, _, err = run_sqlite("backup", tmp_path / "c.zip")
    assert code == 7
    assert "damaged" in err
    assert run_sqlite("restore", tmp_path / "b.zip")[0] == 7
    assert file.read_bytes() == b"garbage" * 2000
    code, _, err = run_sqlite("restore", tmp_path / "b.zip", "--replace")
    assert code == 0, err
    assert keys(sqlite_url) == {"e0"}
    (aside,) = (p for p in tmp_path.glob("*before-restore*") if not p.name.endswith("-journal"))
    assert aside.read_bytes() == b"garbage" * 2000


@pytest.fixture
def run_sqlite(run: Run, sqlite_url: str) -> Run:
    return lambda *args: run(*args, url=sqlite_url)


@pytest.fixture
def database_url_of_other_kind(database_url: str, request: pytest.FixtureRequest) -> str:
    other = "postgres_url" if database_url.startswith("sqlite") else "sqlite_url"
    return str(request.getfixturevalue(other))


def test_a_backup_of_the_other_kind_of_database(
    saved: Path, run: Run, database_url_of_other_kind: str
) -> None:
    code, _, err = run("restore", saved, "--replace", url=database_url_of_other_kind)
    assert code == 3
    assert "the configured database is" in err


def test_nothing_to_back_up(run: Run, elsewhere: str, tmp_path: Path) -> None:
    code, _, err = run("backup", tmp_path / "b.zip", url=elsewhere)
    assert code == 7
    assert "no database" in err or "is empty" in err
    assert not (tmp_path / "b.zip").exists()


def test_an_audit_log_changed_by_hand_is_not_restored(
    desk: Store, run: Run, elsewhere: str, tmp_path: Path
) -> None:
    with desk.write() as conn:
        if conn.dialect.name == "sqlite":
            conn.execute(text("DROP TRIGGER audit_no_update"))
        else:
            conn.execute(text("SET LOCAL ROLE NONE"))
            conn.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        conn.execute(text("UPDATE audit SET subject = 'other' WHERE seq = 3"))
    assert run("backup", tmp_path / "b.zip")[0] == 0
    code, _, err = run("restore", tmp_path / "b.zip", url=elsewhere)
    assert code == 3
    assert "changed by hand: row 3" in err
    if elsewhere.startswith("sqlite"):
        assert not Path(str(make_url(elsewhere).database)).exists()
