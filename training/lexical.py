"""The lexical part of the heads: ridge regression on hashed TF-IDF, in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from eval.calibration import fit_temperature, log_loss
from eval.lexical import BUCKETS, counts, weighted

_GAINS = (0.0, 1.0, 2.0)
"""Beyond 2 accuracy still rises a little, but calibration suffers and words alone make wrong answers sure."""


def fit_lexical(
    texts: Sequence[str], truth: Sequence[int], labels: int, *, strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return idf (BUCKETS,), weight (labels, BUCKETS) and bias (labels,).

    Targets are +1 for the true label and -1 elsewhere; `strength` is the ridge penalty. Terms of a
    single text get weight 0: they are names and numbers.
    """
    found = counts(texts)
    df = np.bincount(found.indices, minlength=BUCKETS)
    idf = np.where(df >= 2, np.log((1 + len(texts)) / (1 + df)) + 1, 0.0).astype(np.float32)
    targets = np.full((len(texts), labels), -1.0)
    targets[np.arange(len(texts)), np.asarray(truth, dtype=int)] = 1.0
    model = Ridge(alpha=strength, solver="sparse_cg", tol=1e-3).fit(weighted(found, idf), targets)
    return idf, model.coef_.astype(np.float32), np.asarray(model.intercept_, dtype=np.float32)


def choose_gain(cosine: NDArray[np.float64], lexical: NDArray[np.float64], truth: Sequence[int]) -> float:
    """Return the share of lexical scores that gives the least log-loss after a temperature (0 or more)."""

    def loss(gain: float) -> float:
        logits = cosine + gain * lexical
        return log_loss(logits, truth, fit_temperature(logits, truth))

    return min(_GAINS, key=loss)
