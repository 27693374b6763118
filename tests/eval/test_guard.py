"""The guard: odds that are right, alarms that stand, and no false ones over a whole year."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from eval.guard import odds_of_harm, watch


@pytest.mark.parametrize(
    ("errors", "n", "budget"), [(0, 0, 0.05), (3, 20, 0.05), (12, 100, 0.1), (1, 200, 0.02)]
)
def test_the_odds_are_the_integral_they_claim_to_be(errors: int, n: int, budget: float) -> None:
    prior = stats.beta(0.5, 4.5)
    found, _ = integrate.quad(
        lambda q: q**errors * (1 - q) ** (n - errors) * prior.pdf(q), budget, 1, epsabs=0, epsrel=1e-10
    )
    expected = found / prior.sf(budget) / (budget**errors * (1 - budget) ** (n - errors))
    assert odds_of_harm(errors, n, budget) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 60), st.sampled_from([0.02, 0.05, 0.2]))
def test_under_the_promise_the_odds_are_a_fair_bet(n: int, budget: float) -> None:
    """E[odds] = 1 at exactly the budget, for every n: nobody gains by looking more often."""
    x = np.arange(n + 1)
    odds = np.asarray([odds_of_harm(int(k), n, budget) for k in x])
    assert float((stats.binom.pmf(x, n, budget) * odds).sum()) == pytest.approx(1.0, rel=1e-6)


@given(st.integers(0, 40), st.integers(0, 200), st.sampled_from([0.02, 0.05, 0.2]))
def test_another_error_never_speaks_for_the_promise(errors: int, right: int, budget: float) -> None:
    n = errors + right
    assert odds_of_harm(errors + 1, n + 1, budget) > odds_of_harm(errors, n + 1, budget)
    assert odds_of_harm(errors, n + 1, budget) < odds_of_harm(errors, n, budget)


def test_an_alarm_is_not_taken_back() -> None:
    bad = watch([True] * 6, budget=0.05)
    assert bad.alarmed and bad.alarmed_at is not None and bad.alarmed_at < 6
    later = watch([True] * 6 + [False] * 5000, budget=0.05)
    assert later.alarmed_at == bad.alarmed_at
    assert later.evidence == bad.evidence


def test_nothing_audited_is_no_alarm_and_a_hopeless_group_is_no_overflow() -> None:
    assert not watch([], budget=0.05).alarmed
    assert odds_of_harm(5000, 5000, 0.01) == float("inf")
    with pytest.raises(ValueError, match="make no sense"):
        odds_of_harm(3, 2, 0.05)
    with pytest.raises(ValueError, match="confidence"):
        watch([True], budget=0.05, confidence=1.0)


@pytest.mark.parametrize("true_error", [0.02, 0.05])
def test_a_kept_promise_is_left_alone_for_a_year_of_looking(true_error: float) -> None:
    rng = np.random.default_rng(1)
    alarms = sum(watch(rng.random(1300) < true_error, budget=0.05).alarmed for _ in range(300))
    assert alarms <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_a_broken_promise_is_noticed_soon() -> None:
    rng = np.random.default_rng(2)
    for true_error, within in ((0.1, 200), (0.2, 30)):
        seen = [watch(rng.random(3000) < true_error, budget=0.05).alarmed_at for _ in range(101)]
        assert np.median([n if n is not None else 3000 for n in seen]) <= within
