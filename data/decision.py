"""What is done with a ticket. A decision can be explained and replayed from what it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["apply", "suggest", "abstain"]
PriorityAction = Literal["apply", "suggest"]


@dataclass(frozen=True, slots=True)
class TriageDecision:
    """The decision on one ticket, in the words of the public contract.

    `decision`: `apply` writes the fields, `suggest` only proposes them, `abstain` hands over.
    `probability` is the calibrated probability of `issue_type` (0..1). `top` has the three best
    labels. `reason` is one sentence a support agent understands.
    """

    id: str
    issue_type: str
    category: str
    priority: str
    team: str
    probability: float
    top: tuple[tuple[str, float], ...]
    priority_probability: float
    decision: Action
    priority_decision: PriorityAction
    reason: str
    bundle: str
    policy: str
