"""`firstline triage` as other programs use it: the real command on a real bundle."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.decision import TriageDecision
from data.errors import BadInputError
from data.ticket import Ticket
from serving.contract import decision_from, parse_line, parse_ticket, result
from serving.lines import MAX_LINE, triage_lines

FIRSTLINE = str(Path(sys.executable).with_name("firstline"))
FIELDS = [
    *("id", "issue_type", "category", "priority", "team", "probability", "top"),
    *("priority_probability", "decision", "reason", "bundle", "priority_decision", "policy"),
]
GOOD = b'{"summary": "Payslip missing", "description": "My payslip for March is not in the portal."}'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, bundle_directory: Path) -> Path:
    path = tmp_path_factory.mktemp("home")
    (path / "bundles").mkdir()
    (path / "bundles" / bundle_directory.name).symlink_to(bundle_directory)
    (path / "bundles" / "champion").write_text(bundle_directory.name)
    return path


def run(home: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "FIRSTLINE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run([FIRSTLINE, *arguments], input=given, env=env, capture_output=True, timeout=120)


def objects(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_every_line_is_answered_in_order_and_bad_ones_do_not_stop_the_rest(home: Path) -> None:
    lines = [
        GOOD,
        b"not json",
        b'{"id": "T-9", "summary": "", "description": "", "client": null, "lang": "xx"}',
        b'\xff\xfe{"summary": 1}',
        b'{"summary": "a\\u0000b", "description": "x\\ud800y", "id": 17, "unknown": [1]}',
        b'{"summary": ["a"], "description": null, "id": true, "client": 4}',
        b'{"summary": "raw \x00 control", "description": ""}',
        b'["summary", "description"]',
        b"[" * 100_000,
        json.dumps({"summary": "long", "description": "payslip missing " * 6400}).encode(),
        GOOD,
    ]
    done = run(home, "triage", "-", given=b"\n".join(lines))
    assert done.returncode == 3
    found = objects(done.stdout)
    assert len(found) == len(lines)
    bad = [i for i, o in enumerate(found, start=1) if "error" in o]
    assert bad == [2, 4, 6, 7, 8, 9]
    assert all(o["line"] == i for i, o in enumerate(found, start=1) if "error" in o)
    assert all(list(o) == FIELDS for o in found if "error" not in o)
    assert [found[i]["id"] for i in (0, 2, 4, 9)] == ["1", "T-9", "17", "10"]
    for part in ("`summary` must be a string", "`description`", "`id`", "`client`"):
        assert part in found[5]["error"]
    assert found[2]["decision"] == "abstain"
    assert {k: v for k, v in found[0].items() if k != "id"} == {
        k: v for k, v in found[10].items() if k != "id"
    }
    assert b"Traceback" not in done.stderr


def test_good_lines_from_a_file_end_with_zero(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n\n" + GOOD + b"\n\n")
    done = run(home, "triage", str(path))
    assert (done.returncode, done.stderr) == (0, b"")
    first = objects(done.stdout)[0]
    assert first["issue_type"] == "payslip_missing"
    assert first["category"] == "payslips_documents"
    assert 0 < first["probability"] <= 1
    assert first["top"][0] == {"issue_type": "payslip_missing", "probability": first["probability"]}
    assert len(first["top"]) == 3
    assert [o["id"] for o in objects(done.stdout)] == ["1", "3"]


def test_nothing_in_gives_nothing_out(home: Path) -> None:
    done = run(home, "triage", "-")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_person_typing_gets_each_answer_at_once(home: Path) -> None:
    env = {**os.environ, "FIRSTLINE_HOME": str(home)}
    with subprocess.Popen(
        [FIRSTLINE, "triage"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(GOOD + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready
            assert json.loads(process.stdout.readline())["issue_type"] == "payslip_missing"
        process.stdin.close()
        assert process.wait(30) == 0


def test_ctrl_c_ends_with_130_and_one_line(home: Path) -> None:
    env = {**os.environ, "FIRSTLINE_HOME": str(home)}
    with subprocess.Popen(
        [FIRSTLINE, "triage"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        # A suite that was started in the background hands down that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(GOOD + b"\n")
        process.stdin.flush()
        process.stdout.readline()  # now it waits for the next line
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.decode().splitlines() == ["firstline: interrupted; run the same command again to continue."]


@pytest.mark.parametrize(
    ("breaking", "code", "says"),
    [
        (lambda b: (b.parent / "champion").unlink(), 5, "No bundle is promoted"),
        (lambda b: (b.parent / "champion").write_text("../etc"), 5, "no bundle here"),
        (lambda b: (b / "heads.safetensors").write_bytes(b"x"), 5, "heads.safetensors was changed"),
        (lambda b: (b / "engine.onnx").unlink(), 5, "engine.onnx is missing"),
        (lambda b: (b / "manifest.json").write_text("{"), 5, "manifest.json"),
    ],
)
def test_a_bundle_that_cannot_be_trusted_is_refused(
    breaking: Callable[[Path], object],
    code: int,
    says: str,
    tmp_path: Path,
    install: Callable[[Path], Path],
) -> None:
    breaking(install(tmp_path))
    done = run(tmp_path, "triage", "-", given=GOOD)
    words = done.stderr.decode()
    assert done.returncode == code
    assert says in words
    assert "What to do:" in words
    assert "Traceback" not in words
    assert done.stdout == b""


def test_usage_mistakes_are_explained(home: Path, tmp_path: Path) -> None:
    assert run(home, "triage", "--nope").returncode == 2
    missing = run(home, "triage", str(tmp_path / "none.jsonl"))
    assert missing.returncode == 3
    assert b"none.jsonl" in missing.stderr


def test_help_is_quick(home: Path) -> None:
    started = time.process_time(), time.perf_counter()
    done = run(home, "--help")
    assert done.returncode == 0
    assert b"triage" in done.stdout
    assert time.perf_counter() - started[1] < 3  # under 0.3 s on an idle core; the machine may be busy


def echo(tickets: Sequence[Ticket]) -> list[TriageDecision]:
    return [
        TriageDecision(
            t.id, "a", "b", "normal", "t", 0.5, (("a", 0.5),), 0.5, "suggest", "suggest", "why", "b", "p"
        )
        for t in tickets
    ]


def test_a_monstrous_line_is_an_error_and_the_next_is_read() -> None:
    source = io.BytesIO(b'{"summary": "' + b"x" * (2 * MAX_LINE) + b'"}\n' + GOOD + b"\n")
    sink = io.StringIO()
    assert triage_lines(source, sink, echo) == (1, 1)
    first, second = (json.loads(line) for line in sink.getvalue().splitlines())
    assert first["line"] == 1
    assert "longer than" in first["error"]
    assert second["id"] == "2"


@given(st.lists(st.binary(max_size=60).filter(lambda b: b"\n" not in b), max_size=150))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_one_answer_per_non_blank_line(lines: list[bytes]) -> None:
    sink = io.StringIO()
    good, bad = triage_lines(io.BytesIO(b"\n".join(lines)), sink, echo)
    answers = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert len(answers) == good + bad == sum(bool(line.strip()) for line in lines)


def test_results_survive_the_wire() -> None:
    decision = echo([Ticket("1", "a", "b")])[0]
    assert decision_from(json.loads(json.dumps(result(decision)))) == decision
    with pytest.raises(BadInputError):
        decision_from({"error": "x"})


def test_the_id_of_last_resort_is_the_line_number() -> None:
    assert parse_line(GOOD, 12).id == "12"
    assert parse_ticket({"summary": "", "description": "", "id": ""}, "3").id == "3"
    with pytest.raises(BadInputError, match="1,000,000"):
        parse_ticket({"summary": "x" * 1_000_001, "description": ""}, "1")
