"""Guarantees: the loosest threshold whose true error is within a promise, with a proof in numbers.

Fixed-sequence testing with exact binomial p-values (Angelopoulos et al., "Learn then Test", 2021):
the thresholds are visited from strict to loose in an order that depends on the scores only, and the
last one that is still proven is taken. P(true error of the accepted > budget) <= 1 - confidence,
without a Bonferroni correction, whatever the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, floor, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats


@dataclass(frozen=True, slots=True)
class Certificate:
    """What may be accepted without a person, and the evidence for it.

    `threshold`: accept scores >= it; None when nothing can be promised yet. `n` accepted audited
    tickets, `errors` among them, `bound` their one-sided Clopper-Pearson upper bound (0..1) at
    `confidence`; `coverage` = n / `audited`. `missing`: 0 when certified, otherwise how many more
    audited tickets are needed at the very least (were none of them an error). Without a threshold,
    n, errors and bound describe the strictest set that was tested.
    """

    threshold: float | None
    n: int
    errors: int
    bound: float
    coverage: float
    audited: int
    missing: int
    budget: float
    confidence: float

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain numbers for JSON."""
        return asdict(self)


def fewest(budget: float, confidence: float, errors: int = 0) -> int:
    """Return the smallest n for which `errors` of n prove a true error <= `budget`.

    59 for no error at 5 % / 95 %; 93 for one, 124 for two.
    """
    _check(budget, confidence)
    n = ceil(log(1 - confidence) / log(1 - budget))
    while special.bdtr(errors, n, budget) > 1 - confidence:
        n += 1
    return n


def expected_need(errors: int, n: int, budget: float, confidence: float) -> int | None:
    """Return how many accepted tickets would prove the promise if `errors` of `n` wrong went on.

    None where that rate is not below the budget: more tickets of this quality prove nothing.
    """
    _check(budget, confidence)
    rate = (errors / n) if n else 0.0
    if rate >= budget:
        return None
    low, high = 0, fewest(budget, confidence)
    while special.bdtr(ceil(rate * high), high, budget) > 1 - confidence:
        low, high = high, 2 * high
        if high > 10**7:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        proven = special.bdtr(ceil(rate * middle), middle, budget) <= 1 - confidence
        low, high = (low, middle) if proven else (middle, high)
    return high


def upper_bound(errors: int, n: int, confidence: float) -> float:
    """Return the one-sided Clopper-Pearson bound Beta^-1(confidence; errors + 1, n - errors)."""
    return 1.0 if errors >= n else float(stats.beta.ppf(confidence, errors + 1, n - errors))


def share_limit(scores: ArrayLike, correct: ArrayLike, *, share: float) -> float:
    """Return the lowest threshold at which at most `share` of *all* tickets are done alone and wrong.

    Conformal risk control (Angelopoulos et al., 2024): the smallest score t with
    (errors among scores >= t + 1) / (n + 1) <= share, so that the expected share on the next ticket is
    within it. The loss "accepted and wrong" only falls as t rises, which the method needs; the share of
    errors among what is accepted does not, which is why that one takes `certify`. Infinite where even
    no ticket at all is too many to promise (share < 1 / (n + 1)). Rows as in `certify`. Raises
    `ValueError` for a share out of range or unequal lengths.
    """
    if not 0 < share < 1:
        raise ValueError(f"share {share} must lie strictly between 0 and 1")
    score, wrong = _columns(scores, correct)
    allowed = floor(share * (score.size + 1) + 1e-9) - 1
    if allowed < 0:
        return float("inf")
    bad = np.sort(score[wrong])[::-1]
    # One error more than allowed must stay outside: the threshold lies just above its score.
    return 0.0 if bad.size <= allowed else float(np.nextafter(bad[allowed], np.inf))


def least_handed_over(error: float, budget: float) -> float:
    """Return the share (0..1) that people must keep even if the confidence ranked perfectly.

    With `error` wrong answers among all, every right one and budget / (1 - budget) times as many wrong
    ones may be accepted: (error - budget) / (1 - budget) stay, or none where error <= budget.
    """
    return max(0.0, (error - budget) / (1 - budget))


