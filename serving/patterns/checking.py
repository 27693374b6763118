"""One pattern's checks on what is known of a case, in order, up to the first that does not hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kb.conditions import Condition, Value
from kb.pattern import Pattern
from kb.vocabulary import KNOWN
from serving.patterns.case import Case, Look, NoRecord, Seen

Outcome = Literal["holds", "fails", "unread", "lacks"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One check: what it asks, in words, how it stands and why."""

    asks: str
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pattern that may fit. `verdict` is the first outcome that is not `holds`, or `holds`.

    `look` is the next look-up where it is `unread`; `lacks` the facts that are missing; `given` what the
    checks give to the reply.
    """

    pattern: Pattern
    checks: tuple[Checked, ...]
    verdict: Outcome
    look: Look | None = None
    lacks: tuple[str, ...] = ()
    given: Mapping[str, object] = field(default_factory=dict)


def in_scope(pattern: Pattern, case: Case) -> bool:
    """Whether an approved pattern is for this case, as far as type, scope, words and the calendar tell.

    What is limited to countries or releases is not for a case whose country or release is unknown.
    """
    scope = pattern.applies_to
    return (
        pattern.record.status == "approved"
        and pattern.mode != "off"
        and case.issue_type in pattern.issue_types
        and scope.valid_from <= case.day <= (scope.valid_to or case.day)
        and (not scope.clients or case.tenant in scope.clients)
        and (not scope.countries or case.country in scope.countries)
        and (not scope.releases or case.release in scope.releases)
        and _words_fit(pattern, case.text)
    )


def _words_fit(pattern: Pattern, text: str) -> bool:
    flat = " ".join(text.casefold().split())
    some = pattern.detect.some
    return (not some or any(w.casefold() in flat for w in some)) and not any(
        w.casefold() in flat for w in pattern.detect.none
    )


def examine(pattern: Pattern, case: Case, seen: Seen) -> Candidate:
    """Take the checks in order and stop at the first that does not hold.

    In order, because the first ones say who asks: nothing is looked up about a person before they hold.
    """
    done: list[Checked] = []
    given: dict[str, object] = {}
    lacks = tuple(f for f in pattern.facts if f not in case.facts)
    for check in pattern.checks:
        look = look_of(check, case)
        checked = _checked(check, look, seen)
        done.append(checked)
        if checked.outcome != "holds":
            return Candidate(pattern, tuple(done), checked.outcome, look, lacks)
        given |= {slot: getattr(seen[look], entry) for slot, entry in check.give.items()} if look else {}
    verdict: Outcome = "lacks" if lacks else "holds"
    return Candidate(pattern, tuple(done), verdict, None, lacks, given)


def look_of(check: Condition, case: Case) -> Look | None:
    """Return the check's look-up with its arguments, `None` where a fact is missing."""
    found = bound(check.arguments, case)
    return None if found is None else Look(check.read, tuple(sorted(found.items())))


def bound(arguments: Mapping[str, str], case: Case) -> dict[str, str] | None:
    """Return argument -> value, `None` where a fact is missing."""
    if any(fact not in case.facts for fact in arguments.values()):
        return None
    return {argument: case.facts[fact] for argument, fact in arguments.items()}


def _checked(check: Condition, look: Look | None, seen: Seen) -> Checked:
    asks = words_of(check)
    if look is None:
        return Checked(asks, "lacks", "a fact for it is missing")
    if look not in seen:
        return Checked(asks, "unread", "not looked up yet")
    record = seen[look]
    if isinstance(record, NoRecord):
        return Checked(asks, "fails", "the client system has no such record")
    failing = [name for name, values in check.where.items() if not _one_of(getattr(record, name), values)]
    told = {name: _shown(getattr(record, name)) for name in check.where}
    why = ", ".join(f"{name} is {told[name]}" for name in (failing or check.where)) or "looked up"
    return Checked(asks, "fails" if failing else "holds", why)


def holds(check: Condition, record: Any) -> bool:
    """Whether a record is as the check wants it."""
    return all(_one_of(getattr(record, name), values) for name, values in check.where.items())


def _one_of(value: Any, values: tuple[Value, ...]) -> bool:
    if values == (KNOWN,):
        return value is not None
    return any(type(value) is type(v) and value == v for v in values)


def _shown(value: Any) -> str:
    """Only what has listed values is shown: no text or date of a person's record."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "missing"
    return value if isinstance(value, str) and value.replace("_", "").isalnum() else "known"


def words_of(check: Condition) -> str:
    """Return a check in words."""
    wants = ", ".join(
        f"{name} {' or '.join(('yes' if v else 'no') if isinstance(v, bool) else v for v in values)}"
        for name, values in check.where.items()
    )
    return f"{check.read.replace('_', ' ')}: {wants or 'there'}"
