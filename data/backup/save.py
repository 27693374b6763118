"""Writing a backup: the database at one moment, the configuration without secrets, the list of bundles."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from data.backup import postgres, sqlite, surroundings
from data.backup.archive import ArchiveWriter, creating, opened, storing
from data.backup.manifest import Contents, Manifest
from data.settings import Settings
from data.store.database import parse_url


@dataclass(frozen=True, slots=True)
class Saved:
    """A finished and re-read backup: where it is, its size in bytes, its SHA-256, its description."""

    path: Path
    size: int
    sha256: str
    manifest: Manifest


def back_up(settings: Settings, destination: Path | None, now: datetime) -> Saved:
    """Write the whole store to one file, while others work with it, and read the file again.

    `destination`: a new file or a directory; by default `backups/` under the home. Raises `StorageError`.
    """
    path = _place(settings, destination, now)
    url = parse_url(settings.database_url)
    kind = url.get_backend_name()
    with creating(path) as writer:
        contents = _database(settings, writer, path.parent)
        for name, text in surroundings.configuration(settings).items():
            with writer.part(surroundings.FOLDER + name) as put:
                put(text)
        names, champion = surroundings.bundles(settings)
        manifest = Manifest(version("firstline"), now, kind, contents, writer.parts, names, champion)
        writer.close(manifest)
    with opened(path) as archive:
        return Saved(path, path.stat().st_size, _sha256(path), archive.manifest)


def _database(settings: Settings, writer: ArchiveWriter, folder: Path) -> Contents:
    url = parse_url(settings.database_url)
    if url.get_backend_name() == "postgresql":
        return postgres.copy(url, writer)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".firstline-copy-")  # mode 0600
    os.close(handle)
    copy = Path(name)
    try:
        contents = sqlite.copy(Path(str(url.database)), copy)
        with storing(copy):
            writer.add(sqlite.FILE, copy)
        return contents
    finally:
        for suffix in ("", "-journal"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _place(settings: Settings, destination: Path | None, now: datetime) -> Path:
    name = f"firstline-{now:%Y%m%dT%H%M%SZ}.zip"
    if destination is None:
        return settings.home / "backups" / name
    path = destination.expanduser().resolve()
    return path / name if path.is_dir() else path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
