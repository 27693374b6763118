"""Selective prediction: the error among what is accepted, as more is accepted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class RiskCoverage:
    """Points from strict to loose; each (points,): score threshold, coverage and risk in 0..1."""

    thresholds: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Area under the risk-coverage curve (mean risk over accepted ranks; lower is better)."""
        return float(self.risk.mean()) if self.risk.size else 0.0

    def coverage_at(self, precision: float) -> float:
        """Largest coverage whose accepted part reaches `precision` (0..1) on these very rows.

        Chosen with hindsight, so optimistic: compare models with it, promise nothing with it.
        """
        good = self.coverage[1 - self.risk >= precision]
        return float(good.max()) if good.size else 0.0


def risk_coverage(scores: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Return the curve of `scores` (n,) and `correct` (n,) boolean; equal scores enter together."""
    score = np.asarray(scores, dtype=np.float64)
    wrong = ~np.asarray(correct, dtype=bool)
    if score.shape != wrong.shape:
        raise ValueError(f"scores {score.shape} and correct {wrong.shape} differ in shape")
    order = np.argsort(-score, kind="stable")
    ranked, errors = score[order], np.cumsum(wrong[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if score.size else np.empty(0, int)
    accepted = last + 1
    return RiskCoverage(ranked[last], accepted / max(score.size, 1), errors[last] / accepted)
