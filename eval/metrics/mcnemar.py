"""McNemar's exact test: do two models differ on the same rows?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True, slots=True)
class Paired:
    """Rows only the first, only the second got right; one-sided `p_worse` in 0..1.

    `p_worse` is the chance of at least so many rows won by the second, were both equally good;
    small means: the first is worse.
    """

    only_first: int
    only_second: int
    p_worse: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> Paired:
    """Compare correctness (n,) boolean of two models on the same rows (exact, McNemar 1947)."""
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape:
        raise ValueError(f"first {a.shape} and second {b.shape} differ in shape")
    won, lost = int((a & ~b).sum()), int((b & ~a).sum())
    p = float(stats.binom.sf(lost - 1, won + lost, 0.5)) if won + lost else 1.0
    return Paired(won, lost, p)
