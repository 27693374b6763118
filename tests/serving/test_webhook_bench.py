"""The webhook benchmarks, scaled down, against the running service."""

from __future__ import annotations

from typing import Any

import pytest

from eval.benchmarks import webhook_latency, webhook_refusals
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


def test_events_are_stored_while_triage_runs(service: Any) -> None:
    found = webhook_latency.measure(service.settings, rate=10, seconds=2, callers=1)
    assert found["accepted"] == found["stored"] == found["events"] == 20
    assert found["triaged"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["worst_ms"]
