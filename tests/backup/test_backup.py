"""What was backed up comes back: counts, audit chain, configuration, whatever others write meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from data.store import Store, open_store, switches

Run = Callable[..., tuple[int, str, str]]
Add = Callable[[Store, str], None]
Keys = Callable[[str], set[str]]

WRITER = """
import sys
from datetime import UTC, datetime
from data.store import audit, inbox, jobs, open_store

now = datetime(2026, 6, 1, tzinfo=UTC)
store = open_store(sys.argv[1])
n = 0
while True:
    n += 1
    with store.write() as conn:
        inbox.accept(conn, f"w{n}", b"{}", now, room=1_000_000)
        jobs.enqueue(conn, f"w{n}", "triage", {}, now)
        audit.record(conn, actor="cli", action="key.created", subject=f"w{n}", at=now)
    print(n, flush=True)
"""


def test_what_was_saved_comes_back_elsewhere(
    desk: Store, run: Run, elsewhere: str, tmp_path: Path, add: Add, keys: Keys
) -> None:
    code, out, _ = run("backup", tmp_path / "b.zip", "--json")
    saved = json.loads(out)
    assert code == 0
    assert (saved["counts"]["inbox"], saved["counts"]["audit"]) == (5, 5)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    add(desk, "later")  # not in the backup

    code, out, err = run("restore", tmp_path / "b.zip", "--json", url=elsewhere)
    assert code == 0, err
    done = json.loads(out)
    assert done["counts"] == saved["counts"]
    assert done["audit_head"] == saved["audit_head"]
    assert keys(elsewhere) == {f"e{n}" for n in range(5)}
    code, out, _ = run("audit", "verify", "--json", url=elsewhere)
    verdict = json.loads(out)
    assert (code, verdict["intact"], verdict["rows"]) == (0, True, 7)
    assert verdict["hash"] == done["head"]["hash"]


def test_after_a_restore_automation_is_paused_and_says_so(
    desk: Store, run: Run, elsewhere: str, tmp_path: Path
) -> None:
    run("backup", tmp_path / "b.zip")
    _, out, _ = run("restore", tmp_path / "b.zip", url=elsewhere)
    assert "Automation is PAUSED" in out
    with open_store(elsewhere) as store, store.read() as conn:
        assert switches.paused(conn, "PAY")
    _, out, _ = run("audit", "list", "--limit", "2", url=elsewhere)
    assert "store.restored" in out
    assert "automation.paused" in out


def test_a_used_store_is_replaced_only_on_request_and_set_aside(
    desk: Store, run: Run, database_url: str, tmp_path: Path, add: Add, keys: Keys
) -> None:
    run("audit", "head", "--export")
    run("backup", tmp_path / "b.zip")
    add(desk, "later")
    run("audit", "head", "--export")  # a head that the restored log does not reach any more

    code, out, err = run("restore", tmp_path / "b.zip")
    assert (code, out) == (7, "")
    assert "is not empty" in err
    assert "--replace" in err
    assert "later" in keys(database_url)

    code, out, err = run("restore", tmp_path / "b.zip", "--replace", "--json")
    assert code == 0, err
    assert keys(database_url) == {f"e{n}" for n in range(5)}
    assert run("audit", "verify")[0] == 0
    add(desk, "again")  # a process that had the store open all the time goes on in the restored one
    assert "again" in keys(database_url)
    assert run("audit", "verify")[0] == 0
    aside = json.loads(out)["aside"]
    if database_url.startswith("sqlite"):
        assert "later" in keys(f"sqlite:///{aside}")
    else:
        with desk.engine.connect() as conn:
            assert (
                conn.execute(text(f"SELECT count(*) FROM {aside.removeprefix('schema ')}.inbox")).scalar()
                == 6
            )


def test_a_backup_while_another_process_writes_holds_whole_transactions(
    desk: Store, run: Run, database_url: str, elsewhere: str, tmp_path: Path, keys: Keys
) -> None:
    command = [sys.executable, "-c", WRITER, database_url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert writer.stdout is not None
    try:
        writer.stdout.readline()
        codes = [run("backup", tmp_path / f"{n}.zip")[0] for n in range(3)]
        writer.stdout.readline()
        assert writer.poll() is None, "it was writing all the time"
    finally:
        writer.kill()
        writer.wait(timeout=30)
        writer.stdout.close()
    assert codes == [0, 0, 0]
    code, out, err = run("restore", tmp_path / "2.zip", "--json", url=elsewhere)
    assert code == 0, err
    counts = json.loads(out)["counts"]
    assert counts["inbox"] == counts["jobs"] == counts["audit"] > 5
    assert len(keys(elsewhere)) == counts["inbox"]
    assert run("audit", "verify", url=elsewhere)[0] == 0


def test_configuration_comes_along_without_secrets(
    desk: Store, run: Run, elsewhere: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "bundles" / "b-1").mkdir(parents=True)
    (home / "bundles" / "champion").write_text("b-1\n")
    canary = "perm:canary-of-a-token"
    (home / "firstline.toml").write_text(
        f'tracker_token = "{canary}"\nproject = "PAY"\npoll_seconds = 2.5\n'
        f'tracker_url = "https://user:{canary}@tracker.example"\n'
        f'webhook_secret = "{canary}-and-thirty-two-characters"\n'
    )
    assert run("backup", tmp_path / "b.zip")[0] == 0
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert not [n for n in archive.namelist() if canary.encode() in archive.read(n)]
    code, out, err = run("restore", tmp_path / "b.zip", url=elsewhere)
    assert code == 0, err
    assert "Configuration put back: firstline.toml" in out
    assert "Bundle not installed here: b-1" in out
    text_ = (tmp_path / "elsewhere" / "firstline.toml").read_text()
    assert 'project = "PAY"' in text_
    assert "poll_seconds = 2.5" in text_


def test_an_existing_file_is_not_overwritten(desk: Store, run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")
    code, _, err = run("backup", tmp_path / "b.zip")
    assert code == 7
    assert "exists already" in err
    assert (tmp_path / "b.zip").read_text() == "mine"


def test_a_directory_gets_a_file_named_after_the_moment(desk: Store, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    assert run("backup", folder)[0] == 0
    assert run("backup")[0] == 0
    assert [p.suffix for p in folder.iterdir()] == [".zip"], "no temporary file stays"
    assert len(list((tmp_path / "home" / "backups").glob("firstline-*.zip"))) == 1
