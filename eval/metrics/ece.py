"""Expected calibration error, and what a perfectly calibrated model would show."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15


def ece(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error over equal-width bins (Naeini et al., 2015).

    `confidence` (n,) in 0..1, `correct` (n,) boolean. 0 for no rows. Raises `ValueError` on unequal
    lengths.
    """
    conf = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if conf.shape != right.shape:
        raise ValueError(f"confidence {conf.shape} and correct {right.shape} differ in shape")
    return float(_gap(conf, right[None, :], bins)[0]) if conf.size else 0.0


def _gap(conf: NDArray[np.float64], right: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """ECE of each row of `right` (draws, n) against the same confidences (n,)."""
    index = np.clip(np.ceil(conf * bins).astype(int) - 1, 0, bins - 1)
    member = np.zeros((conf.size, bins))
    member[np.arange(conf.size), index] = 1.0
    gaps = right @ member - conf @ member  # (draws, bins): counts right minus counts promised
    return np.asarray(np.abs(gaps).sum(axis=1) / conf.size, dtype=np.float64)


def ece_null(
    confidence: ArrayLike,
    n: int | None = None,
    *,
    rng: np.random.Generator,
    draws: int = 1000,
    quantile: float = 0.95,
    bins: int = BINS,
) -> float:
    """Return the `quantile` of the ECE of a perfectly calibrated model with these confidences.

    At n rows (default: as many as given; otherwise confidences are resampled) even a perfect model
    shows an ECE above 0; a measured ECE is bad only above this value. Right answers are drawn as
    Bernoulli(confidence), `draws` times.
    """
    conf = np.asarray(confidence, dtype=np.float64)
    if conf.size == 0:
        return 0.0
    values = np.empty(draws)
    for i in range(draws):
        sample = conf if n is None or n == conf.size else rng.choice(conf, size=n)
        values[i] = _gap(sample, (rng.random(sample.size) < sample)[None, :].astype(np.float64), bins)[0]
    return float(np.quantile(values, quantile))
