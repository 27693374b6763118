"""The installation's salt."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from data.errors import StorageError
from data.redact.salt import SALT_NAME, read_salt, salt_of
from data.settings import read_settings


def test_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    salt = read_salt(home)
    assert len(salt) == 32
    assert read_salt(home) == salt
    assert stat.S_IMODE((home / SALT_NAME).stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == [SALT_NAME]
    assert read_salt(tmp_path / "other") != salt


def test_only_the_sandbox_desk_has_a_known_salt(tmp_path: Path) -> None:
    """A known salt lets anybody look stand-ins up: never where a real tracker may be behind the data."""
    a, b = ({"FIRSTLINE_HOME": str(tmp_path / name)} for name in "ab")
    assert salt_of(read_settings(a)) == salt_of(read_settings(b))
    assert not (tmp_path / "a").exists()
    for real in (
        {"FIRSTLINE_TRACKER_URL": "https://acme.youtrack.cloud"},
        {"FIRSTLINE_TRACKER_TOKEN": "perm:own"},
    ):
        own = {salt_of(read_settings({**home, **real})) for home in (a, b)}
        assert len(own) == 2
        assert salt_of(read_settings(a)) not in own


def test_a_damaged_salt_is_refused(tmp_path: Path) -> None:
    (tmp_path / SALT_NAME).write_bytes(b"short")
    with pytest.raises(StorageError, match="5 bytes"):
        read_salt(tmp_path)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(StorageError, match="cannot be read or made"):
        read_salt(tmp_path / "home")


def test_the_errors_say_which_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / SALT_NAME).write_bytes(b"x" * 33)
    with pytest.raises(StorageError) as caught:
        read_salt(tmp_path)
    assert caught.value.message == f"The redaction salt {tmp_path / SALT_NAME} has 33 bytes instead of 32."
    assert "Restore it from a backup" in caught.value.remedy
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"Not a directory|File exists") as caught:
        read_salt(tmp_path / "file")
    assert "FIRSTLINE_HOME" in caught.value.remedy


def test_the_sandboxes_salt_is_a_known_one(tmp_path: Path) -> None:
    known = hashlib.sha256(b"sandbox only: its people do not exist").digest()
    assert salt_of(read_settings({"FIRSTLINE_HOME": str(tmp_path)})) == known


def test_the_homes_parents_are_made(tmp_path: Path) -> None:
    assert len(read_salt(tmp_path / "a" / "b")) == 32
    assert len(read_salt(tmp_path / "a" / "b")) == 32
