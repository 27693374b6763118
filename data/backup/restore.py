"""Reading a backup back: everything is checked first, what was there is set aside, nothing is lost.

Whatever was revoked or paused after the backup was made is not in it. So automation is paused after a
restore, until a person resumes it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from data import audit_heads
from data.audit_verify import Verdict, verify_within
from data.backup import postgres, sqlite, surroundings
from data.backup.archive import Archive, damaged, opened, storing
from data.backup.manifest import Contents, Manifest
from data.errors import BadInputError, StorageError
from data.settings import Settings
from data.store import audit, migrate, open_store, switches, tenancy
from data.store.audit import Fact, Head
from data.store.database import parse_url


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `head` is the end of the audit chain now, the restore's own rows included.

    `aside` says where the former rows are, `None` where there were none.
    """

    manifest: Manifest
    head: Head
    aside: str | None
    heads_aside: Path | None
    written: tuple[str, ...]
    left: tuple[str, ...]
    missing_bundles: tuple[str, ...]


def restore(settings: Settings, file: Path, now: datetime, *, replace: bool) -> Restored:
    """Replace the configured database by the backup `file`, migrated to this release's schema.

    Raises `BadInputError` for a file that is no intact backup, and `StorageError` where the database
    holds rows and `replace` is not set, or cannot be written. Then everything is as it was.
    """
    url = parse_url(settings.database_url)
    with opened(file) as archive:
        _fits(archive, url.get_backend_name())
        put = _postgresql if archive.manifest.database == "postgresql" else _sqlite
        aside, head = put(archive, url, now, replace=replace)
        files = dict(_configuration(archive))
    with storing(settings.home):
        heads_aside = _new_heads(settings.home, head, now)
        settings.home.mkdir(parents=True, exist_ok=True)
        written, left = surroundings.put_back(settings.home, files)
    here, _ = surroundings.bundles(settings)
    missing = tuple(b for b in archive.manifest.bundles if b not in here)
    return Restored(archive.manifest, head, aside, heads_aside, tuple(written), tuple(left), missing)


def check_rows(archive: Archive, found: Contents) -> None:
    """Raise `BadInputError` where the restored rows are not those that the manifest counts."""
    expected = archive.manifest.contents
    if (found.schema, found.counts, found.audit) != (expected.schema, expected.counts, expected.audit):
        raise damaged(archive.path, "its rows are not those that its manifest counts")


def settle(conn: Connection, archive: Archive, now: datetime) -> Head:
    """Verify the audit chain, pause automation, record the restore; return the new end of the chain."""
    verdict: Verdict = verify_within(conn)
    expected = archive.manifest.contents.audit
    if expected is not None and (verdict.rows, verdict.hash) != (expected.seq, expected.hash):
        raise damaged(archive.path, "its audit log ends elsewhere than its manifest says")
    if not verdict.intact:
        raise BadInputError(
            f"The audit log in {archive.path.name} was changed by hand: {verdict.problems[0]}."
            " Nothing was restored.",
            remedy="Restore a backup from before; keep this one as evidence.",
        )
    made = archive.manifest.created.isoformat(timespec="seconds")
    switches.pause(conn, None, "cli", f"restored from a backup of {made}", now)
    facts: dict[str, Fact] = {"backup_created": made, "rows": archive.manifest.contents.rows}
    audit.record(conn, actor="cli", action="store.restored", subject="store", at=now, facts=facts)
    audit.settle(conn)
    return audit.head(conn)


def _fits(archive: Archive, kind: str) -> None:
    manifest = archive.manifest
    if manifest.database != kind:
        raise BadInputError(
            f"The backup is of {manifest.database}, the configured database is {kind}.",
            remedy=f"Set FIRSTLINE_DATABASE_URL to a {manifest.database} database.",
        )
    if manifest.contents.schema > migrate.HEAD:
        raise BadInputError(
            f"The backup has schema {manifest.contents.schema}; this release knows {migrate.HEAD}.",
            remedy=f"Restore it with Firstline {manifest.product} or newer.",
        )


def _sqlite(archive: Archive, url: URL, now: datetime, *, replace: bool) -> tuple[str | None, Head]:
    path = Path(str(url.database)).resolve()
    aside = _aside(path, now)
    before = sqlite.find(path)
    if before.rows and not replace:
        raise not_empty(str(path))
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _staged(archive, path.parent) as staged:
        check_rows(archive, sqlite.inspect(staged))
        with open_store(f"sqlite:///{staged}") as store, store.write() as conn:
            head = settle(conn, archive, now)
        if before.replaceable_in_place:
            open_store(url.render_as_string(hide_password=False)).close()  # migrates
            try:
                used = sqlite.put_in_place(staged, path, aside, replace=replace)
            except sqlite.NotEmptyError:
                raise not_empty(str(path)) from None
            return (str(aside) if used else None), head
        with storing(path):
            sqlite.swap(staged, path, aside)
        return (str(aside) if before.exists else None), head


def _postgresql(archive: Archive, url: URL, now: datetime, *, replace: bool) -> tuple[str | None, Head]:
    aside = f"before_restore_{now:%Y%m%d_%H%M%S_%f}"
    with postgres.transaction(url) as conn:
        roles = tenancy.find_roles(conn)
        try:
            used = postgres.make_room(conn, aside, replace=replace)
        except sqlite.NotEmptyError:
            raise not_empty(str(url.database)) from None
        postgres.load(conn, archive)
        check_rows(archive, postgres.contents(conn))
        postgres.secure(conn, roles)
        head = settle(conn, archive, now)
    return (f"schema {aside}" if used else None), head


@contextmanager
def _staged(archive: Archive, folder: Path) -> Iterator[Path]:
    """Give the archive's database as a temporary file beside the place where it will be."""
    with storing(folder):
        handle, name = tempfile.mkstemp(dir=folder, prefix=".firstline-restore-")  # mode 0600
    staged = Path(name)
    try:
        with storing(staged), os.fdopen(handle, "wb") as out:
            archive.extract(sqlite.FILE, out)
        yield staged
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            staged.with_name(staged.name + suffix).unlink(missing_ok=True)


def _configuration(archive: Archive) -> Iterator[tuple[str, bytes]]:
    for name in archive.manifest.parts:
        if name.startswith(surroundings.FOLDER):
            with archive.part(name) as file:
                yield name.removeprefix(surroundings.FOLDER), file.read()


def _new_heads(home: Path, head: Head, now: datetime) -> Path | None:
    """Start a new file of exported heads: the old ones tell of a chain that is no longer there."""
    path, aside = home / audit_heads.HEADS_NAME, None
    if path.exists():
        aside = _aside(path, now)
        path.rename(aside)
    audit_heads.write(home, audit_heads.ExportedHead(now, head.seq, head.hash))
    return aside


def _aside(path: Path, now: datetime) -> Path:
    """Return a free name for what `path` holds before the restore."""
    name = f"{path.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
    free, number = path.with_name(name), 1
    while free.exists():
        number += 1
        free = path.with_name(f"{name}-{number}")
    return free


def not_empty(where: str) -> StorageError:
    """Say that a restore would replace rows."""
    return StorageError(
        f"The database {where} is not empty. Nothing was restored.",
        remedy="Restore with --replace, which sets what is there aside, or name an empty database.",
    )
