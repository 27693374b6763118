"""The demo's report: honest figures on tickets whose texts the model has never seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.metrics.ece import ece, ece_null
from eval.metrics.proportion import Proportion, proportion


@dataclass(frozen=True, slots=True)
class LiveTicket:
    """One ticket of the live weeks: the world's truth, and what the desk's tracker shows of us.

    `probability` is the calibrated probability of our `issue_type`; `decision` is `None` for a ticket
    nobody handled. `written` lists the tracker fields that hold our value now.
    """

    id: str
    kind: str
    true_issue_type: str
    true_category: str
    true_priority: str
    issue_type: str | None
    category: str | None
    priority: str | None
    probability: float
    decision: str | None
    priority_decision: str | None
    written: frozenset[str]
    commented: bool


def quality(tickets: Sequence[LiveTicket], *, seed: int = 0) -> dict[str, Any]:
    """Compute every figure of the report; each share carries `n` and its 95 % interval."""
    handled = [t for t in tickets if t.decision is not None and t.commented]
    applied = [t for t in handled if t.decision == "apply"]
    priority_applied = [t for t in handled if t.priority_decision == "apply" and t.decision == "apply"]
    confidence = np.array([t.probability for t in handled])
    right = np.array([t.issue_type == t.true_issue_type for t in handled], dtype=bool)
    shares: dict[str, Proportion] = {
        "handled": proportion(len(handled), len(tickets)),
        "applied_share": proportion(len(applied), len(tickets)),
        "issue_type_accuracy": _right(handled, lambda t: t.issue_type == t.true_issue_type),
        "category_accuracy": _right(handled, lambda t: t.category == t.true_category),
        "priority_accuracy": _right(handled, lambda t: t.priority == t.true_priority),
        "applied_accuracy": _right(applied, lambda t: t.issue_type == t.true_issue_type),
        "applied_priority_accuracy": _right(priority_applied, lambda t: t.priority == t.true_priority),
        "written_back": proportion(sum("issue_type" in t.written for t in applied), len(applied)),
    }
    for kind in ("plain", "hard"):
        rows = [t for t in handled if t.kind == kind]
        shares[f"issue_type_accuracy_{kind}"] = _right(rows, lambda t: t.issue_type == t.true_issue_type)
    rng = np.random.default_rng(seed)
    return {
        "tickets": len(tickets),
        **{name: _plain(share) for name, share in shares.items()},
        "ece": round(ece(confidence, right), 4),
        "ece_null": round(ece_null(confidence, rng=rng), 4),
    }


def _right(tickets: Sequence[LiveTicket], is_right: Callable[[LiveTicket], bool]) -> Proportion:
    return proportion(sum(is_right(t) for t in tickets), len(tickets))


def _plain(share: Proportion) -> dict[str, Any]:
    return {
        "value": round(share.value, 4),
        "n": share.n,
        "interval": [round(share.low, 4), round(share.high, 4)],
    }


_LABELS = {
    "handled": "handled",
    "applied_share": "applied alone",
    "issue_type_accuracy": "issue type right",
    "category_accuracy": "category right",
    "priority_accuracy": "priority right",
    "applied_accuracy": "right among applied",
    "applied_priority_accuracy": "priority right among applied",
}


def table(report: Mapping[str, Any]) -> str:
    """Render the report as the table that ends the demo (plain text, at most 80 columns)."""
    lines = [f"{'':30}{'share':>9}{'95 % interval':>20}{'n':>8}", "-" * 67]
    for key, label in _LABELS.items():
        share = report[key]
        low, high = share["interval"]
        interval = f"{100 * low:.1f} to {100 * high:.1f}"
        lines.append(f"{label:30}{100 * share['value']:>8.1f}%{interval:>20}{share['n']:>8}")
    lines += [
        "-" * 67,
        f"calibration error (ECE) {report['ece']:.3f}; a perfectly calibrated model stays below "
        f"{report['ece_null']:.3f} here",
        "seconds: " + ", ".join(f"{k} {v:.0f}" for k, v in report["seconds"].items()),
        "peak memory (MiB): " + ", ".join(f"{k} {v:.0f}" for k, v in report["peak_rss_mib"].items()),
        f"dataset {report['dataset']}   bundle {report['bundle']}",
        *(f"{name:9} {url}" for name, url in report["urls"].items()),
    ]
    return "\n".join(lines)