def certify(
    scores: ArrayLike,
    correct: ArrayLike,
    *,
    budget: float = 0.05,
    confidence: float = 0.95,
    start: int | None = None,
    target: float | None = None,
    at_least: float = 0.0,
) -> Certificate:
    """Find the loosest provable threshold on `scores` (n,) given audited `correct` (n,) boolean.

    Rows must be independent draws of what will be decided: unseen by training, one per text family,
    chosen without looking at the prediction. Testing starts at the first threshold that accepts
    `start` rows (default: a quarter of them, at least `fewest(budget, confidence)`), goes on while
    BinomCDF(errors; n, budget) <= 1 - confidence, and ends at the first failure. Equal scores enter
    together. With a `target` (0..budget) the loosest proven threshold at which at most that share was
    wrong is taken, or the strictest proven one where none is that good: all that are proven hold
    together, so choosing among them costs no confidence. Thresholds below `at_least` are not chosen;
    where none of the proven ones is as strict, nothing is certified. Raises `ValueError` for a budget,
    target or confidence out of range or unequal lengths.
    """
    _check(budget, confidence)
    if target is not None and not 0 <= target <= budget:
        raise ValueError(f"target {target} must lie between 0 and the budget {budget}")
    score, wrong = _columns(scores, correct)
    first = max(fewest(budget, confidence), score.size // 4 if start is None else start)
    order = np.argsort(-score, kind="stable")
    ranked, errors = score[order], np.cumsum(wrong[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if score.size else np.empty(0, int)
    tested = ends[ends + 1 >= first]
    # BinomCDF(errors; n, budget) for every threshold; the first failure ends the sequence.
    proven = special.bdtr(errors[tested], tested + 1, budget) <= 1 - confidence
    good = int(proven.size if proven.all() else proven.argmin())
    proven_ends = tested[:good]
    best = _chosen(proven_ends[ranked[proven_ends] >= at_least], errors, target)
    strictest = int(tested[0]) if tested.size else None
    return _certificate(ranked, errors, best, strictest, budget, confidence)


def _chosen(proven: np.ndarray, errors: np.ndarray, target: float | None) -> int | None:
    """Return the position of the last accepted row, or `None` where nothing is proven."""
    if not proven.size:
        return None
    if target is None:
        return int(proven[-1])
    good = proven[errors[proven] <= target * (proven + 1)]
    return int(good[-1] if good.size else proven[0])


def _certificate(
    ranked: np.ndarray,
    errors: np.ndarray,
    best: int | None,
    tested: int | None,
    budget: float,
    confidence: float,
) -> Certificate:
    audited = int(ranked.size)
    end = best if best is not None else tested
    n, wrong = (0, 0) if end is None else (end + 1, int(errors[end]))
    # Even error-free, n tickets must be accepted; errors seen so far raise that number.
    missing = 0 if best is not None else max(1, fewest(budget, confidence, wrong) - (n or audited))
    return Certificate(
        threshold=None if best is None else float(ranked[best]),
        n=n,
        errors=wrong,
        bound=upper_bound(wrong, n, confidence) if n else 1.0,
        coverage=n / audited if audited else 0.0,
        audited=audited,
        missing=missing,
        budget=budget,
        confidence=confidence,
    )


def _columns(scores: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    score = np.asarray(scores, dtype=np.float64)
    wrong = ~np.asarray(correct, dtype=bool)
    if score.shape != wrong.shape or score.ndim != 1:
        raise ValueError(f"scores {score.shape} and correct {wrong.shape} must be equally long vectors")
    return score, wrong


def _check(budget: float, confidence: float) -> None:
    if not (0 < budget < 1 and 0 < confidence < 1):
        raise ValueError(f"budget {budget} and confidence {confidence} must lie strictly between 0 and 1")
