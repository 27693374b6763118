"""Accuracy: the share of right answers."""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics.proportion import Proportion, proportion


def accuracy(predicted: Sequence[str], truth: Sequence[str], confidence: float = 0.95) -> Proportion:
    """Return the share of positions where `predicted` equals `truth`, with its exact interval.

    Raises `ValueError` when the two differ in length.
    """
    hits = sum(p == t for p, t in zip(predicted, truth, strict=True))
    return proportion(hits, len(truth), confidence)
