"""The benchmark of effects, small: spoilt replies, a killed worker, everything exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.benchmarks.effects_chaos import Report, judge, run
from eval.benchmarks.fixed_decisions import fields_of


@pytest.mark.slow
def test_every_effect_happens_once_under_faults_and_kills(database_url: str, tmp_path: Path) -> None:
    report = run(30, 3, database_url, tmp_path)
    assert report.kills == 3
    assert report.spoilt > 10, "the replies were spoilt"
    assert report.passed, report


def test_the_judge_sees_what_is_lost_doubled_and_wrong() -> None:
    from data.taxonomy import load_taxonomy

    def ticket(id_: str, comments: int, **changes: str) -> dict[str, object]:
        values = {**fields_of(id_, load_taxonomy()), **changes}
        shown = [{"name": n, "value": {"name": v}} for n, v in values.items()]
        said = {"text": "firstline:op=t1", "deleted": False}
        return {"id": id_, "comments": [said] * comments, "customFields": shown}

    report = Report(5)
    found = [ticket("3-1", 1), ticket("3-2", 0), ticket("3-3", 2), ticket("3-4", 1, Priority="Minor")]
    judge(report, ["3-1", "3-2", "3-3", "3-4", "3-5"], iter(found))
    assert (report.lost, report.doubled, report.wrong_fields) == (2, 1, 1)
    assert not report.passed
