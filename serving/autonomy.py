"""How much may be done alone: thresholds that follow from a promise and from reviewed tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.group import Group
from eval.bundle import Evidence
from eval.groups import REST, group_of, partition
from eval.risk import Certificate, certify, fewest, share_limit
from serving.policy import Policy, Promise


@dataclass(frozen=True, slots=True)
class Autonomy:
    """The certificate of each field; without one the field is never written alone.

    `category` is certified on the probability of the issue type, an error being a ticket in the wrong
    category; `groups` holds the certificates of groups with enough evidence of their own, and `category`
    is that of all the others together. `priority` is certified on the tickets whose category would be
    applied, for only there is the priority written.
    """

    category: Certificate
    priority: Certificate
    groups: Mapping[Group, Certificate] = field(default_factory=dict)

    def standing(self, client: str | None, category: str) -> tuple[Group, Certificate]:
        """Return the group of a ticket (`category` as predicted) and what may be done alone there."""
        group = group_of(self.groups, client, category)
        return group, self.groups.get(group, self.category)

    def every(self) -> list[tuple[Group, Certificate]]:
        """Return every group with its certificate, the pooled one last."""
        return [*sorted(self.groups.items()), (REST, self.category)]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        own = [
            {"client": g.client, "category": g.category, **c.as_dict()}
            for g, c in sorted(self.groups.items())
        ]
        return {"category": self.category.as_dict(), "priority": self.priority.as_dict(), "groups": own}


def derive(policy: Policy, *, category: Evidence, priority: Evidence) -> Autonomy:
    """Certify both fields on held-out reviewed tickets, row i of either being the same ticket.

    Raises `ValueError` where the rows do not correspond.
    """
    if len(category.scores) != len(priority.scores):
        raise ValueError(f"{len(category.scores)} rows for the category, {len(priority.scores)} for priority")
    promise = policy.category
    of = partition(category.clients, category.predicted, by=policy.groups, least=own_evidence(promise))
    least = 0.0
    if promise.wrong_share is not None:
        least = share_limit(category.scores, category.correct, share=promise.wrong_share)
    found: dict[Group, Certificate] = {}
    alone = np.zeros(len(of), dtype=bool)
    for group in {*of, REST}:
        member = np.asarray([g == group for g in of], dtype=bool)
        scores, right = category.scores[member], category.correct[member]
        certificate = _certificate(scores, right, promise, least)
        found[group] = certificate
        alone |= member & (category.scores >= _threshold(certificate))
    pooled = found.pop(REST)
    return Autonomy(
        category=pooled,
        priority=_certificate(priority.scores[alone], priority.correct[alone], policy.priority),
        groups=found,
    )


def own_evidence(promise: Promise) -> int:
    """Return how many reviewed tickets let a group stand alone: its surest share could prove the promise
    even with two errors. Fewer would mostly mean that the group loses what it has in the pool.
    """
    return ceil(fewest(promise.error_budget, promise.confidence, 2) / promise.least_share)


def _certificate(
    scores: NDArray[Any], right: NDArray[Any], promise: Promise, at_least: float = 0.0
) -> Certificate:
    start = max(fewest(promise.error_budget, promise.confidence), round(promise.least_share * len(scores)))
    return certify(
        scores,
        right,
        budget=promise.error_budget,
        confidence=promise.confidence,
        start=start,
        target=promise.target_error,
        at_least=at_least,
    )


def _threshold(certificate: Certificate) -> float:
    return float("inf") if certificate.threshold is None else certificate.threshold
