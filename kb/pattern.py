"""Resolution patterns: how one case is recognised, checked, acted on and answered. Data, strictly typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, cast, get_args

from data.taxonomy import Handling, Taxonomy
from kb.actions import AUTOMATIC, Alone, Plan, read_plan
from kb.conditions import Condition, read_conditions
from kb.document import Document, read_text, yaml_document
from kb.fields import FieldReader
from kb.lifecycle import FIELDS, RECORDS, Record, read_record
from kb.problem import DocumentsError, Problem
from kb.vocabulary import ASKED, TELLABLE

Mode = Literal["off", "shadow", "draft", "auto"]
MODES: tuple[Mode, ...] = get_args(Mode)
RiskClass = Literal["low", "medium", "high"]
RISKS: tuple[RiskClass, ...] = get_args(RiskClass)
PATTERNS = Path(__file__).parent / "patterns"
_FIELDS = (
    *("id", "title", "issue_types", "language", "mode", "risk_class", "symptom", "applies_to", "checks"),
    *("actions", "reply_template", *FIELDS),
)
_OPTIONAL = ("detect", "facts", "question", "confirm", "yields_to", *RECORDS)
_SCOPE = ("clients", "countries", "releases", "valid_from", "valid_to")
_STRICTEST: tuple[Handling, ...] = ("never", "assist", "self_service", "auto")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a pattern applies; an empty list means everywhere, no `valid_to` means no end."""

    clients: tuple[str, ...]
    countries: tuple[str, ...]
    releases: tuple[str, ...]
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Detect:
    """Words of the ticket, without regard to case: one of `some` must be there, none of `none`."""

    some: tuple[str, ...]
    none: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One approved way to solve or prepare a case.

    `facts` may be missing from a ticket; `question` asks for all of them at once. `checks` must all hold
    before the plan is carried out (a first answer that a person sends may have none); `confirm` must hold
    afterwards. `mode` is the furthest it may go.
    """

    id: str
    title: str
    issue_types: tuple[str, ...]
    language: str
    mode: Mode
    risk_class: RiskClass
    symptom: str
    applies_to: Scope
    detect: Detect
    facts: tuple[str, ...]
    question: str
    checks: tuple[Condition, ...]
    plan: Plan
    confirm: tuple[Condition, ...]
    reply_template: str
    yields_to: tuple[str, ...]
    record: Record
    document: Document

    @property
    def slots(self) -> frozenset[str]:
        """What the reply may be filled with: known facts, and what the checks give."""
        return slots_of(self.facts, self.checks)


def slots_of(facts: tuple[str, ...], checks: tuple[Condition, ...]) -> frozenset[str]:
    """Return the reply's slots that are filled from facts or from checks that held."""
    given = {slot for check in checks for slot in check.give}
    return frozenset({"requester", "client", *(set(facts) & TELLABLE), *given})


def parse_pattern(path: Path, text: str, taxonomy: Taxonomy) -> Pattern:
    """Read one pattern. Raises `DocumentsError` with every problem found; `path` names it."""
    document = yaml_document(path, text)
    fields = FieldReader.of(document)
    fields.only(_FIELDS, _OPTIONAL)
    types = fields.known("issue_types", taxonomy.issue_types, "issue type", least=1)
    handling = strictest(types, taxonomy)
    facts = fields.known("facts", ASKED, "fact")
    checks = read_conditions(fields, "checks", facts)
    pattern = Pattern(
        id=fields.identity("id", path.stem),
        title=fields.text("title"),
        issue_types=types,
        language=fields.language(),
        mode=cast(Mode, fields.choice("mode", MODES)),
        risk_class=cast(RiskClass, fields.choice("risk_class", RISKS)),
        symptom=fields.text("symptom"),
        applies_to=_scope(fields),
        detect=_detect(fields),
        facts=facts,
        question=fields.text("question"),
        checks=checks,
        plan=read_plan(fields, handling, facts, taxonomy.teams),
        confirm=read_conditions(fields, "confirm", facts),
        reply_template=fields.text("reply_template"),
        yields_to=fields.texts("yields_to"),
        record=read_record(fields),
        document=document,
    )
    fields.placeholders("reply_template", pattern.reply_template, sorted(pattern.slots))
    _check_mode(pattern, fields, handling)
    _check_shape(pattern, fields)
    if pattern.record.owner and pattern.record.owner not in taxonomy.teams:
        fields.note(
            "owner", f"owner {pattern.record.owner!r} is no team", f"Use: {', '.join(taxonomy.teams)}."
        )
    if fields.problems:
        raise DocumentsError(fields.problems)
    return pattern


