"""Confusion: which label is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def confusion(predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return counts (len(labels), len(labels)): rows are the truth, columns the prediction.

    Raises `KeyError` for a label outside `labels`, `ValueError` on unequal lengths.
    """
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for p, t in zip(predicted, truth, strict=True):
        counts[index[t], index[p]] += 1
    return counts
