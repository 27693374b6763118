"""What a backup says about itself: what it holds, how much, and the checksum of every part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from data.store.audit import Head

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: its schema revision, rows per table, and where the audit chain ends.

    `audit` is `None` for schemas from before the audit log. `columns`, by table, is the order of the values
    in a table's file (PostgreSQL only).
    """

    schema: str
    counts: Mapping[str, int]
    audit: Head | None
    columns: Mapping[str, tuple[str, ...]]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Part:
    """One file in the archive: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a whole backup. `database`: `sqlite` or `postgresql`; `created`: aware, UTC."""

    product: str
    created: datetime
    database: str
    contents: Contents
    parts: Mapping[str, Part]
    bundles: tuple[str, ...]
    champion: str | None

    def to_json(self) -> str:
        """Return the manifest as the text of its file."""
        return json.dumps({"format": FORMAT, **_plain(self)}, indent=1, sort_keys=True)


def from_json(text: str | bytes) -> Manifest:
    """Read a manifest. Raises `ValueError` where it is not one, or of a format from the future."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}, this release reads {FORMAT}")
        return _manifest(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error}") from None


def _plain(manifest: Manifest) -> dict[str, Any]:
    return {**asdict(manifest), "created": manifest.created.isoformat()}


def _manifest(found: dict[str, Any]) -> Manifest:
    contents = found["contents"]
    head = contents["audit"]
    created = datetime.fromisoformat(found["created"])
    if created.tzinfo is None:
        raise ValueError("the moment of the backup has no time zone")
    return Manifest(
        product=str(found["product"]),
        created=created,
        database=str(found["database"]),
        contents=Contents(
            schema=str(contents["schema"]),
            counts={str(k): int(v) for k, v in contents["counts"].items()},
            audit=None if head is None else Head(int(head["seq"]), str(head["hash"])),
            columns={str(k): tuple(map(str, v)) for k, v in contents["columns"].items()},
        ),
        parts={str(k): Part(int(v["size"]), str(v["sha256"])) for k, v in found["parts"].items()},
        bundles=tuple(map(str, found["bundles"])),
        champion=None if found["champion"] is None else str(found["champion"]),
    )
