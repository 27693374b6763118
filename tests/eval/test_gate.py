import numpy as np
import pytest

from data.errors import SettingsError
from eval.gate import Measured, judge, read_floors

FLOORS = read_floors()


def measured(correct: np.ndarray, **changes) -> Measured:
    share = {"value": float(correct.mean()), "n": correct.size}
    report = {
        "families": correct.size,
        "issue_type_accuracy": share,
        "category_accuracy": {**share, "value": min(1.0, share["value"] + 0.05)},
        "priority_accuracy": share,
        "ece": 0.03,
        "ece_null": 0.05,
        "priority_ece": 0.03,
        "priority_ece_null": 0.05,
        **changes,
    }
    return Measured(report, correct, correct)


def right(share: float, n: int = 300, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(n) < share


def test_a_good_first_bundle_passes_on_floors_alone():
    verdict = judge(measured(right(0.85)), None, FLOORS)
    assert verdict.passed and not verdict.reasons


def test_every_reason_is_given_at_once():
    weak = measured(right(0.3, n=50), ece=0.2, priority_ece=0.3)
    reasons = " ".join(judge(weak, None, FLOORS).reasons)
    for words in (
        "50 audited",
        "issue_type_accuracy",
        "category_accuracy",
        "priority_accuracy",
        "ece is 0.200",
    ):
        assert words in reasons
    assert "priority_ece is 0.300" in reasons


def test_equal_and_better_candidates_pass_a_clearly_worse_one_does_not():
    champion = right(0.85)
    assert judge(measured(champion), measured(champion), FLOORS).passed
    worse = champion.copy()
    worse[np.flatnonzero(champion)[:12]] = False
    verdict = judge(measured(worse), measured(champion), FLOORS)
    assert not verdict.passed and "worse at issue type" in verdict.reasons[0]
    assert judge(measured(champion), measured(worse), FLOORS).passed


def test_a_gate_file_with_mistakes_names_them_all(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text("issue_type_accuracy: 2\ncolour: blue\n")
    with pytest.raises(SettingsError) as found:
        read_floors(path)
    for key in ("issue_type_accuracy", "colour", "least_families"):
        assert key in found.value.message
