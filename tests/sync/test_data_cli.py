"""The commands of the data room, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.directory_csv import read_people
from data.errors import BadInputError
from data.redact.directory import Person
from data.store import directory, open_store


def firstline(home: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from serving.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "FIRSTLINE_HOME": str(home), **env},
    )


def test_sync_and_ledger_from_the_command_line(tracker: Any, token: str, tmp_path: Path) -> None:
    for n in range(12):
        issue = tracker.desk.file(Issue_type="payslip_missing" if n else None)
        tracker.desk.change(issue, "State", "Resolved")
    access = {"FIRSTLINE_TRACKER_URL": tracker.url, "FIRSTLINE_TRACKER_TOKEN": token}
    first = firstline(tmp_path, "sync", "--json", **access)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert (report["mode"], report["stored_tickets"], report["missing"]) == ("full", 12, 0)
    assert first.stderr == "", "progress is silent where standard error is no terminal"
    again = firstline(tmp_path, "sync", **access)
    assert again.stdout.startswith("incremental sync: 0 tickets read, 0 changed")
    status = firstline(tmp_path, "ledger", "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["reasons"] == {"no_issue_type": 1}
    assert "12/12 recorded" in firstline(tmp_path, "ledger", "status").stdout


def test_an_unusable_tracker_is_one_message_and_exit_code_4(
    tracker: Any, unused_port: int, tmp_path: Path
) -> None:
    refused = firstline(tmp_path, "sync", FIRSTLINE_TRACKER_URL=tracker.url, FIRSTLINE_TRACKER_TOKEN="wrong")
    assert refused.returncode == 4
    assert "Invalid token" in refused.stderr and "FIRSTLINE_TRACKER_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr
    nobody = firstline(tmp_path, "sync", FIRSTLINE_TRACKER_URL=f"http://127.0.0.1:{unused_port}")
    assert nobody.returncode == 4
    assert nobody.stderr.count("\n") == 2, "the message and what to do, nothing else"


def test_a_directory_is_imported_and_bad_lines_are_named(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "employee_id,Name,email,shoe size\n"
        'E1,"Ann, Lee",ann@acme.example,38\n'
        "E2,,bob@acme.example,41\n"
        "E3,Cid\n"
        "\n"
        "E4,Dee,dee@acme.example,40\n",
        encoding="utf-8-sig",
    )
    done = firstline(tmp_path, "data", "directory", "import", str(file), "--client", "acme", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["people"] == 2
    assert f"{file}:3: the name is empty" in done.stderr
    assert f"{file}:4: 2 values for 4 columns" in done.stderr
    with open_store(f"sqlite:///{tmp_path / 'firstline.db'}") as store, store.read() as conn:
        assert directory.people(conn, "acme") == [
            Person("Ann, Lee", email="ann@acme.example", employee_id="E1", client="acme"),
            Person("Dee", email="dee@acme.example", employee_id="E4", client="acme"),
        ]


def test_a_name_may_span_lines_and_a_broken_quote_costs_what_it_swallows(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('name,address\n"Ann","1 Road\nTown"\nBob,"2" Road\nCid,3 Road\n')
    people, problems = read_people(file, "acme")
    assert [p.name for p in people] == ["Ann", "Cid"]
    assert people[0].address == "1 Road\nTown"
    assert [p.line for p in problems] == [4]


@pytest.mark.parametrize("content", [b"", b"email\nx@y\n", b"\xff\xfe\x00n"])
def test_a_file_that_is_no_directory_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(BadInputError) as refused:
        read_people(file, "acme")
    assert "name" in refused.value.remedy
    with pytest.raises(BadInputError):
        read_people(tmp_path / "absent.csv", "acme")
