"""What a replay came to: shares with exact 95 % intervals, by month, and against what was decided then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.metrics.mcnemar import mcnemar
from eval.metrics.proportion import Proportion, proportion
from serving.replay import Replayed


def summary(rows: Sequence[Replayed]) -> dict[str, Any]:
    """Return plain numbers. Rightness is counted where a person closed the ticket with that field, and
    only on tickets that the bundle's training has not seen (`trained` are left out of it).

    `reviewed` are the same figures on tickets that a second person confirmed. `then`: tickets decided at
    the time as well; `only_then` and `only_now` of them were right once, `p_worse` is the one-sided exact
    chance of at least so many losses were both equally good. `sooner`: tickets whose category would have been
    right at once, with the median and the sum of hours until a person set the issue type.
    """
    return {
        "n": len(rows),
        "trained": sum(r.trained for r in rows),
        "decisions": {k: sum(r.decision == k for r in rows) for k in ("apply", "suggest", "abstain")},
        **_rightness(rows),
        "reviewed": _rightness([r for r in rows if r.reviewed]),
        "then": _then(rows),
        "sooner": _sooner(rows),
        "months": _months(rows),
    }


def _rightness(rows: Sequence[Replayed]) -> dict[str, Any]:
    fresh = [r for r in rows if not r.trained]
    known = [r for r in fresh if r.truth_category]
    typed = [r for r in fresh if r.truth_type]
    urgent = [r for r in fresh if r.truth_priority]
    alone = [r for r in known if r.decision == "apply"]
    return {
        "closed_by_people": len(known),
        "applied": _share(sum(r.decision == "apply" for r in rows), len(rows)),
        "issue_type_right": _share(sum(r.issue_type == r.truth_type for r in typed), len(typed)),
        "category_right": _share(sum(r.category == r.truth_category for r in known), len(known)),
        "priority_right": _share(sum(r.priority == r.truth_priority for r in urgent), len(urgent)),
        "wrong_among_applied": _share(sum(r.category != r.truth_category for r in alone), len(alone)),
    }


def _then(rows: Sequence[Replayed]) -> dict[str, Any]:
    both = [r for r in rows if r.then_decision]
    known = [r for r in both if r.truth_category and not r.trained]
    now = np.asarray([r.category == r.truth_category for r in known], dtype=bool)
    before = np.asarray([r.then_category == r.truth_category for r in known], dtype=bool)
    paired = mcnemar(now, before)
    return {
        "n": len(both),
        "category_changed": sum(r.category != r.then_category for r in both),
        "decision_changed": sum(r.decision != r.then_decision for r in both),
        "applied_then": sum(r.then_decision == "apply" for r in both),
        "applied_now": sum(r.decision == "apply" for r in both),
        "only_now": paired.only_first,
        "only_then": paired.only_second,
        "p_worse": paired.p_worse,
    }


def _sooner(rows: Sequence[Replayed]) -> dict[str, Any]:
    hours = [
        r.hours
        for r in rows
        if r.hours is not None and not r.trained and r.decision == "apply" and r.category == r.truth_category
    ]
    return {
        "n": len(hours),
        "median_hours": float(np.median(hours)) if hours else None,
        "hours": round(float(np.sum(hours)), 1),
    }


def _months(rows: Sequence[Replayed]) -> list[dict[str, Any]]:
    by: dict[str, list[Replayed]] = defaultdict(list)
    for row in rows:
        by[row.created[:7]].append(row)
    return [{"month": month, "n": len(some), **_rightness(some)} for month, some in sorted(by.items())]


def _share(hits: int, n: int) -> dict[str, float | int]:
    return proportion(hits, n).as_dict()


def lines(found: dict[str, Any]) -> list[str]:
    """Render a summary for a terminal."""
    kinds = found["decisions"]
    out = [
        f"{found['n']} tickets: {kinds['apply']} written alone, {kinds['suggest']} suggested, "
        f"{kinds['abstain']} handed over; {found['trained']} of them were trained on and prove nothing",
        f"{'':<24}{'share':>8}  {'95 % interval':>16}  {'n':>7}",
    ]
    for name in ("applied", "issue_type_right", "category_right", "priority_right", "wrong_among_applied"):
        out.append(f"{name.replace('_', ' '):<24}{_interval(found[name])}")
    reviewed = found["reviewed"]["wrong_among_applied"]
    out.append(f"{'... reviewed tickets':<24}{_interval(reviewed)}")
    then = found["then"]
    if then["n"]:
        out.append(
            f"{then['n']} were decided at the time: {then['category_changed']} categories and "
            f"{then['decision_changed']} decisions differ; right only now {then['only_now']}, only then "
            f"{then['only_then']} (p {then['p_worse']:.3f} of so many losses by chance)"
        )
    sooner = found["sooner"]
    if sooner["n"]:
        out.append(
            f"{sooner['n']} would have been right at once instead of after {sooner['median_hours']:.1f} h "
            f"(median; {sooner['hours']:.0f} h together) until a person set the issue type"
        )
    out.append(f"{'month':<10}{'n':>7}{'applied':>10}{'wrong there':>13}{'category right':>16}")
    for m in found["months"]:
        shares = (m["applied"], m["wrong_among_applied"], m["category_right"])
        a, w, c = (f"{s['value']:.1%}" if s["n"] else "-" for s in shares)
        out.append(f"{m['month']:<10}{m['n']:>7}{a:>10}{w:>13}{c:>16}")
    return out


def _interval(share: dict[str, Any]) -> str:
    p = Proportion(**share)
    if not p.n:
        return f"{'-':>8}  {'':>16}  {0:>7}"
    return f"{p.value:>8.1%}  {100 * p.low:>6.1f} to {100 * p.high:>5.1f}  {p.n:>7}"
