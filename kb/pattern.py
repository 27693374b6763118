"""Resolution patterns: symptom, checks, steps and reply of one approved way to solve a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from data.errors import BadInputError
from data.taxonomy import Taxonomy
from kb.fields import FieldReader, refusal

RiskClass = Literal["low", "medium", "high"]
Mode = Literal["assist", "auto"]
PATTERNS = Path(__file__).parent / "patterns"
_FIELDS = frozenset(
    [
        *("id", "issue_type", "mode", "risk_class", "approved_by", "version", "symptom", "applies_to"),
        *("checks", "steps", "reply_template"),
    ]
)
_SCOPE = frozenset(["clients", "countries", "releases", "valid_from", "valid_to"])


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a pattern applies; an empty list means everywhere."""

    clients: tuple[str, ...]
    countries: tuple[str, ...]
    releases: tuple[str, ...]
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """`checks` must all hold before `steps` are done; `mode` auto means that no person is asked."""

    id: str
    issue_type: str
    mode: Mode
    risk_class: RiskClass
    approved_by: str
    version: int
    symptom: str
    applies_to: Scope
    checks: tuple[str, ...]
    steps: tuple[str, ...]
    reply_template: str


def parse_pattern(path: Path, text: str, taxonomy: Taxonomy) -> Pattern:
    """Read one pattern. Raises `BadInputError` with every problem found; `path` names it."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _refused(path, [f"it is not YAML: {error}"]) from None
    if not isinstance(raw, dict):
        raise _refused(path, ["it is not a mapping"])
    fields = FieldReader(raw)
    fields.only(_FIELDS)
    pattern = Pattern(
        id=fields.identity("id", path.stem),
        issue_type=fields.text("issue_type"),
        mode=cast(Mode, fields.choice("mode", ("assist", "auto"))),
        risk_class=cast(RiskClass, fields.choice("risk_class", ("low", "medium", "high"))),
        approved_by=fields.text("approved_by", empty=True),
        version=raw["version"] if type(raw.get("version")) is int else 0,
        symptom=fields.text("symptom"),
        applies_to=_scope(raw.get("applies_to", {}), fields),
        checks=fields.texts("checks", least=1),
        steps=fields.texts("steps", least=1),
        reply_template=fields.text("reply_template"),
    )
    fields.placeholders("reply_template", pattern.reply_template)
    if "version" in raw and pattern.version < 1:
        fields.problems.append("version must be a whole number from 1")
    problems = fields.problems + _against(pattern, taxonomy)
    if problems:
        raise _refused(path, problems)
    return pattern


def _scope(raw: Any, fields: FieldReader) -> Scope:
    scope = FieldReader(raw if isinstance(raw, dict) else {})
    scope.only(_SCOPE)
    begin, end = scope.validity()
    found = Scope(scope.clients(), scope.countries(), scope.texts("releases"), begin, end)
    fields.problems += [f"applies_to: {p}" for p in scope.problems]
    return found


def _against(pattern: Pattern, taxonomy: Taxonomy) -> list[str]:
    """What the taxonomy and the desk's rules forbid."""
    about = taxonomy.issue_types.get(pattern.issue_type)
    problems = []
    if pattern.issue_type and about is None:
        problems.append(f"issue type {pattern.issue_type!r} is unknown")
    if pattern.mode == "auto":
        if about is not None and about.handling == "never":
            problems.append(f"{about.key} must be handled by a person: mode auto cannot be approved")
        if pattern.risk_class == "high":
            problems.append("a pattern of high risk cannot run by itself: use mode assist")
        if not pattern.approved_by:
            problems.append("mode auto needs approved_by")
    return problems


def read_patterns(directory: Path, taxonomy: Taxonomy) -> list[Pattern]:
    """Read every `*.yaml` in `directory`, by id. Raises `BadInputError` with the problems of all files."""
    patterns, problems = [], []
    for path in sorted(directory.glob("*.yaml")):
        try:
            patterns.append(parse_pattern(path, path.read_text(encoding="utf-8"), taxonomy))
        except (BadInputError, UnicodeDecodeError) as error:
            problems.append(error.message if isinstance(error, BadInputError) else f"{path}: not UTF-8")
    if problems:
        raise BadInputError("\n".join(problems), remedy="Correct these patterns.")
    return patterns


def _refused(path: Path, problems: list[str]) -> BadInputError:
    return BadInputError(refusal(path, problems), remedy="Correct these entries in the pattern.")
