import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import log_softmax

from eval.calibration import fit_temperature, log_loss, softmax
from eval.risk import certify, fewest, upper_bound


def test_label_counts_that_prove_five_percent():
    assert [fewest(0.05, 0.95, errors) for errors in (0, 1, 2, 3, 5, 10)] == [59, 93, 124, 153, 208, 336]
    assert fewest(0.02, 0.95) == 149 and fewest(0.01, 0.95) == 299


@pytest.mark.parametrize("world", ["calibrated", "overconfident", "edge"])
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("target", [None, 0.03])
def test_the_promise_is_broken_in_at_most_five_percent_of_runs(world, n, target):
    """True error among the accepted is known in closed form, so a violation is exact."""
    rng = np.random.default_rng(11)
    grid = np.linspace(0, 1, 4001)
    truth = {"calibrated": lambda s: s, "overconfident": lambda s: s**1.7, "edge": lambda s: 0.0 * s + 0.95}[
        world
    ]
    right = truth(grid)
    density = stats.beta(6, 0.6).pdf(np.clip(grid, 1e-9, 1 - 1e-4))
    mass = np.cumsum(density[::-1])[::-1]
    risk = np.cumsum((density * (1 - right))[::-1])[::-1] / mass
    runs, broken = 400, 0
    for _ in range(runs):
        scores = rng.beta(6, 0.6, size=n)
        found = certify(scores, rng.random(n) < truth(scores), budget=0.05, confidence=0.95, target=target)
        # On the edge the error is exactly the budget everywhere; any smaller one would be kept.
        limit = 0.05 if world != "edge" else 0.05 - 1e-12
        if found.threshold is not None and np.interp(found.threshold, grid, risk) > limit + 1e-4:
            broken += 1
    # 5 % and three standard errors of 400 runs.
    assert broken / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_good_model_gets_most_of_what_it_deserves():
    rng = np.random.default_rng(2)
    scores = rng.random(2000)
    found = certify(scores, rng.random(2000) < np.where(scores > 0.4, 0.985, 0.6))
    assert found.threshold is not None
    assert found.coverage > 0.5
    assert found.bound <= 0.05


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.8, 0.9]), st.booleans()), max_size=300),
    st.sampled_from([0.02, 0.05, 0.2]),
)
def test_what_is_certified_is_proven_by_its_own_numbers(rows, budget):
    scores = np.asarray([r[0] for r in rows])
    correct = np.asarray([r[1] for r in rows], dtype=bool)
    found = certify(scores, correct, budget=budget)
    if found.threshold is None:
        assert found.missing >= 1
        return
    accepted = scores >= found.threshold
    assert found.n == accepted.sum() >= fewest(budget, 0.95)
    assert found.errors == (~correct[accepted]).sum()
    assert found.bound <= budget + 1e-9 and found.missing == 0
    assert stats.binom.cdf(found.errors, found.n, budget) <= 0.05 + 1e-12


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=40, max_size=300))
def test_a_target_never_goes_further_than_what_is_proven_and_is_kept_where_it_can_be(rows):
    scores = np.asarray([r[0] for r in rows])
    correct = np.asarray([r[1] or r[0] > 0.3 for r in rows], dtype=bool)
    proven = certify(scores, correct, budget=0.1, confidence=0.8, start=30)
    aimed = certify(scores, correct, budget=0.1, confidence=0.8, start=30, target=0.02)
    assert (proven.threshold is None) == (aimed.threshold is None)
    if aimed.threshold is None:
        return
    assert aimed.threshold >= proven.threshold and aimed.bound <= 0.1 + 1e-9
    # The only certified set with more errors than aimed at is the smallest one that was tested.
    smallest = np.sort(scores)[::-1][29]
    assert aimed.errors <= 0.02 * aimed.n or aimed.threshold == smallest


def test_too_few_audited_tickets_certify_nothing_and_say_how_many_are_missing():
    found = certify([0.99] * 58, [True] * 58)
    assert found.threshold is None and found.missing == 1
    assert certify([0.99] * 59, [True] * 59).threshold == 0.99
    assert certify([], []).missing == 59


def test_equal_scores_enter_together():
    # The first 60 would prove it, but they cannot be told apart from 40 wrong ones.
    assert certify([0.9] * 100, [True] * 60 + [False] * 40).threshold is None


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="between"):
        certify([0.5], [True], budget=0.0)
    with pytest.raises(ValueError, match="target"):
        certify([0.5], [True], budget=0.05, target=0.06)
    with pytest.raises(ValueError, match="equally long"):
        certify([0.5, 0.6], [True])


def test_the_bound_is_clopper_pearson():
    assert upper_bound(0, 59, 0.95) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(5, 5, 0.95) == 1.0


def test_temperature_recovers_the_true_scale():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20000, 5)) * 2
    labels = [rng.choice(5, p=p) for p in softmax(true)]
    assert fit_temperature(true * 3, labels) == pytest.approx(3, rel=0.05)
    assert fit_temperature(true / 2, labels) == pytest.approx(0.5, rel=0.05)


def test_temperature_is_the_argmin_on_a_grid():
    rng = np.random.default_rng(4)
    logits, labels = rng.normal(size=(300, 6)) * 4, rng.integers(0, 6, 300)
    best = log_loss(logits, labels, fit_temperature(logits, labels))
    assert best <= min(log_loss(logits, labels, t) for t in np.geomspace(0.05, 40, 400)) + 1e-6
    assert log_loss(logits, labels) == pytest.approx(
        -log_softmax(logits, axis=1)[np.arange(300), labels].mean()
    )


def test_no_rows_leave_the_scale_alone():
    assert fit_temperature(np.empty((0, 3)), []) == 1.0


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20), st.floats(0.02, 50))
def test_softmax_is_a_distribution_and_keeps_the_order(values, temperature):
    p = softmax(np.asarray([values]), temperature)[0]
    assert p.sum() == pytest.approx(1) and (p >= 0).all()
    assert p[int(np.argmax(values))] == p.max()
