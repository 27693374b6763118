"""The list of safety modules, and the two measures of their tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import SettingsError, StorageError
from eval.benchmarks.mutants import Result, main, measure, table
from eval.benchmarks.safety_modules import SafetyModule, safety_modules

CONFTEST = """
from hypothesis import settings
settings.register_profile("mutants", derandomize=True)
"""
ODD = "def odd(n):\n    return n % 2 == 1\n\n\ndef never(n):\n    return n > 3\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a tree as `measure` expects it, with one module of two functions and a test of one."""
    for name in ("data", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "data" / "__init__.py").write_text("")
    (tmp_path / "data" / "odd.py").write_text(ODD)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST)
    (tmp_path / "tests" / "test_odd.py").write_text(
        "from data.odd import odd\n\ndef test_odd():\n    assert [odd(n) for n in range(4)] == [0, 1, 0, 1]\n"
    )
    return tmp_path


def test_every_listed_module_and_test_exists_and_is_listed_once() -> None:
    listed = safety_modules()
    assert len({m.path for m in listed}) == len(listed) > 10
    assert [m.path for m in safety_modules(["data/store/guard.py"])] == ["data/store/guard.py"]


def test_a_module_that_is_not_listed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match=r"data/labels\.py"):
        safety_modules(["data/labels.py"])
    assert main(["data/labels.py"]) == 2
    assert "No safety module" in capsys.readouterr().err


def test_changes_that_a_test_notices_are_killed_and_others_named(project: Path) -> None:
    """All of this runs: were the unchanged module imported, nothing would be killed."""
    found = measure(SafetyModule("data/odd.py", ("tests/test_odd.py",)), project, workers=2)
    assert found.killed >= 4, "of n % 2 == 1: the operator, both numbers, the comparison"
    assert {s.split("__mutmut")[0] for s in found.survivors} == {"data.odd.x_never"}
    assert found.mutants == found.killed + found.timeout + len(found.survivors)
    assert (project / "data" / "odd.py").read_text() == ODD


def test_tests_that_fail_without_any_change_are_an_error(project: Path) -> None:
    (project / "tests" / "test_odd.py").write_text(
        "from data.odd import odd\n\ndef test_odd():\n    assert odd(2)\n"
    )
    with pytest.raises(StorageError, match=r"data/odd\.py"):
        measure(SafetyModule("data/odd.py", ("tests/test_odd.py",)), project, workers=1)


def test_a_timeout_counts_as_noticed_and_a_module_below_the_bar_is_named() -> None:
    good = Result("data/good.py", 100, 80, 5, ())
    bad = Result("data/bad.py", 100, 80, 4, ("data.bad.x_f__mutmut_1: survived",))
    assert (good.share, bad.share) == (0.85, 0.84)
    assert table([good]).endswith("all at 85% or above")
    assert table([good, bad]).splitlines()[-2:] == [
        "  data.bad.x_f__mutmut_1: survived",
        "below 85%: data/bad.py",
    ]
