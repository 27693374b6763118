"""The taxonomy file, its derived facts and its errors."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.clock import ManualClock, from_millis, to_millis
from data.errors import SettingsError
from data.taxonomy import DEFAULT_PATH, OUT_OF_SCOPE, load_taxonomy


def test_shipped_taxonomy_has_its_shape() -> None:
    taxonomy = load_taxonomy()
    assert len(taxonomy.issue_types) == 71
    assert len(taxonomy.labels) == 72
    assert taxonomy.labels[-1] == OUT_OF_SCOPE
    assert len(taxonomy.categories) == 12
    assert taxonomy.category_of("payslip_missing") == "payslips_documents"
    assert taxonomy.team_of("bank_details_change") == "payments"
    assert taxonomy.category_of(OUT_OF_SCOPE) == OUT_OF_SCOPE


def test_version_changes_with_meaning_not_with_wording(tmp_path: Path) -> None:
    raw = yaml.safe_load(DEFAULT_PATH.read_text())
    raw["issue_types"]["payslip_missing"]["about"] = "other words"
    path = tmp_path / "taxonomy.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    assert load_taxonomy(path).version == load_taxonomy().version
    raw["issue_types"]["payslip_missing"]["team"] = "payments"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    assert load_taxonomy(path).version != load_taxonomy().version


def test_every_problem_of_a_file_is_named(tmp_path: Path) -> None:
    raw = yaml.safe_load(DEFAULT_PATH.read_text())
    raw["issue_types"]["payslip_missing"]["category"] = "nowhere"
    raw["issue_types"]["password_reset"]["handling"] = "magic"
    del raw["issue_types"]["mfa_device_lost"]["team"]
    path = tmp_path / "taxonomy.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    with pytest.raises(SettingsError) as caught:
        load_taxonomy(path)
    for word in ("nowhere", "magic", "mfa_device_lost"):
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2", "- a\n- b\n", "categories: {}\n"])
def test_no_traceback_for_a_file_that_is_no_taxonomy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_taxonomy(path)


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_milliseconds_round_trip(millis: int) -> None:
    assert to_millis(from_millis(millis)) == millis


def test_manual_clock_only_moves_forward() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    clock.sleep(60)
    assert clock.now() == datetime(2026, 5, 1, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="back"):
        clock.sleep(-1)
