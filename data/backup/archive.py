"""The backup as one file: a ZIP with a manifest and checksums, which appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from data.backup.manifest import Manifest, Part, from_json
from data.errors import BadInputError, StorageError

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
# What `zipfile` raises when bytes were changed, depending on which ones.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
)

Put = Callable[[bytes | memoryview], None]


class ArchiveWriter:
    """Takes parts one after the other and remembers their checksums."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.parts: dict[str, Part] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[Put]:
        """Give a function that appends bytes to the new part `name`."""
        digest, size = hashlib.sha256(), 0
        with self._file.open(name, "w", force_zip64=True) as out:

            def put(block: bytes | memoryview) -> None:
                nonlocal size
                out.write(block)
                digest.update(block)
                size += len(block)

            yield put
        self.parts[name] = Part(size, digest.hexdigest())

    def add(self, name: str, source: Path) -> None:
        """Copy a file in as the part `name`."""
        with source.open("rb") as file, self.part(name) as put:
            while block := file.read(_BLOCK):
                put(block)

    def close(self, manifest: Manifest) -> None:
        """Write the manifest, last."""
        self._file.writestr(MANIFEST, manifest.to_json())


@contextmanager
def creating(path: Path) -> Iterator[ArchiveWriter]:
    """Give a writer; the archive is at `path`, readable by its owner only, when the block ends well.

    Raises `StorageError` where the disk does not take it, or a file is there already.
    """
    if path.exists():
        raise StorageError(
            f"{path} exists already.", remedy="Name another file; a backup overwrites nothing."
        )
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    temporary = Path(name)
    try:
        with storing(path), os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
                yield ArchiveWriter(zipped)
            file.flush()
            os.fsync(file.fileno())
        with storing(path):
            temporary.replace(path)
            sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Archive:
    """An opened backup whose every part agrees with its manifest."""

    path: Path
    manifest: Manifest
    _file: zipfile.ZipFile

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        """Give one part to read. Raises `BadInputError` where it cannot be read or is missing."""
        try:
            with self._file.open(name) as file:
                yield file
        except KeyError:
            raise damaged(self.path, f"{name} is missing") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise damaged(self.path, str(error)) from None

    def extract(self, name: str, into: IO[bytes]) -> None:
        """Copy one part into an open file, on the disk when this returns."""
        with self.part(name) as file:
            while block := file.read(_BLOCK):
                into.write(block)
        into.flush()
        os.fsync(into.fileno())


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a backup after every byte of it was checked. Raises `BadInputError` for anything else."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read: {error.strerror}.", remedy="Give the file that `firstline backup` wrote."
        ) from None
    with file:
        try:
            zipped = zipfile.ZipFile(file)
        except _DAMAGE:
            file.seek(0)
            if file.read(2) == b"PK":
                raise damaged(path, "its end is missing or changed") from None
            raise _foreign(path) from None
        with zipped:
            yield Archive(path, _verified(path, zipped), zipped)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into `StorageError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}.",
            remedy="Free disk space, or name a place on another disk; nothing half-written was kept."
            if full
            else "Name a place that this user may write to; nothing half-written was kept.",
        ) from error


def sync_directory(path: Path) -> None:
    """Have a rename in this directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def damaged(path: Path, what: str) -> BadInputError:
    """Say that a backup is not as it was written."""
    return BadInputError(
        f"The backup {path.name} is damaged: {what}. Nothing was restored.",
        remedy="Copy it anew from where it was kept, or restore another backup.",
    )


def _foreign(path: Path) -> BadInputError:
    return BadInputError(
        f"{path.name} is not a Firstline backup.", remedy="Give the file that `firstline backup` wrote."
    )


def _verified(path: Path, zipped: zipfile.ZipFile) -> Manifest:
    names = zipped.namelist()
    if MANIFEST not in names:
        raise _foreign(path)
    try:
        manifest = from_json(zipped.read(MANIFEST))
        if sorted(names) != sorted([MANIFEST, *manifest.parts]):
            raise damaged(path, "it does not hold the parts that its manifest names")
        for name, expected in manifest.parts.items():
            if _measured(zipped, name) != expected:
                raise damaged(path, f"{name} has another checksum than when it was written")
    except (*_DAMAGE, OSError) as error:  # OSError: a changed offset may point before the file
        raise damaged(path, str(error)) from None
    return manifest


def _measured(zipped: zipfile.ZipFile, name: str) -> Part:
    digest, size = hashlib.sha256(), 0
    with zipped.open(name) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Part(size, digest.hexdigest())
