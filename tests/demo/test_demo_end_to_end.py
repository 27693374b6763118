"""The demo itself, small: interrupted in the middle, continued, and measured."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SMALL = ["--months", "3", "--tickets-per-day", "30", "--exit"]
SHARES = ("handled", "applied_share", "issue_type_accuracy", "category_accuracy", "priority_accuracy")


def _environ(home: Path) -> dict[str, str]:
    ports = []
    for _ in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(str(probe.getsockname()[1]))
    names = ("FIRSTLINE_SERVICE_PORT", "FIRSTLINE_SANDBOX_PORT", "FIRSTLINE_MLFLOW_PORT")
    # A real tracker and database in the environment must not be touched by a demo.
    real = {
        "FIRSTLINE_TRACKER_URL": "https://tracker.invalid",
        "FIRSTLINE_DATABASE_URL": "postgresql://nowhere/x",
    }
    return {**os.environ, **real, "FIRSTLINE_HOME": str(home), **dict(zip(names, ports, strict=True))}


def _start(environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("firstline")), "demo", *SMALL]
    return subprocess.Popen(
        command,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_demo_interrupted_while_training_continues_and_reports(tmp_path: Path) -> None:
    environ, home = _environ(tmp_path / "home"), tmp_path / "home"
    first = _start(environ)
    state = home / "demo" / "state.json"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (
        state.is_file() and "dataset" in json.loads(state.read_text())["results"]
    ):
        time.sleep(0.5)
    time.sleep(8)  # training has begun
    os.killpg(first.pid, signal.SIGINT)  # what a terminal's Ctrl-C does
    _, words = first.communicate(timeout=90)
    assert first.returncode == 130, words
    assert "Traceback" not in words
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or [])]

    second = _start(environ)
    out, words = second.communicate(timeout=1200)
    assert second.returncode == 0, words
    assert "sync       done earlier" in words
    report = json.loads((home / "demo" / "report.json").read_text())
    assert report["handled"]["value"] == 1.0
    assert report["tickets"] == report["handled"]["n"] > 400
    for share in SHARES:
        low, high = report[share]["interval"]
        assert low <= report[share]["value"] <= high
    assert {"ece", "ece_null", "dataset", "bundle", "urls", "seconds", "peak_rss_mib"} <= set(report)
    assert "handled" in out
