"""How often the promises are broken, on simulated desks whose true error is known exactly.

`python -m eval.benchmarks.guarantees [--desks 2000]` prints, for a calibrated, an over-confident and an
edge desk (whose error is a hair above the budget at every confidence), how often a certified threshold's
true error exceeds the budget, beside the threshold that "looks right" on the same rows; then false alarms
of the guard over a year of 25 audits a week, and how soon it notices a broken promise, beside a weekly
confidence interval. Exits 1 where a promise is broken more often than stated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.benchmarks.row import row
from eval.guard import watch
from eval.risk import certify, upper_bound

BUDGET, CONFIDENCE = 0.05, 0.95
YEAR = 52 * 25
Floats = NDArray[np.float64]

# Probability that an answer is right, given the confidence that the model states.
WORLDS: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": lambda s: s,
    "over-confident": lambda s: s**1.7,
    "edge": lambda s: np.full_like(s, 1 - BUDGET - 2e-4),
}


def true_risk(world: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Return thresholds (k,) and the exact error among what each accepts, by quadrature."""
    grid = np.linspace(0, 1, 4001)
    density = stats.beta(6, 0.6).pdf(np.clip(grid, 1e-9, 1 - 1e-4))
    mass = np.cumsum(density[::-1])[::-1]
    wrong = np.cumsum((density * (1 - world(grid)))[::-1])[::-1]
    return grid, wrong / mass


def naive(scores: Floats, right: NDArray[np.bool_]) -> float | None:
    """Return the loosest threshold at which the observed error is within the budget."""
    order = np.argsort(-scores)
    errors = np.cumsum(~right[order])
    good = np.flatnonzero(errors <= BUDGET * (np.arange(scores.size) + 1))
    return float(scores[order][good[-1]]) if good.size else None


def desks(name: str, labels: int, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    """Calibrate `runs` desks on `labels` audited tickets each; count broken promises and coverage."""
    world = WORLDS[name]
    grid, risk = true_risk(world)
    limit = BUDGET + 1e-4  # the grid's rounding is no broken promise
    broken = looks = 0
    coverage = []
    for _ in range(runs):
        scores = rng.beta(6, 0.6, size=labels)
        right = rng.random(labels) < world(scores)
        found = certify(scores, right, budget=BUDGET, confidence=CONFIDENCE)
        coverage.append(found.coverage if found.threshold is not None else 0.0)
        broken += found.threshold is not None and float(np.interp(found.threshold, grid, risk)) > limit
        seen = naive(scores, right)
        looks += seen is not None and float(np.interp(seen, grid, risk)) > limit
    return {"broken": broken / runs, "looks": looks / runs, "coverage": float(np.mean(coverage))}


def weekly(wrong: NDArray[np.bool_]) -> int | None:
    """Return after how many tickets an interval looked at every week alarms: lower bound above the budget."""
    errors = np.cumsum(wrong)
    for n in range(25, wrong.size + 1, 25):
        x = int(errors[n - 1])
        if x and 1 - upper_bound(n - x, n, CONFIDENCE) > BUDGET:
            return n
    return None


def alarms(error: float, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    """Run guard and weekly interval over one year of audits each."""
    ours, theirs = [], []
    for _ in range(runs):
        wrong = rng.random(YEAR) < error
        ours.append(watch(wrong, budget=BUDGET, confidence=CONFIDENCE).alarmed_at)
        theirs.append(weekly(wrong))
    return {"guard": _summary(ours), "weekly": _summary(theirs)}


def _summary(at: list[int | None]) -> tuple[float, float | None]:
    """Share that alarmed, and the median number of audited tickets until then over all runs."""
    share = sum(a is not None for a in at) / len(at)
    median = float(np.median([float("inf") if a is None else a for a in at]))
    return share, None if median == float("inf") else median


def main() -> int:
    """Print both tables; return 1 where a promise is broken too often."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--desks", type=int, default=2000, help="simulated desks for each line")
    runs = parser.parse_args().desks
    rng = np.random.default_rng(20261125)
    # Three standard errors where there are few desks, so that chance alone does not fail the run.
    slack = 0.0 if runs >= 2000 else 3 * (0.05 * 0.95 / runs) ** 0.5
    failed, broken = _promises(runs, slack, rng)
    guard_failed, false_alarms = _guard(max(50, runs // 4), slack, rng)
    failed |= guard_failed
    print("\nFAILED" if failed else "\nAll promises kept.")
    what = f"`guarantees`: {runs:,} simulated desks a line, {len(WORLDS)} worlds"
    result = f"promise broken in {broken:.1%} at most, false alarms in {false_alarms:.1%} of years at most"
    print(row(what, result, "6 %, 5 %; alarms in time", met=not failed))
    return int(failed)


def _promises(runs: int, slack: float, rng: np.random.Generator) -> tuple[bool, float]:
    """Print the table; return whether a line failed, and the largest share of broken promises."""
    failed, most = False, 0.0
    print(f"Promise: at most {BUDGET:.0%} wrong, {CONFIDENCE:.0%} sure; {runs} simulated desks a line")
    print(f"{'desk':<16}{'audited':>8}{'promise broken':>16}{'looks-right broken':>20}{'coverage':>10}")
    for name in WORLDS:
        for labels in (200, 1000, 3000):
            found = desks(name, labels, runs, rng)
            bad = found["broken"] > 0.06 + slack
            failed |= bad
            most = max(most, found["broken"])
            print(
                f"{name:<16}{labels:>8}{found['broken']:>16.1%}{found['looks']:>20.1%}{found['coverage']:>10.1%}"
                + ("  FAILED" if bad else "")
            )
    return failed, most


def _guard(runs: int, slack: float, rng: np.random.Generator) -> tuple[bool, float]:
    """Print the table; return whether a line failed, and the largest share of false alarms."""
    failed, most = False, 0.0
    print(f"\nGuard over a year ({YEAR} audited tickets): share that alarmed, median tickets until then")
    goals = {0.03: (0.05, None), 0.05: (0.05, None), 0.07: None, 0.10: (None, 200), 0.20: (None, 30)}
    for error, goal in goals.items():
        found = alarms(error, runs, rng)
        (share, median), (weekly_share, weekly_median) = found["guard"], found["weekly"]
        bad = goal is not None and (
            (goal[0] is not None and share > goal[0] + slack)
            or (goal[1] is not None and (median is None or median > goal[1]))
        )
        failed |= bad
        if goal is not None and goal[0] is not None:
            most = max(most, share)
        print(
            f"true error {error:>4.0%}   guard {share:>6.1%} {_after(median)}   weekly interval "
            f"{weekly_share:>6.1%} {_after(weekly_median)}" + ("  FAILED" if bad else "")
        )
    return failed, most


def _after(median: float | None) -> str:
    return "after   -" if median is None else f"after {median:>4.0f}"


if __name__ == "__main__":
    sys.exit(main())
