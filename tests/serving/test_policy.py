"""Policies are checked strictly, and every problem is named at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.caps import Caps
from data.errors import SettingsError
from data.taxonomy import load_taxonomy
from serving.policy import SHIPPED, load_caps, load_policy, main, parse_policy

TAXONOMY = load_taxonomy()
GOOD: dict[str, Any] = yaml.safe_load((SHIPPED / "triage.yaml").read_text())


def test_the_shipped_policy_aims_below_what_it_promises() -> None:
    policy = load_policy(SHIPPED / "triage.yaml", TAXONOMY)
    assert policy.category.error_budget == 0.07
    assert policy.category.confidence == 0.80
    assert policy.category.target_error == 0.025


def test_a_target_above_the_budget_is_refused() -> None:
    wrong = {**GOOD, "category": {**GOOD["category"], "target_error": 0.08}}
    with pytest.raises(SettingsError, match="target_error is larger"):
        parse_policy(wrong, TAXONOMY)


def test_every_problem_is_named_at_once() -> None:
    wrong = copy.deepcopy(GOOD)
    wrong["category"]["error_budget"] = 5
    wrong["suggest_from"] = "0.3"
    wrong["surprise"] = 1
    del wrong["priority"]
    with pytest.raises(SettingsError) as caught:
        parse_policy(wrong, TAXONOMY)
    for part in ("category.error_budget", "suggest_from", "surprise", "priority", "4 problem"):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ({"issue_type": "no_such", "team": "x", "client": "a"}, "unknown issue type 'no_such'"),
        ({"issue_type": "payslip_missing", "team": "x"}, "name a client, a country, or both"),
        ({"issue_type": "payslip_missing", "team": "x", "country": "pl"}, "routing.0.country"),
        ({"issue_type": "payslip_missing", "team": "", "client": "a"}, "routing.0.team"),
    ],
)
def test_wrong_routes_are_refused(route: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse_policy({**GOOD, "routing": [route]}, TAXONOMY)


def test_two_rules_for_the_same_case_are_refused() -> None:
    route = {"issue_type": "payslip_missing", "team": "x", "client": "a"}
    with pytest.raises(SettingsError, match=r"routing\.1: a second rule"):
        parse_policy({**GOOD, "routing": [route, {**route, "team": "y"}]}, TAXONOMY)


def test_the_version_follows_the_content() -> None:
    policy = parse_policy(GOOD, TAXONOMY)
    assert parse_policy(copy.deepcopy(GOOD), TAXONOMY).version == policy.version
    assert parse_policy({**GOOD, "suggest_from": 0.31}, TAXONOMY).version != policy.version


@pytest.mark.parametrize("content", ["", "[]", "a: [", "42"])
def test_a_file_that_is_no_policy_is_one_clear_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"policy\.yaml"):
        load_policy(path, TAXONOMY)


def test_the_check_command_says_which_file_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    (tmp_path / "bad.yaml").write_text("issue_type: 1\n")
    assert main([str(tmp_path / "bad.yaml")]) == 1
    assert "bad.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("caps", [{}, {"per_hour": 0}, {"per_hour": 5, "per_day": 4}, {"per_week": 3}])
def test_caps_that_cannot_be_meant_are_refused(caps: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="caps"):
        parse_policy({**GOOD, "caps": caps}, TAXONOMY)


def test_caps_are_read_alone_and_change_the_version(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump({**GOOD, "caps": {"per_hour": 20}}))
    assert load_caps(path) == Caps(per_hour=20) == load_policy(path, TAXONOMY).caps
    assert load_policy(path, TAXONOMY).version != parse_policy(GOOD, TAXONOMY).version
    assert load_caps(SHIPPED / "triage.yaml") is None
