"""Writing a dataset so that it is there completely or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.errors import StorageError

PARTIAL_PREFIX = ".partial-"


def fingerprints(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return SHA-256 and size of each file."""
    return {n: {"sha256": hashlib.sha256(b).hexdigest(), "bytes": len(b)} for n, b in files.items()}


def publish(directory: Path, files: Mapping[str, bytes]) -> bool:
    """Write `files` as `directory`; return false where it already exists (it is then left alone).

    They are written beside it, flushed to the disk, and moved into place in one step. Raises
    `StorageError` on any failure, with nothing left behind.
    """
    if directory.exists():
        return False
    draft = directory.parent / f"{PARTIAL_PREFIX}{directory.name}-{uuid.uuid4().hex[:8]}"
    try:
        draft.mkdir(parents=True)
        for name, content in files.items():
            _write(draft / name, content)
        _flush(draft)
        return _move(draft, directory)
    except OSError as error:
        raise StorageError(
            f"The dataset {directory.name} could not be written to {directory.parent}: {error.strerror}.",
            remedy="Free disk space and check write access, then run the same command again; nothing"
            " half-written was kept.",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move(draft: Path, directory: Path) -> bool:
    try:
        draft.rename(directory)
    except OSError:
        if directory.is_dir():  # another build of the same content was first
            return False
        raise
    _flush(directory.parent)
    return True


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
