"""Heads of the audit chain, exported to a file outside the database.

Whoever can write the database can cut the log's end off, or compute a whole new chain. The exported
heads show both: each says how many rows there were at a moment and which hash the last one had.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from data.errors import StorageError
from data.store import Store, audit

HEADS_NAME = "audit-heads.jsonl"
EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ExportedHead:
    """The chain's end as it was at a moment: the number of rows and the hash of the last."""

    at: datetime
    rows: int
    hash: str


def export(store: Store, home: Path, now: datetime) -> ExportedHead:
    """Append the present head to the file under `home`, readable by the owner only. Raises `StorageError`."""
    with store.read() as conn:
        end = audit.head(conn)
    exported = ExportedHead(now, end.seq, end.hash)
    write(home, exported)
    return exported


def write(home: Path, head: ExportedHead) -> None:
    """Append one head to the file under `home`, on the disk when this returns. Raises `StorageError`."""
    line = json.dumps({"at": head.at.isoformat(), "rows": head.rows, "hash": head.hash}) + "\n"
    path = home / HEADS_NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())  # one write: two processes do not mix their lines
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(
            f"The audit head could not be written to {path}: {error.strerror}.",
            remedy="Free disk space and check write access; the audit log itself is not affected.",
        ) from error


def read(home: Path) -> tuple[list[ExportedHead], int]:
    """Return the exported heads, oldest first, and how many lines of the file cannot be read."""
    path = home / HEADS_NAME
    if not path.is_file():
        return [], 0
    found, bad = [], 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            found.append(
                ExportedHead(datetime.fromisoformat(entry["at"]), int(entry["rows"]), str(entry["hash"]))
            )
        except (ValueError, KeyError, TypeError):
            bad += 1
    return found, bad


class HourlyExport:
    """Exports the head when an hour has passed since this process did it last."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._home = store, home
        self._next: datetime | None = None

    def turn(self, now: datetime) -> ExportedHead | None:
        """Export where it is due; return what was exported. Raises `StorageError`, and waits an hour too."""
        if self._next is not None and now < self._next:
            return None
        self._next = now + EVERY
        return export(self._store, self._home, now)
