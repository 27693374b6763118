"""Calibration: one temperature per head (Guo et al., 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

_LOG_RANGE = (np.log(0.02), np.log(50.0))


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) along the last axis; rows sum to 1."""
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=-1, keepdims=True)
    e = np.exp(z)
    return np.asarray(e / e.sum(axis=-1, keepdims=True), dtype=np.float64)


def log_loss(
    logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0, weights: ArrayLike | None = None
) -> float:
    """Return the mean negative log-likelihood (nats) of `labels` (n,) int under `logits` (n, k).

    `weights` (n,) positive: how much each row counts; all alike without.
    """
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=1, keepdims=True)
    chosen = z[np.arange(len(z)), np.asarray(labels, dtype=int)]
    per_row = np.log(np.exp(z).sum(axis=1)) - chosen
    return float(np.average(per_row, weights=None if weights is None else np.asarray(weights, dtype=float)))


def fit_temperature(logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return T = argmin NLL(softmax(logits / T)), T within 0.02..50.

    `logits` (n, k), `labels` (n,) int, `weights` (n,) as in `log_loss`. The NLL is convex in 1/T, hence
    unimodal in log T, which a bounded scalar search finds. No rows give T = 1.
    """
    if np.asarray(labels).size == 0:
        return 1.0
    found = minimize_scalar(
        lambda log_t: log_loss(logits, labels, float(np.exp(log_t)), weights),
        bounds=_LOG_RANGE,
        method="bounded",
    )
    return float(np.exp(found.x))
