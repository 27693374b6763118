"""The priority head, fitted last: a weighted logistic regression on what the finished engine sees.

Trained jointly, the head hardly ever says `critical` or `major`: both are rare, and a missed critical is
the worst mistake a desk can make. The problem is convex once the encoder stands, so it is solved to the
end, with rare priorities weighing more (`eval/LOG.md`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.taxonomy import PRIORITIES
from eval.bundle import EMBEDDING_DIM

MOST_PER_PRIORITY = 6000
"""Texts of one priority that are embedded at most, a bound for large desks; weights make up for what is left
out. They do so badly where much is: 700 of some 2,500 normal texts cost 5 to 7 points (`eval/LOG.md`)."""

_GAIN = 4.0  # embedding entries are near 0.05; brought near the size of the other features
_STRENGTH = 0.3
_BALANCE = 0.4
"""0: priorities weigh as often as they occur; 1: all weigh alike."""


def sample(priorities: Sequence[str], rng: random.Random) -> list[int]:
    """Return positions, at most `MOST_PER_PRIORITY` of each priority, in order."""
    by_priority: dict[str, list[int]] = defaultdict(list)
    for i, priority in enumerate(priorities):
        by_priority[priority].append(i)
    kept = [rng.sample(rows, min(len(rows), MOST_PER_PRIORITY)) for rows in by_priority.values()]
    return sorted(i for rows in kept for i in rows)


def class_weights(everyone: Sequence[str], sampled: Sequence[str]) -> dict[int, float]:
    """Return the weight of a sampled row per priority: what sampling left out, times the balance.

    A priority with N of n rows, N' of them sampled, weighs N / N' * (n / (4 N)) ** 0.4.
    """
    weights = {}
    for index, priority in enumerate(PRIORITIES):
        count, seen = everyone.count(priority), sampled.count(priority)
        if seen:
            weights[index] = count / seen * (len(everyone) / (len(PRIORITIES) * count)) ** _BALANCE
    return weights


def fit_priority(
    features: NDArray[np.float64], priorities: Sequence[str], weights: dict[int, float]
) -> dict[str, NDArray[np.float32]]:
    """Fit the head on `features` (n, d + k + c) of `eval.heads.priority_features`.

    Returns `priority.weight` (4, d + k + c) and `priority.bias` (4,). A priority that never occurs gets
    a bias that keeps it from being said.
    """
    from sklearn.linear_model import LogisticRegression

    scale = np.ones(features.shape[1])
    scale[:EMBEDDING_DIM] = _GAIN
    truth = [PRIORITIES.index(p) for p in priorities]
    weight = np.zeros((len(PRIORITIES), features.shape[1]))
    bias = np.full(len(PRIORITIES), -20.0)
    if len(set(truth)) == 1:
        bias[truth[0]] = 0.0
    else:
        model = LogisticRegression(C=_STRENGTH, max_iter=1000, class_weight=weights).fit(
            features * scale, truth
        )
        both = len(model.classes_) == 2  # scikit-learn then gives one row, for the second class
        weight[model.classes_] = np.vstack([-model.coef_, model.coef_]) / 2 if both else model.coef_
        bias[model.classes_] = (
            np.append(-model.intercept_, model.intercept_) / 2 if both else model.intercept_
        )
        weight *= scale
    return {
        "priority.weight": weight.astype(np.float32),
        "priority.bias": bias.astype(np.float32),
    }
