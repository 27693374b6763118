"""The benchmark of effects, small: spoilt replies, killed processes, everything exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.benchmarks.effects_chaos import run


@pytest.mark.slow
def test_every_effect_happens_once_under_faults_and_kills(
    database_url: str, tmp_path: Path, install: Callable[[Path], Path]
) -> None:
    install(tmp_path / "installed")
    home = tmp_path / "home"
    home.mkdir()
    report = run(30, 6, database_url, home, seed=3, bundles=tmp_path / "installed" / "bundles")
    assert report.passed, report
    assert report.worker_kills
    assert report.service_kills
    assert report.spoilt > 10, "the replies were spoilt"
    assert report.comments == report.events == 30
    assert report.field_changes > 0
    assert report.checks == 6
