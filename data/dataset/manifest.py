"""The manifest: what a dataset is made of, in words and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from data.errors import BadInputError

MANIFEST_NAME = "manifest.json"
ROWS_NAME = "rows.parquet"
EXCLUDED_NAME = "excluded.parquet"
ANSWERS_NAME = "answers.parquet"
SHORT = 12


@dataclass(frozen=True, slots=True)
class Manifest:
    """Facts about one dataset version. `hash` is the content hash; `id` its first 12 digits."""

    hash: str
    created: str
    """ISO 8601, UTC. Not part of the hash."""
    code_revision: str
    query: Mapping[str, Any]
    """What was asked of the store."""
    versions: Mapping[str, str]
    """Of the row schema, the task, the redaction, the families and the taxonomy."""
    counts: Mapping[str, Any]
    """`rows`, `families`, `audited`, `answers`, `splits`, `split_families`, `clients`, `issue_types`,
    `priorities`, `directory`."""
    exclusions: Mapping[str, int]
    """Stored tickets left out, by reason."""
    files: Mapping[str, Mapping[str, Any]]
    """Name -> `sha256` and `bytes`."""

    @property
    def id(self) -> str:
        return self.hash[:SHORT]

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        return json.dumps({"id": self.id, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"


def read_manifest(directory: Path) -> Manifest:
    """Read a dataset's manifest. Raises `BadInputError` naming the file."""
    path = directory / MANIFEST_NAME
    remedy = "Build the dataset again with `firstline data build`."
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path} does not exist.", remedy=remedy) from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read: {error}", remedy=remedy) from None
    names = {f.name for f in fields(Manifest)}
    if not isinstance(raw, dict) or not names <= raw.keys():
        missing = sorted(names - raw.keys()) if isinstance(raw, dict) else ["everything"]
        raise BadInputError(f"{path} is no manifest: {', '.join(missing)} missing.", remedy=remedy)
    return Manifest(**{name: raw[name] for name in names})
