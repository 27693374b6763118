"""What a model believes about a ticket: one calibrated distribution per field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Distribution:
    """Calibrated probabilities over `labels`; they are in 0..1 and sum to 1."""

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]  # (len(labels),)

    def top(self, k: int) -> list[tuple[str, float]]:
        """Return the `k` most probable labels, best first; ties keep label order."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(self.labels[i], float(self.probabilities[i])) for i in order]

    @property
    def best(self) -> tuple[str, float]:
        """The most probable label and its probability."""
        return self.top(1)[0]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One ticket's prediction by one bundle.

    `familiarity` is how close the text is to what the model was trained on (cosine to the nearest
    class centre, -1..1; higher is more familiar); `chars` is the length of the rendered text.
    """

    issue_type: Distribution
    priority: Distribution
    familiarity: float
    chars: int
    bundle: str
