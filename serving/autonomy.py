"""How much may be done alone: thresholds that follow from a promise and from reviewed tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.risk import Certificate, certify, fewest
from serving.policy import Policy, Promise


@dataclass(frozen=True, slots=True)
class Autonomy:
    """The certificate of each field; without one the field is never written alone.

    `category` is certified on the probability of the issue type, an error being a ticket in the wrong
    category. `priority` is certified on the tickets whose category would be applied, for only there is the
    priority written.
    """

    category: Certificate
    priority: Certificate

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return {"category": self.category.as_dict(), "priority": self.priority.as_dict()}


def derive(
    policy: Policy, *, category: tuple[ArrayLike, ArrayLike], priority: tuple[ArrayLike, ArrayLike]
) -> Autonomy:
    """Certify both fields on held-out reviewed tickets, row i of every array being the same ticket.

    Each pair is (probability of what was predicted, whether it was right), (n,) each. Raises `ValueError`
    where the rows do not correspond.
    """
    sure, right = (np.asarray(a) for a in category)
    priority_score, priority_right = (np.asarray(a) for a in priority)
    if len(sure) != len(priority_score):
        raise ValueError(f"{len(sure)} rows for the category, {len(priority_score)} for the priority")
    certificate = _certificate(sure, right, policy.category)
    alone = sure >= (np.inf if certificate.threshold is None else certificate.threshold)
    return Autonomy(
        category=certificate,
        priority=_certificate(priority_score[alone], priority_right[alone], policy.priority),
    )


def _certificate(scores: NDArray[Any], right: NDArray[Any], promise: Promise) -> Certificate:
    start = max(fewest(promise.error_budget, promise.confidence), round(promise.least_share * len(scores)))
    return certify(
        scores,
        right,
        budget=promise.error_budget,
        confidence=promise.confidence,
        start=start,
        target=promise.target_error,
    )
