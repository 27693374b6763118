"""The webhook benchmarks, scaled down, against the running service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks import webhook_latency, webhook_loss, webhook_refusals
from eval.benchmarks.service_process import service as running_service
from eval.benchmarks.webhook_forgeries import KINDS


def test_altered_forged_and_replayed_events_are_all_refused(service: Any) -> None:
    found = webhook_refusals.measure(service.settings, 25 * len(KINDS), seed=7)
    assert webhook_refusals.passed(found), webhook_refusals.table(found)
    assert all(of["sent"] == of["refused"] == 25 for of in found["kinds"].values())
    assert found["kinds"]["replay: verbatim"]["statuses"] == {"409": 25}


def test_without_a_bundle_the_command_says_what_to_do(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    assert webhook_refusals.main(["--requests", "1"]) == 5
    said = capsys.readouterr().err
    assert "No bundle is promoted" in said
    assert "make demo" in said


@pytest.mark.parametrize("bench", [webhook_latency, webhook_loss, webhook_refusals])
def test_a_database_that_is_none_is_refused(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--database", "oracle"]) == 2
    assert "no database 'oracle'" in capsys.readouterr().err


@pytest.mark.parametrize("flaw", [{"stored": 1199}, {"accepted": 1199}, {"p99_ms": 250.1}, {"triaged": 0}])
def test_late_or_lost_events_miss_the_goal(flaw: dict[str, float]) -> None:
    good = {"events": 1200, "accepted": 1200, "stored": 1200, "p99_ms": 250.0, "triaged": 1}
    assert webhook_latency.passed(good)
    assert not webhook_latency.passed(good | flaw)


def test_events_are_stored_while_triage_runs(service: Any) -> None:
    found = webhook_latency.measure(service.settings, rate=10, seconds=2, callers=1)
    assert found["accepted"] == found["stored"] == found["events"] == 20
    assert found["triaged"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["worst_ms"]
    assert (
        webhook_latency.table(found).splitlines()[-1].startswith("| `webhook_latency`: 10 a second for 2 s")
    )


@pytest.mark.slow
def test_the_same_on_postgresql(
    postgres_url: str, tmp_path: Path, install: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "home")
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with running_service(postgres_url) as settings:
        refused = webhook_refusals.measure(settings, 5 * len(KINDS), seed=7)
        events = webhook_latency.measure(settings, rate=10, seconds=2, callers=1)
    assert webhook_refusals.passed(refused), webhook_refusals.table(refused)
    assert events["accepted"] == events["stored"] == events["events"] == 20
    assert refused["database"] == events["database"] == "postgresql"
