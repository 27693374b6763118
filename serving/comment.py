"""The internal comment that explains a decision to an agent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.decision import TriageDecision

MARKER = "firstline:op="
"""Precedes the operation id in every comment of ours, so that a retry finds what was already said."""

_OPENINGS = {
    "apply": "Firstline classified this ticket.",
    "suggest": "Firstline proposes a classification; please confirm or correct it.",
    "abstain": "Firstline leaves this ticket to a person.",
}


def marker(op_id: str) -> str:
    """Return the text that identifies one operation in a comment."""
    return f"{MARKER}{op_id}"


def compose(
    decision: TriageDecision,
    op_id: str,
    *,
    thresholds: Mapping[str, Any],
    written: Sequence[str],
    kept: Mapping[str, str],
) -> str:
    """Return the comment in Markdown.

    `thresholds`: certificates by field as plain numbers; `written`: names of fields that now hold our
    value; `kept`: fields that belong to somebody else, with their values (`""`: emptied).
    """
    lines: list[str] = []
    if decision.decision != "abstain":
        rows = (
            ("Issue type", decision.issue_type, decision.probability),
            ("Category", decision.category, None),
            ("Team", decision.team, None),
            ("Priority", decision.priority.capitalize(), decision.priority_probability),
        )
        lines += [_row(name, value, p, name in written) for name, value, p in rows if name not in kept]
    lines += [_kept(name, value) for name, value in kept.items()]
    lines = [_OPENINGS[decision.decision], "", *lines, *([""] if lines else []), f"Why: {decision.reason}"]
    if decision.decision != "abstain" and decision.priority_decision == "suggest":
        lines.append(f"Priority is only proposed: {_priority_reason(decision, thresholds.get('priority'))}.")
    others = ", ".join(f"{label} {percent(p)}" for label, p in decision.top)
    lines += [
        f"Most likely: {others}",
        "",
        f"`bundle {decision.bundle} · policy {decision.policy} · {marker(op_id)}`",
    ]
    return "\n".join(lines)


def percent(share: float) -> str:
    """Whole percents; the ends are only shown when reached."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"


def _kept(name: str, value: str) -> str:
    if not value:
        return f"- {name}: left empty, as someone else left it"
    return f"- {name}: left at *{value}*, which was set by someone else"


def _row(name: str, value: str, p: float | None, written: bool) -> str:
    sure = "" if p is None else f" ({percent(p)} sure)"
    return f"- {name}: **{value}**{sure}{'' if written else ' - proposed'}"


def _priority_reason(decision: TriageDecision, certificate: Any) -> str:
    if decision.decision == "suggest":
        return "it is written only together with the issue type"
    threshold = certificate.get("threshold") if isinstance(certificate, Mapping) else None
    if threshold is None:
        return "too few reviewed tickets prove it reliable enough to be written"
    return f"{percent(decision.priority_probability)} sure, and writing it alone needs {percent(threshold)}"
