"""Files that only their owner may read, made once."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from data.private_file import create_once


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read_it_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        create_once(tmp_path / "salt", b"\x00secret\n")
    finally:
        os.umask(before)
    assert (tmp_path / "salt").read_bytes() == b"\x00secret\n"
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["salt"], "no draft is left"


def test_who_comes_second_changes_nothing(tmp_path: Path) -> None:
    create_once(tmp_path / "salt", b"first")
    create_once(tmp_path / "salt", b"second")
    assert (tmp_path / "salt").read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["salt"]


def test_a_draft_that_a_killed_process_left_is_never_written_to(tmp_path: Path) -> None:
    create_once(tmp_path / "salt", b"first")
    left = tmp_path / f"salt.{os.getpid()}"  # killed between the link and the end: the same file twice
    os.link(tmp_path / "salt", left)
    create_once(tmp_path / "salt", b"second")
    assert (tmp_path / "salt").read_bytes() == b"first"


def test_a_full_disk_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        create_once(tmp_path / "salt", b"x")
    assert list(tmp_path.iterdir()) == []


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        steps.append(f"{os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)

    def named(draft: str, path: Path) -> None:
        # Beside it: a link cannot cross file systems, and a backup of the home finds what was left.
        assert Path(draft).parent == tmp_path
        assert Path(draft).name.startswith("salt.")
        steps.append("named")
        link(draft, path)

    monkeypatch.setattr(os, "link", named)
    create_once(tmp_path / "salt", b"12345")
    assert steps == ["5 bytes", "named"]


def test_where_it_cannot_be_written_the_error_is_the_systems(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        create_once(tmp_path / "nowhere" / "salt", b"x")


def test_a_directory_in_its_place_is_nobody_elses_file(tmp_path: Path) -> None:
    (tmp_path / "salt").mkdir()
    create_once(tmp_path / "salt", b"x")  # something is there: whoever reads it is told what is wrong
    assert [p.name for p in tmp_path.iterdir()] == ["salt"]


def test_of_many_processes_one_is_first_and_its_content_is_whole(tmp_path: Path) -> None:
    with get_context("fork").Pool(4) as pool:
        pool.starmap(create_once, [(tmp_path / "salt", bytes([n]) * 5000) for n in range(24)])
    content = (tmp_path / "salt").read_bytes()
    assert len(content) == 5000
    assert len(set(content)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["salt"]


def test_of_many_threads_one_is_first_and_its_content_is_whole(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: create_once(tmp_path / "salt", bytes([n]) * 5000), range(24)))
    content = (tmp_path / "salt").read_bytes()
    assert len(content) == 5000
    assert len(set(content)) == 1
