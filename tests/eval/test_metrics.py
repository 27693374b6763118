import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from eval.metrics.accuracy import accuracy
from eval.metrics.confusion import confusion
from eval.metrics.ece import ece, ece_null
from eval.metrics.macro_f1 import class_scores, macro_f1
from eval.metrics.mcnemar import mcnemar
from eval.metrics.proportion import clopper_pearson, proportion, wilson
from eval.metrics.risk_coverage import risk_coverage

LABELS = ("a", "b", "c")
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=60)
scored = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)


@given(pairs)
def test_accuracy_f1_and_confusion_agree_with_sklearn(rows):
    predicted, truth = zip(*rows, strict=True)
    assert accuracy(predicted, truth).value == pytest.approx(accuracy_score(truth, predicted))
    seen = sorted(set(predicted) | set(truth))
    assert macro_f1(predicted, truth) == pytest.approx(
        f1_score(truth, predicted, labels=seen, average="macro", zero_division=0)
    )
    assert (confusion(predicted, truth, LABELS) == confusion_matrix(truth, predicted, labels=LABELS)).all()
    for score, f1 in zip(
        class_scores(predicted, truth, seen),
        f1_score(truth, predicted, labels=seen, average=None, zero_division=0),
        strict=True,
    ):
        assert score.f1 == pytest.approx(f1)


@given(st.integers(0, 200), st.integers(0, 200))
def test_intervals_hold_the_share_and_agree_with_scipy(hits, misses):
    n = hits + misses
    for interval, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        low, high = interval(hits, n)
        if n == 0:
            assert (low, high) == (0.0, 1.0)
            continue
        assert 0 <= low <= hits / n + 1e-12 and hits / n - 1e-12 <= high <= 1
        reference = stats.binomtest(hits, n).proportion_ci(0.95, method=method)
        assert (low, high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_clopper_pearson_covers_at_least_what_it_promises():
    rng = np.random.default_rng(5)
    for share in (0.02, 0.3, 0.9):
        hits = rng.binomial(60, share, size=2000)
        inside = [low <= share <= high for low, high in (clopper_pearson(int(h), 60) for h in hits)]
        assert np.mean(inside) >= 0.94


def test_more_hits_than_rows_are_refused():
    with pytest.raises(ValueError, match="within"):
        clopper_pearson(3, 2)
    assert proportion(0, 0).n == 0


def test_ece_by_hand():
    # Bin (0.6, 0.667]: three rows promise 0.65, two are right; bin (0.933, 1]: one row, right.
    assert ece([0.65, 0.65, 0.65, 1.0], [True, True, False, True]) == pytest.approx(
        (3 * abs(0.65 - 2 / 3) + 0) / 4
    )
    assert ece([], []) == 0.0


def test_a_calibrated_model_stays_under_the_null_in_about_95_percent():
    rng = np.random.default_rng(1)
    confidence = rng.beta(3, 1, size=300)
    limit = ece_null(confidence, rng=np.random.default_rng(2))
    seen = [ece(confidence, rng.random(300) < confidence) for _ in range(400)]
    assert 0.91 <= np.mean(np.asarray(seen) <= limit) <= 0.985
    overconfident = [ece(confidence, rng.random(300) < confidence**2) for _ in range(50)]
    assert np.mean(np.asarray(overconfident) > limit) > 0.9


def test_the_null_shrinks_with_n():
    rng = np.random.default_rng(3)
    confidence = rng.beta(3, 1, size=200)
    values = [ece_null(confidence, n, rng=np.random.default_rng(4), draws=300) for n in (100, 400, 1600)]
    assert values[0] > values[1] > values[2]


@given(scored)
def test_risk_coverage_ends_with_everything_and_its_error(rows):
    scores, correct = zip(*rows, strict=True)
    curve = risk_coverage(scores, correct)
    assert curve.coverage[-1] == pytest.approx(1.0)
    assert curve.risk[-1] == pytest.approx(1 - np.mean(correct))
    assert (np.diff(curve.coverage) > 0).all() and (np.diff(curve.thresholds) < 0).all()
    for threshold, risk in zip(curve.thresholds, curve.risk, strict=True):
        accepted = np.asarray(scores) >= threshold
        assert risk == pytest.approx(1 - np.asarray(correct)[accepted].mean())
    assert curve.coverage_at(0.0) == pytest.approx(1.0)


def test_mcnemar_is_the_one_sided_sign_test():
    first = [True] * 10 + [False] * 9 + [True] * 2
    second = [True] * 10 + [True] * 9 + [False] * 2
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (2, 9)
    assert found.p_worse == pytest.approx(stats.binomtest(9, 11, 0.5, alternative="greater").pvalue)
    assert mcnemar(first, first).p_worse == 1.0
