"""The salt of the stand-ins: made once per installation, kept beside the store, never in a dataset."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from data.errors import StorageError
from data.private_file import create_once
from data.settings import SANDBOX_TOKEN, Settings

SALT_NAME = "redaction.salt"
_BYTES = 32
_SANDBOX_SALT = hashlib.sha256(b"sandbox only: its people do not exist").digest()


def salt_of(settings: Settings) -> bytes:
    """Return the salt to redact with: the installation's own, or a known one for the sandbox desk.

    The people of the sandbox are invented, so nothing is given away, and the same simulated history gives
    the same dataset on every machine. Raises `StorageError`.
    """
    if settings.tracker_is_sandbox and settings.tracker_token == SANDBOX_TOKEN:
        return _SANDBOX_SALT
    return read_salt(settings.home)


def read_salt(home: Path) -> bytes:
    """Return the installation's salt (32 bytes), creating it on first use, readable by the owner only.

    Losing it only means that later datasets use other stand-ins. Raises `StorageError`.
    """
    path = home / SALT_NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            create_once(path, os.urandom(_BYTES))
        salt = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"The redaction salt {path} cannot be read or made: {error.strerror}.",
            remedy="Give this user write access to FIRSTLINE_HOME and free space, then run again.",
        ) from error
    if len(salt) != _BYTES:
        raise StorageError(
            f"The redaction salt {path} has {len(salt)} bytes instead of {_BYTES}.",
            remedy="Restore it from a backup, or delete it: later datasets then use other stand-ins.",
        )
    return salt
