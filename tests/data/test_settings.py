"""Settings: one error names everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import SettingsError
from data.settings import read_settings


def test_defaults_live_under_home(tmp_path: Path) -> None:
    settings = read_settings({"FIRSTLINE_HOME": str(tmp_path)})
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path / 'firstline.db'}"
    assert settings.tracker_url == "http://127.0.0.1:8801"


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "firstline.toml").write_text('service_port = 9000\nproject = "SUP"\n')
    settings = read_settings({"FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_SERVICE_PORT": "9100"})
    assert (settings.service_port, settings.project) == (9100, "SUP")


def test_sandbox_port_moves_the_default_tracker(tmp_path: Path) -> None:
    settings = read_settings({"FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_SANDBOX_PORT": "9301"})
    assert settings.tracker_url == "http://127.0.0.1:9301"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "firstline.toml").write_text('colour = "red"\n')
    environ = {
        "FIRSTLINE_HOME": str(tmp_path),
        "FIRSTLINE_SERVICE_PORT": "99999",
        "FIRSTLINE_TRACKER_URL": "youtrack.example",
        "FIRSTLINE_WEBHOOK_SECRET": "secret",
        "FIRSTLINE_POLL_SECONDS": "often",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    for word in ("colour", "service_port", "tracker_url", "webhook_secret", "poll_seconds"):
        assert word in str(caught.value)
    assert "firstline.toml" in caught.value.remedy


def test_broken_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "firstline.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match="not TOML"):
        read_settings({"FIRSTLINE_HOME": str(tmp_path)})


def test_no_secret_in_the_representation(tmp_path: Path) -> None:
    settings = read_settings({"FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_TRACKER_TOKEN": "perm:canary"})
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook_token", "secret"),
        ("webhook_token", "x" * 31),
        ("webhook_token", " " * 40),
        ("webhook_backlog", "0"),
        ("webhook_key_id", ""),
        ("webhook_key_id", "next"),
    ],
)
def test_settings_that_would_let_strangers_in_stop_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({f"FIRSTLINE_{name.upper()}": value})


def test_a_second_signing_key_counts_only_where_it_is_given_and_long_enough() -> None:
    one, two = "a" * 32, "b" * 32
    given = {"FIRSTLINE_WEBHOOK_SECRET": one, "FIRSTLINE_WEBHOOK_SECRET_NEXT": two}
    assert read_settings(given).webhook_secrets == (one, two)
    assert read_settings({"FIRSTLINE_WEBHOOK_SECRET": one}).webhook_secrets == (one,)
    with pytest.raises(SettingsError, match="webhook_secret_next"):
        read_settings({"FIRSTLINE_WEBHOOK_SECRET_NEXT": "short"})
