"""The guard: a running test that takes autonomy away when audited outcomes contradict the promise.

It may be looked at after every audited ticket, for as long as one likes, and still raises a false alarm
with probability <= 1 - confidence over all of time (Ville's inequality for a mixture likelihood ratio;
Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021). A weekly
confidence interval looked at for a year raises one in a quarter of all good years.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

from scipy import special, stats

# Where errors are expected before anything is seen: Beta(1/2, 9/2), mean 10 %, with weight near the budget
# and far above it, so that both a creeping and a sudden failure are noticed.
_A, _B = 0.5, 4.5


@dataclass(frozen=True, slots=True)
class Watch:
    """What the guard makes of `n` audited tickets of one group, `errors` of them wrong.

    `evidence` is the betting odds against the promise (1 = none): its largest value so far, for an alarm
    is not taken back by good luck afterwards. `limit` = 1 / (1 - confidence). `alarmed_at`: after how
    many audited tickets the limit was reached; None while the promise stands.
    """

    n: int
    errors: int
    evidence: float
    limit: float
    alarmed_at: int | None

    @property
    def alarmed(self) -> bool:
        return self.alarmed_at is not None


def odds_of_harm(errors: int, n: int, budget: float) -> float:
    """Return the mixture likelihood ratio of "more than `budget` are wrong" against "exactly `budget` are".

    E = [int_budget^1 q^x (1-q)^(n-x) dBeta(q) / Beta((budget, 1))] / [budget^x (1-budget)^(n-x)], an
    e-process for every true error <= budget because the likelihood ratio is monotone. Infinite where it
    exceeds what a float holds. Raises `ValueError` for counts or a budget out of range.
    """
    _check(errors, n, budget)
    after = stats.beta.logsf(budget, _A + errors, _B + n - errors)
    before = stats.beta.logsf(budget, _A, _B)
    return _ratio(errors, n, budget, float(after - before))


def odds_of_promise(errors: int, n: int, budget: float) -> float:
    """Return the same for "less than `budget` are wrong": what speaks for giving autonomy back.

    An e-process for every true error >= budget, with the mixture's weight below the budget.
    """
    _check(errors, n, budget)
    after = stats.beta.logcdf(budget, _A + errors, _B + n - errors)
    before = stats.beta.logcdf(budget, _A, _B)
    return _ratio(errors, n, budget, float(after - before))


def _check(errors: int, n: int, budget: float) -> None:
    if not (0 <= errors <= n and 0 < budget < 1):
        raise ValueError(f"{errors} errors of {n} at a budget of {budget} make no sense")


def _ratio(errors: int, n: int, budget: float, mass: float) -> float:
    seen = special.betaln(_A + errors, _B + n - errors) - special.betaln(_A, _B)
    promised = errors * log(budget) + (n - errors) * log(1 - budget)
    total = float(seen + mass - promised)
    return exp(total) if total < 700 else float("inf")


def watch(wrong: Iterable[bool], *, budget: float, confidence: float = 0.95) -> Watch:
    """Run the guard over audited outcomes in the order in which they were audited.

    The outcomes must be those of tickets drawn at random among what was done alone, never only of those
    that somebody complained about. Raises `ValueError` for a confidence out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie strictly between 0 and 1")
    limit = 1 / (1 - confidence)
    n = errors = 0
    evidence, alarmed_at = 1.0, None
    for outcome in wrong:
        n += 1
        errors += bool(outcome)
        if outcome:  # a right answer only lowers the odds
            evidence = max(evidence, odds_of_harm(errors, n, budget))
            if alarmed_at is None and evidence >= limit:
                alarmed_at = n
    return Watch(n, errors, evidence, limit, alarmed_at)


def regained(wrong: Iterable[bool], *, budget: float, confidence: float = 0.95) -> int | None:
    """Return after how many new audited tickets the promise is proven again, or None while it is not.

    `wrong` must be outcomes of tickets audited after the alarm; those that raised it prove nothing more.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie strictly between 0 and 1")
    errors = 0
    for n, outcome in enumerate(wrong, start=1):
        errors += bool(outcome)
        if not outcome and odds_of_promise(errors, n, budget) >= 1 / (1 - confidence):
            return n
    return None
