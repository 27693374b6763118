"""`firstline up` and `firstline doctor` as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from data.clock import ManualClock, SystemClock
from data.settings import read_settings
from serving.children import Child, Command
from serving.up import commands

FIRSTLINE = str(Path(sys.executable).with_name("firstline"))


@pytest.fixture
def environ(tmp_path: Path, install: Any, desk: Any, free_port: int) -> dict[str, str]:
    install(tmp_path)
    return {
        **os.environ,
        "FIRSTLINE_HOME": str(tmp_path),
        "FIRSTLINE_SERVICE_PORT": str(free_port),
        "FIRSTLINE_TRACKER_URL": desk.url,
        "FIRSTLINE_POLL_SECONDS": "0.2",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def running(environ: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [FIRSTLINE, "up", "--no-sandbox", "--no-mlflow"], env=environ, stdout=log, stderr=log
        )
    deadline = time.monotonic() + 90
    while "ready;" not in (tmp_path / "up.log").read_text() and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "up.log").read_text()
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def below(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_up_serves_restarts_what_crashed_and_leaves_nothing_behind(
    running: subprocess.Popen[bytes], environ: dict[str, str], desk: Any, tmp_path: Path
) -> None:
    settings = read_settings(environ)
    assert settings.service_url in (tmp_path / "up.log").read_text()
    worker = next(p for p in below(running) if "worker" in p.cmdline()[-1:])
    worker.kill()
    issue = desk.file("reset my password", "I forgot my password and cannot sign in")
    deadline = time.monotonic() + 60
    while not desk.said(issue):
        assert time.monotonic() < deadline, (tmp_path / "up.log").read_text()
        time.sleep(0.1)
    assert "worker ended with code -9; restarting" in (tmp_path / "up.log").read_text()

    doctor = subprocess.run([FIRSTLINE, "doctor", "--json"], env=environ, capture_output=True, timeout=60)
    found = {f["check"]: f for f in json.loads(doctor.stdout)}
    assert (
        found["tracker"]["verdict"] == found["bundle"]["verdict"] == found["service_port"]["verdict"] == "ok"
    )

    family = below(running)
    started = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    assert time.monotonic() - started < 30
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{settings.service_url}/livez")


def test_children_end_with_a_killed_parent(running: subprocess.Popen[bytes]) -> None:
    family = below(running)
    running.kill()
    running.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def test_an_occupied_port_stops_up_before_anything_starts(environ: dict[str, str], service: Any) -> None:
    taken = {**environ, "FIRSTLINE_MLFLOW_PORT": str(service.settings.service_port)}
    done = subprocess.run([FIRSTLINE, "up", "--no-sandbox"], env=taken, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert f"Port {service.settings.service_port}" in done.stderr.decode()
    assert "FIRSTLINE_MLFLOW_PORT" in done.stderr.decode()


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path, service: Any) -> None:
    environ = {
        **os.environ,
        "FIRSTLINE_HOME": str(tmp_path),
        "FIRSTLINE_TRACKER_URL": "http://127.0.0.1:9",
        "FIRSTLINE_MLFLOW_PORT": str(service.settings.service_port),
    }
    done = subprocess.run([FIRSTLINE, "doctor"], env=environ, capture_output=True, timeout=60)
    words = done.stdout.decode()
    assert done.returncode == 1
    for part in ("fail  tracker", "fail  bundle", "No bundle is promoted", "->", "FIRSTLINE_MLFLOW_PORT"):
        assert part in words
    assert b"Traceback" not in done.stderr


def test_doctor_names_a_damaged_file(environ: dict[str, str], tmp_path: Path) -> None:
    damaged = next(tmp_path.glob("bundles/*/heads.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = subprocess.run([FIRSTLINE, "doctor", "--json"], env=environ, capture_output=True, timeout=60)
    bundle = next(f for f in json.loads(done.stdout) if f["check"] == "bundle")
    assert bundle["verdict"] == "fail"
    assert "heads.safetensors was changed" in bundle["found"]


def test_the_sandbox_starts_only_where_it_is_the_tracker() -> None:
    ours = read_settings({"FIRSTLINE_HOME": "x"})
    theirs = read_settings({"FIRSTLINE_HOME": "x", "FIRSTLINE_TRACKER_URL": "https://acme.youtrack.cloud"})
    assert ours.tracker_is_sandbox
    assert not theirs.tracker_is_sandbox
    plan = commands(ours, {}, sandbox=True, mlflow=True, sandbox_options=("--webhook-drop", "0.3"))
    assert [c.name for c in plan] == ["sandbox", "mlflow", "service", "worker"]
    assert f"{ours.service_url}/v1/events/youtrack" in plan[0].arguments
    assert plan[0].arguments[-2:] == ["--webhook-drop", "0.3"]


def test_a_child_that_keeps_crashing_waits_longer_each_time(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    said: list[str] = []
    child = Child(Command("flaky", [sys.executable, "-c", "raise SystemExit(3)"], {}, None), tmp_path / "log")
    child.start(clock.now())
    for _ in range(3):
        assert child.process is not None
        child.process.wait()
        child.watch(clock.now(), said.append)
        clock.sleep(40)
        child.watch(clock.now(), said.append)
    child.stop(SystemClock())
    assert [s.split("restarting in ")[1].split(" s")[0] for s in said] == ["1", "2", "4"]
    assert all("code 3" in s for s in said)
