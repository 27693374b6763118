"""The hand-written texts: ticket families, agents' resolutions, L3 root causes.

One text is one *family*: filled with other names and dates it is still the same text, so a family
never stands on two sides of a split. Slots are in double braces (`{{employee}}`, `{{employee2}}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from data.taxonomy import OUT_OF_SCOPE

Kind = Literal["plain", "hard", "out_of_scope", "several"]

ROOT = Path(__file__).parent
SLOT = re.compile(r"\{\{([a-z_]+?)(\d*)\}\}")


@dataclass(frozen=True, slots=True)
class Family:
    """One hand-written ticket. `id` is stable: `<file>/<kind>/<number>`."""

    id: str
    issue_type: str
    kind: Kind
    summary: str
    description: str
    persona: str
    channel: str
    lang: str
    priority: str
    also_mentions: str | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """How an agent closed a ticket: what the customer reads and what the desk notes."""

    public_reply: str
    internal_note: str
    applies_when: str


@dataclass(frozen=True, slots=True)
class RootCause:
    """What an L3 engineer writes when a defect behind a ticket is found (fields may be unknown)."""

    symptom: str
    root_cause: str
    fix: str
    workaround: str
    detection: str
    prevention: str
    component: str
    introduced_in: str | None


@cache
def load_families() -> tuple[Family, ...]:
    """Return every family, ordered by id."""
    found = [*_plain(), *_hard()]
    return tuple(sorted(found, key=lambda f: f.id))


@cache
def load_resolutions() -> dict[str, tuple[Resolution, ...]]:
    """Return the resolutions per issue type (none for `out_of_scope`)."""
    files = {k: v for k, v in _files().items() if v["resolutions"]}
    return {k: tuple(Resolution(**r) for r in v["resolutions"]) for k, v in files.items()}


@cache
def load_root_causes() -> dict[str, tuple[RootCause, ...]]:
    """Return the root causes per issue type."""
    files = {k: v for k, v in _files().items() if v["root_causes"]}
    return {k: tuple(RootCause(**r) for r in v["root_causes"]) for k, v in files.items()}


@cache
def _files() -> dict[str, dict[str, Any]]:
    paths = sorted((ROOT / "texts").glob("*.json"))
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in paths}


def _plain() -> Iterator[Family]:
    for path in sorted((ROOT / "plain").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for number, row in enumerate(rows):
            yield _family(path.stem, path.stem, "plain", number, row)


def _hard() -> Iterator[Family]:
    for stem, content in _files().items():
        kind: Kind = "several" if stem == "several_asks" else "hard"
        for number, row in enumerate(content["tickets"]):
            yield _family(stem, row.get("issue_type", stem), kind, number, row)


def _family(stem: str, issue_type: str, kind: Kind, number: int, row: dict[str, Any]) -> Family:
    return Family(
        id=f"{stem}/{kind}/{number:03d}",
        issue_type=issue_type,
        kind="out_of_scope" if issue_type == OUT_OF_SCOPE else kind,
        summary=row["summary"],
        description=row["description"],
        persona=row["persona"],
        channel=row["channel"],
        lang=row["lang"],
        priority=row["priority"],
        also_mentions=row.get("also_mentions"),
    )
