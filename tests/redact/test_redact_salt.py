"""The installation's salt."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from data.errors import StorageError
from data.redact.salt import SALT_NAME, read_salt


def test_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    salt = read_salt(home)
    assert len(salt) == 32
    assert read_salt(home) == salt
    assert stat.S_IMODE((home / SALT_NAME).stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == [SALT_NAME]
    assert read_salt(tmp_path / "other") != salt


def test_a_damaged_salt_is_refused(tmp_path: Path) -> None:
    (tmp_path / SALT_NAME).write_bytes(b"short")
    with pytest.raises(StorageError, match="5 bytes"):
        read_salt(tmp_path)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(StorageError, match="cannot be read or made"):
        read_salt(tmp_path / "home")
