"""The priority head is refitted so that rare priorities are found."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.taxonomy import PRIORITIES
from training.priority import MOST_PER_PRIORITY, class_weights, fit_priority, sample

WIDTH = 384 + 72 + 18


def features(priorities: list[str], rng: np.random.Generator) -> np.ndarray:
    """Rows that overlap: each priority shifts one of four columns a little."""
    x = rng.normal(0, 0.05, size=(len(priorities), WIDTH))
    for i, priority in enumerate(priorities):
        x[i, PRIORITIES.index(priority)] += 0.06
    return x


def test_a_rare_priority_is_found_where_plain_regression_would_miss_it() -> None:
    priorities = ["normal"] * 900 + ["minor"] * 300 + ["major"] * 40 + ["critical"] * 20
    x = features(priorities, np.random.default_rng(0))
    recall = {}
    for name, weights in (
        ("plain", dict.fromkeys(range(4), 1.0)),
        ("ours", class_weights(priorities, priorities)),
    ):
        head = fit_priority(x, priorities, weights)
        said = (x @ head["priority.weight"].T + head["priority.bias"]).argmax(1)
        recall[name] = float((said[-20:] == PRIORITIES.index("critical")).mean())
    assert recall["ours"] > recall["plain"]


@pytest.mark.parametrize("present", [["normal"], ["normal", "critical"], ["minor", "major", "normal"]])
def test_priorities_that_never_occur_are_never_said(present: list[str]) -> None:
    priorities = present * 30
    x = features(priorities, np.random.default_rng(1))
    head = fit_priority(x, priorities, class_weights(priorities, priorities))
    assert head["priority.weight"].shape == (4, WIDTH)
    said = {PRIORITIES[i] for i in (x @ head["priority.weight"].T + head["priority.bias"]).argmax(1)}
    assert said <= set(present)
    assert len(said) == len(present)


@given(st.lists(st.sampled_from(PRIORITIES), min_size=1, max_size=60))
def test_weights_undo_what_sampling_left_out(everyone: list[str]) -> None:
    rows = sample(everyone, random.Random(0))
    assert rows == sorted(set(rows))
    once = class_weights(everyone, everyone)
    twice = class_weights(everyone * 2, everyone)
    assert all(twice[k] == pytest.approx(2 * once[k]) for k in once)


def test_sample_is_capped_per_priority_and_keeps_the_rare() -> None:
    everyone = ["normal"] * 9000 + ["critical"] * 9
    rows = sample(everyone, random.Random(3))
    assert len(rows) == MOST_PER_PRIORITY + 9
    assert rows == sample(everyone, random.Random(3))
