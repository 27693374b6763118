"""The business budget, the groups, and how much evidence is still missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from data.group import Group
from eval.groups import REST, group_of, partition
from eval.risk import expected_need, fewest, least_handed_over, share_limit

rows = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.8, 0.9]), st.booleans()), min_size=1, max_size=200
)


@given(rows, st.sampled_from([0.005, 0.02, 0.1]))
def test_at_the_limit_the_corrected_share_is_within_the_budget_and_no_lower_score_is(pairs, share):
    scores, right = (np.asarray(column) for column in zip(*pairs, strict=True))
    right = right.astype(bool)
    limit = share_limit(scores, right, share=share)
    n = len(scores)
    if limit == float("inf"):
        assert 1 / (n + 1) > share
        return
    assert ((scores >= limit) & ~right).sum() + 1 <= share * (n + 1) + 1e-6
    lower = scores[scores < limit]
    if lower.size:
        assert ((scores >= lower.max()) & ~right).sum() + 1 > share * (n + 1)


def test_the_expected_share_of_all_tickets_wrong_and_alone_is_within_the_budget():
    """Exact in expectation over calibration sets and a new ticket, whatever the model."""
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(800):
        scores = rng.random(300)
        limit = share_limit(scores, rng.random(300) < scores**0.5, share=0.03)
        fresh = rng.random(2000)
        shares.append(((fresh >= limit) & ~(rng.random(2000) < fresh**0.5)).mean())
    assert np.mean(shares) <= 0.03 + 3 * np.std(shares) / 800**0.5
    assert np.mean(shares) > 0.02


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.sampled_from(["x", "y", "z"]))), st.integers(1, 5)
)
def test_every_ticket_has_one_group_and_only_the_rest_is_thin(pairs, least):
    clients, categories = [p[0] for p in pairs], [p[1] for p in pairs]
    for by in ("desk", "category", "client_category"):
        groups = partition(clients, categories, by=by, least=least)
        assert len(groups) == len(pairs)
        standing = set(groups) - {REST}
        for group in standing:
            assert groups.count(group) >= least
            assert by != "desk" and (by == "client_category" or not group.client)
        for (client, category), group in zip(pairs, groups, strict=True):
            assert group == group_of(standing, client, category)
            assert group == REST or group.category == category


def test_an_unknown_client_is_among_the_rest_of_its_category():
    standing = {Group("acme", "x"), Group("", "x")}
    assert group_of(standing, None, "x") == group_of(standing, "new", "x") == Group("", "x")
    assert group_of(standing, "acme", "x") == Group("acme", "x")
    assert group_of(standing, "acme", "y") == REST


@given(st.integers(0, 20), st.integers(1, 500), st.sampled_from([0.02, 0.05, 0.1]))
def test_what_is_said_to_be_needed_proves_it(errors, n, budget):
    need = expected_need(min(errors, n), n, budget, 0.95)
    rate = min(errors, n) / n
    if need is None:
        assert rate >= budget or rate > 0.99 * budget
        return
    assert need >= fewest(budget, 0.95)
    assert stats.binom.cdf(np.ceil(rate * need), need, budget) <= 0.05 + 1e-12


def test_even_a_perfect_ranking_hands_over_what_exceeds_the_budget():
    assert least_handed_over(0.2, 0.05) == pytest.approx(0.15 / 0.95)
    assert least_handed_over(0.03, 0.05) == 0.0
