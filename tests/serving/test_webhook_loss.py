"""The benchmark of lost, repeated and overtaken webhooks, small: service, worker and desk as processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.benchmarks.webhook_loss import COPIES, run


@pytest.mark.slow
def test_everything_is_found_in_time_and_done_once(
    database_url: str, tmp_path: Path, install: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "home")
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = run(24, 4.0, 5.0, database_url, fixed=True)
    assert found.passed, found.table()
    assert (found.tickets, found.comments) == (24, 24)
    assert found.stored + found.dropped == 48
    assert found.copies == COPIES * found.stored
    assert found.known, "some copies came within a second of another"
    assert found.effects.comments == 24
    assert found.effects.writes >= 3 * 24, "each was decided on alone"