def strictest(issue_types: tuple[str, ...], taxonomy: Taxonomy) -> Handling:
    """Return the handling that binds a pattern for all of these; unknown types count as `never`."""
    found = [taxonomy.issue_types[t].handling if t in taxonomy.issue_types else "never" for t in issue_types]
    return min(found, key=_STRICTEST.index, default="never")


def _scope(fields: FieldReader) -> Scope:
    scope = fields.inner("applies_to")
    scope.only(_SCOPE)
    begin, end = scope.validity()
    return Scope(scope.clients(), scope.countries(), scope.releases(), begin, end)


def _detect(fields: FieldReader) -> Detect:
    if "detect" not in fields.raw:
        return Detect((), ())
    detect = fields.inner("detect")
    detect.only((), ("some", "none"))
    return Detect(detect.texts("some"), detect.texts("none"))


def _check_mode(pattern: Pattern, fields: FieldReader, handling: Handling) -> None:
    """Note what the desk's rules forbid a pattern that runs alone."""
    if pattern.mode != "auto":
        return
    if handling not in AUTOMATIC:
        fields.note("mode", f"handling {handling} must stay with a person", "Use mode draft.")
    if pattern.risk_class == "high":
        fields.note("risk_class", "a pattern of high risk cannot run by itself", "Use mode draft.")
    if isinstance(pattern.plan, Alone) and not pattern.plan.resolves:
        fields.note(
            "mode", "mode auto without resolve does nothing", "Add `resolve: true`, or use mode draft."
        )
    if not _asks(pattern, "identity", "address_on_record"):
        fields.note(
            "checks", "it runs without knowing who asks", "Check `identity` for the address on record."
        )


def _asks(pattern: Pattern, read: str, entry: str) -> bool:
    return any(c.read == read and c.where.get(entry) == (True,) for c in pattern.checks)


def _check_shape(pattern: Pattern, fields: FieldReader) -> None:
    """Note what must stand together and does not."""
    if pattern.facts and not pattern.question:
        fields.note("facts", "facts may be missing and nothing asks for them", "Add one `question` for all.")
    if pattern.question and not pattern.facts:
        fields.note("question", "a question without facts", "Name under `facts` what it asks for.")
    if isinstance(pattern.plan, Alone) and pattern.plan.writes and not pattern.confirm:
        fields.note("actions", "it acts and nothing confirms that it worked", "Add a `confirm` check.")
    if "employee" in pattern.facts and not _asks(pattern, "authority", "may_act"):
        fields.note("facts", "it is about another person and nobody checks the right", "Check `authority`.")


def read_patterns(directory: Path, taxonomy: Taxonomy) -> list[Pattern]:
    """Read every `*.yaml` in `directory`, by id. Raises `DocumentsError` with the problems of all files."""
    patterns, problems = collect_patterns(directory, taxonomy)
    if problems:
        raise DocumentsError(problems)
    return patterns


def collect_patterns(directory: Path, taxonomy: Taxonomy) -> tuple[list[Pattern], list[Problem]]:
    """Return the patterns that can be read, by id, and the problems of the others."""
    patterns: list[Pattern] = []
    problems: list[Problem] = []
    for path in sorted(directory.rglob("*.yaml")):
        try:
            patterns.append(parse_pattern(path, read_text(path), taxonomy))
        except DocumentsError as error:
            problems += error.problems
    return patterns, problems
