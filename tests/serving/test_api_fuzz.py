"""Schemathesis against the running service: in small here, in full by `make bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks import api_fuzz

REPORT: dict[str, Any] = {
    "test_cases": {"generated": 60, "with_failures": 0},
    "failures": [],
    "errors": [],
    "operations": {"tested": 19, "selected": 19},
    "complete": True,
    "running_time": 1.0,
}
KEYS = 'access = "keys"\nrate_key = 0\nrate_client = 0\nwebhook_token = "tttttttttttttttttttttttttttttttt"\n'


def test_generated_requests_get_documented_answers(serve: Any) -> None:
    running = serve(KEYS)
    found = api_fuzz.measure(running.settings, 20, 5, phases="fuzzing")
    found["log"] = api_fuzz.traces(running.log)
    assert api_fuzz.passed(found), api_fuzz.table(found)


def test_the_verdict_needs_enough_cases_everywhere_and_nothing_wrong(tmp_path: Path) -> None:
    good = {**api_fuzz.summed([REPORT]), "wanted": 60, "seed": 1, "database": "sqlite"}
    assert api_fuzz.passed(good)
    failure = {"title": "Server error", "count": 2, "operations": ["GET /"]}
    bad: list[dict[str, Any]] = [
        {"wanted": 61},
        {"log": ["Traceback"]},
        api_fuzz.summed([{**REPORT, "failures": [failure]}]),
        api_fuzz.summed([{**REPORT, "errors": ["broken"]}]),
        api_fuzz.summed([{**REPORT, "complete": False}]),
        api_fuzz.summed([{**REPORT, "operations": {"tested": 18, "selected": 19}}]),
        api_fuzz.summed([]),
    ]
    for change in bad:
        assert not api_fuzz.passed({**good, **change}), change
    assert "2 x Server error" in api_fuzz.table({**good, **bad[2]})
    log = tmp_path / "log"
    log.write_text("fine\nunexpected ValueError in x.py, line 3\n")
    assert len(api_fuzz.traces(log)) == 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_command_in_small(bundle_directory: Path, tmp_path: Path, kind: str, monkeypatch: Any) -> None:
    (tmp_path / "bundles").symlink_to(bundle_directory.parent)
    (bundle_directory.parent / "champion").write_text(bundle_directory.name)
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    assert api_fuzz.main(["--cases", "1000", "--database", kind]) == 0
