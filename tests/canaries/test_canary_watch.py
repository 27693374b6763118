"""The watch can fail: what leaks on purpose is named with its output and its test, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary_watch import LEGITIMATE, Watch
from planted import IBAN, SECRETS, Canaries

from data.api_key import new_key

HERE = Path(__file__).parent
LEAKS = """
import logging, os, sqlite3, subprocess, sys, warnings, zipfile
from pathlib import Path
import httpx, pyarrow, pyarrow.parquet, pytest
from typer.testing import CliRunner
import typer
from planted import DATABASE_PASSWORD, EMAIL, IBAN, NAME, PHONE, SENTENCE, TRACKER_TOKEN, WEBHOOK_SECRET
from data.api_key import new_key
from data.errors import StorageError

def test_printed(): print("hello", TRACKER_TOKEN)
def test_captured(capsys):
    print(EMAIL)
    assert capsys.readouterr().out
def test_logged_at_debug(): logging.getLogger("some.part").debug("row %s", SENTENCE)
def test_logged_traceback():
    try: raise ValueError(NAME)
    except ValueError: logging.getLogger("part").exception("it broke")
def test_child():
    code = "import os; print(os.environ['WHAT'])"
    env = {**os.environ, "WHAT": WEBHOOK_SECRET}
    subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
def test_lines_of_a_child():
    command = [sys.executable, "-c", f"print({PHONE!r})"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline()
def test_command():
    app = typer.Typer()
    @app.command()
    def go(): typer.echo(new_key(os.urandom))
    CliRunner().invoke(app, [])
def test_problem():
    def answer(request):
        kind = {"content-type": "application/problem+json"}
        return httpx.Response(400, json={"detail": IBAN}, headers=kind)
    httpx.Client(transport=httpx.MockTransport(answer)).get("http://x/v1/triage")
def test_metrics():
    answer = httpx.MockTransport(lambda request: httpx.Response(200, text="up{client=\\"" + NAME + "\\"} 1"))
    httpx.Client(transport=answer).get("http://x/metrics")
def test_error():
    with pytest.raises(StorageError):
        raise StorageError(f"postgresql://me:{DATABASE_PASSWORD}@db", remedy="none")
def test_warned(): warnings.warn(EMAIL, stacklevel=1)
def test_log_file(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").write_text(f"triaged {SENTENCE}")
def test_params(tmp_path):
    with sqlite3.connect(tmp_path / "mlflow.db") as db:
        db.execute("CREATE TABLE params (key TEXT, value TEXT)")
        db.execute("INSERT INTO params VALUES ('who', ?)", (NAME,))
def test_dataset(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["IBAN " + IBAN]}), tmp_path / "rows.parquet")
def test_backup(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", DATABASE_PASSWORD)
def test_audit_row(tmp_path):
    with sqlite3.connect(tmp_path / "firstline.db") as db:
        for name in ("alembic_version", "outbox", "tickets", "audit_log"):
            db.execute(f"CREATE TABLE {name} (facts TEXT)")
            db.execute(f"INSERT INTO {name} VALUES (?)", (SENTENCE,))
"""
CLEAN = """
from planted import NAME
import sqlite3
def test_nothing(capsys):
    print("hello")
    assert NAME
def test_the_tickets_themselves(tmp_path):
    with sqlite3.connect(tmp_path / "firstline.db") as db:
        for name in ("alembic_version", "outbox", "tickets"):
            db.execute(f"CREATE TABLE {name} (text TEXT)")
        db.execute("INSERT INTO tickets VALUES (?)", (NAME,))
"""


@pytest.fixture
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    # Not below this session's own folder: what leaks there on purpose would fail the session.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="leaks-") as folder:

        def run(text: str) -> tuple[int, str]:
            (Path(folder) / "test_leaks.py").write_text(text)
            (Path(folder) / "pytest.ini").write_text("[pytest]\n")
            path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "canary_watch",
                "-p",
                "no:cacheprovider",
                "--disable-warnings",
            ]
            done = subprocess.run(
                [*command, f"--basetemp={folder}/base", "test_leaks.py"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                timeout=120,
            )
            return done.returncode, done.stdout + done.stderr

        yield run


def test_every_leak_is_named_with_its_test(suite: object) -> None:
    code, told = suite(LEAKS)  # type: ignore[operator]
    assert code == 1, told
    names = [line.split("(")[0].removeprefix("def ") for line in LEAKS.splitlines() if line[:8] == "def test"]
    assert len(names) == 16 and f"{len(names)} passed" in told
    report = told[told.index("canaries that came out") :]
    for name in names:
        assert f"::{name}\n" in report or f"test {name}0\n" in report, (name, report)
    assert "in log of some.part" in report and "table audit_log" in report
    assert "table tickets" not in report


def test_what_leaks_nothing_passes(suite: object) -> None:
    code, told = suite(CLEAN)  # type: ignore[operator]
    assert (code, "canaries: none came out" in told) == (0, True), told


def test_spellings_are_found_and_words_that_go_on_are_not() -> None:
    canaries = Canaries()
    canaries.plant("somebody", "Ann Löwe")
    for text in (
        "by Ann Löwe.",
        '"Ann L\\u00f6we"',
        "name=Ann%20L%C3%B6we&x",
        "Ann Löwe".encode().decode("latin-1"),
    ):
        assert [label for label, _ in canaries.within(text)] == ["somebody"], text
    grouped = " ".join(IBAN[i : i + 4] for i in range(0, len(IBAN), 4))
    assert [label for label, _ in canaries.within(grouped)] == ["IBAN"]
    assert [label for label, _ in canaries.within(f"key {new_key(os.urandom)}")] == ["API key"]
    assert not list(canaries.within("Joann Löwe, Ann Löwenstein, fl_short_key, perm:"))


def test_a_report_does_not_repeat_what_it_found() -> None:
    watch = Watch()
    for value in SECRETS.values():
        watch.see("somewhere", f"before {value} after")
    assert len(watch.leaks) >= len(SECRETS)
    assert not any(value in leak.around for leak in watch.leaks.values() for value in SECRETS.values())


def test_every_exception_says_why() -> None:
    assert all(len(entry.why) > 20 for entry in LEGITIMATE)
