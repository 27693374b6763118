"""The taxonomy: what a ticket can be about, and what follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from data.errors import SettingsError

Handling = Literal["self_service", "auto", "assist", "never"]

OUT_OF_SCOPE = "out_of_scope"
PRIORITIES = ("critical", "major", "normal", "minor")
DEFAULT_PATH = Path(__file__).parent / "sandbox" / "taxonomy.yaml"
_HANDLINGS = ("self_service", "auto", "assist", "never")
_OUT_OF_SCOPE_TEAM = "client-success"


@dataclass(frozen=True, slots=True)
class IssueType:
    """One thing a ticket can be about."""

    key: str
    category: str
    team: str
    tier: str
    handling: Handling
    about: str


@dataclass(frozen=True)
class Taxonomy:
    """Categories, issue types (without `out_of_scope`) and the priority rubric, in file order."""

    categories: Mapping[str, str]
    issue_types: Mapping[str, IssueType]
    priorities: Mapping[str, str]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the issue-type head predicts: every issue type, then `out_of_scope`."""
        return (*self.issue_types, OUT_OF_SCOPE)

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change when keys, categories, teams or handling change."""
        facts = [[t.key, t.category, t.team, t.tier, t.handling] for t in self.issue_types.values()]
        text = json.dumps([list(self.categories), list(self.priorities), facts])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def teams(self) -> tuple[str, ...]:
        """Every team named, in order of first mention."""
        return tuple(dict.fromkeys(t.team for t in self.issue_types.values()))

    def category_of(self, issue_type: str) -> str:
        """Return the category of a label; `out_of_scope` is its own category."""
        return OUT_OF_SCOPE if issue_type == OUT_OF_SCOPE else self.issue_types[issue_type].category

    def team_of(self, issue_type: str) -> str:
        """Return the default queue of a label (routing rules may override it)."""
        if issue_type == OUT_OF_SCOPE:
            return _OUT_OF_SCOPE_TEAM
        return self.issue_types[issue_type].team


def load_taxonomy(path: Path = DEFAULT_PATH) -> Taxonomy:
    """Read and check a taxonomy file. Raises `SettingsError` with every problem found."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"The taxonomy {path} does not exist.", remedy="Point to an existing taxonomy file."
        ) from None
    except yaml.YAMLError as error:
        raise SettingsError(
            f"The taxonomy {path} is not YAML: {error}", remedy="Correct the file at that line."
        ) from None
    problems = _problems(raw)
    if problems:
        raise SettingsError(
            f"The taxonomy {path} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            remedy="Correct these entries; each issue type needs category, team, tier, handling, about.",
        )
    types = {k: IssueType(key=k, **v) for k, v in raw["issue_types"].items()}
    return Taxonomy(raw["categories"], types, raw["priorities"])


def _problems(raw: Any) -> list[str]:
    if not isinstance(raw, dict):
        return ["the file is not a mapping"]
    found = [
        f"section {s!r} is missing or empty"
        for s in ("categories", "priorities", "issue_types")
        if not (isinstance(raw.get(s), dict) and raw[s])
    ]
    if found:
        return found
    if tuple(raw["priorities"]) != PRIORITIES:
        found.append(f"priorities must be {', '.join(PRIORITIES)} in this order")
    wanted = {"category", "team", "tier", "handling", "about"}
    for key, entry in cast(dict[str, dict[str, str]], raw["issue_types"]).items():
        if not isinstance(entry, dict) or set(entry) != wanted:
            found.append(f"{key}: wants exactly the keys {', '.join(sorted(wanted))}")
            continue
        if key == OUT_OF_SCOPE:
            found.append(f"{key}: is reserved")
        if entry["category"] not in raw["categories"]:
            found.append(f"{key}: unknown category {entry['category']!r}")
        if entry["handling"] not in _HANDLINGS:
            found.append(f"{key}: handling {entry['handling']!r} is none of {', '.join(_HANDLINGS)}")
    return found
