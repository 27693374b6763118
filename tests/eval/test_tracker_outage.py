"""The benchmark of an outage, small: half an hour away by a clock that skips pauses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.benchmarks.tracker_outage import OUTAGE_SECONDS, Outage, log_row, run


@pytest.mark.slow
def test_half_an_hour_without_the_tracker_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path
) -> None:
    found = run(20, database_url, tmp_path)
    assert (found.lost, found.doubled, found.wrong_fields) == (0, 0, 0), found
    assert found.outage_seconds >= OUTAGE_SECONDS
    assert found.delivered_before < found.effects
    # A share of 20 effects would say nothing: what an outage swallows does not grow with what waits.
    assert 0 < found.swallowed <= 100, found
    assert found.made_up_seconds <= 600, found


GOOD = Outage(1000, 100, 1810.0, 70, 1.02, 90.0, 0, 0, 0)


@pytest.mark.parametrize(
    "flaw",
    [
        {"lost": 1},
        {"doubled": 1},
        {"wrong_fields": 1},
        {"amplification": 1.11},
        {"made_up_seconds": 601.0},
        {"outage_seconds": 900.0},
        {"delivered_before": 1000},
    ],
)
def test_every_bar_can_be_missed(flaw: dict[str, float]) -> None:
    assert GOOD.passed
    bad = replace(GOOD, **flaw)
    assert not bad.passed
    assert "NOT met" in log_row(bad, "sqlite")
    assert "NOT met" not in log_row(GOOD, "sqlite")
