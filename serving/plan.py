"""What a wish for autonomy would give on a bundle's evidence, group by group, before it is granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from data.group import Group
from eval.bundle import Evidence
from eval.groups import REST, Grouping, group_of
from eval.risk import Certificate, expected_need, least_handed_over
from serving.autonomy import derive, own_evidence
from serving.policy import Policy


@dataclass(frozen=True, slots=True)
class Line:
    """One group of the plan.

    `error`: share (0..1) of its reviewed tickets that the model has wrong whatever its confidence.
    `handed_over`: share (0..1) that people keep at the very least at this budget, even if the confidence
    ranked perfectly. `more`: audited tickets that are missing if quality stays as it is; None where more
    tickets of this quality would prove nothing, 0 where nothing is missing.
    """

    group: Group
    certificate: Certificate
    error: float
    handed_over: float
    more: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        facts = {"error": self.error, "handed_over": self.handed_over, "more": self.more}
        return {"group": str(self.group), **asdict(self.certificate), **facts}


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan's lines, and what they come to: shares (0..1) of all reviewed tickets.

    `thin`: groups of the wished fineness that have too few reviewed tickets (their number) to stand on
    their own; they are in the pool until they have `own_from`.
    """

    lines: tuple[Line, ...]
    priority: Certificate
    alone: float
    wrong: float
    thin: tuple[tuple[Group, int], ...]
    own_from: int


def plan(policy: Policy, *, category: Evidence, priority: Evidence) -> Plan:
    """Derive what `policy` would allow. Raises `ValueError` where the evidence does not correspond."""
    autonomy = derive(policy, category=category, priority=priority)
    every = autonomy.every()
    standing = {group for group, _ in every if group != REST}
    of = [group_of(standing, c, p) for c, p in zip(category.clients, category.predicted, strict=True)]
    lines = tuple(_line(group, c, of, category) for group, c in every if group == REST or group in of)
    audited = max(1, len(of))
    alone = sum(line.certificate.n for line in lines if line.certificate.threshold is not None)
    wrong = sum(line.certificate.errors for line in lines if line.certificate.threshold is not None)
    thin = _thin(policy.groups, category, standing)
    return Plan(
        lines, autonomy.priority, alone / audited, wrong / audited, thin, own_evidence(policy.category)
    )


def _thin(by: Grouping, category: Evidence, standing: set[Group]) -> tuple[tuple[Group, int], ...]:
    if by == "desk":
        return ()
    clients = category.clients if by == "client_category" else [""] * len(category.clients)
    every = Counter(Group(c, p) for c, p in zip(clients, category.predicted, strict=True))
    return tuple(sorted((group, n) for group, n in every.items() if group not in standing))


def wished(
    policy: Policy, *, budget: float | None, confidence: float | None, groups: Grouping | None
) -> Policy:
    """Return `policy` with another promise about the category.

    A wish for another budget drops the aim (`target_error`), which belongs to the old one.
    """
    promise = policy.category
    if budget is not None:
        promise = replace(promise, error_budget=budget, target_error=None)
    if confidence is not None:
        promise = replace(promise, confidence=confidence)
    return replace(policy, category=promise, groups=groups or policy.groups)


def _line(group: Group, c: Certificate, of: Sequence[Group], category: Evidence) -> Line:
    member = np.asarray([g == group for g in of], dtype=bool)
    right = category.correct[member]
    error = float((~right).mean()) if right.size else 0.0
    return Line(group, c, error, least_handed_over(error, c.budget), _more(c))


def _more(c: Certificate) -> int | None:
    if c.threshold is not None:
        return 0
    need = expected_need(c.errors, c.n, c.budget, c.confidence)
    if need is None:
        return None
    # What is accepted grows with what is audited; before anything is, all of it counts.
    grown = need if not c.n else round(c.audited * need / c.n)
    return max(c.missing, grown - c.audited)
