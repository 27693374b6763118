"""Whether a mapping fits what a tracker has: every problem at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.mapping import TrackerMapping
from data.taxonomy import Taxonomy
from data.youtrack.machine import KIND as MACHINE
from data.youtrack.survey import FieldFacts, Survey
from serving.connect.propose import SINGLE, keys_of

_SHOWN = 5
MOST_SKEW = 120.0
"""Seconds between the clocks from which on it matters: signed events are good for five minutes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit; `blocking`: Firstline cannot work like this."""

    where: str
    what: str
    remedy: str
    blocking: bool = True


def problems(mapping: TrackerMapping, survey: Survey, taxonomy: Taxonomy) -> list[Problem]:
    """Return everything that does not fit, in the order of our fields."""
    fields = {f.name: f for f in survey.fields}
    return [
        *_project(survey, mapping),
        *(p for ours, theirs in mapping.used_fields().items() for p in _field(ours, theirs, fields)),
        *_values(mapping, fields, taxonomy),
        *_states(mapping, fields),
        *_machine(mapping, fields),
        *_duplicates(mapping, survey),
        *_required(mapping, survey),
        *_surroundings(survey),
    ]


def _project(survey: Survey, mapping: TrackerMapping) -> Iterator[Problem]:
    login = survey.account.login
    if survey.project not in survey.projects:
        seen = ", ".join(survey.projects) or "none"
        yield Problem(
            "project", f"{login} does not see {survey.project} (it sees: {seen})", "Give it access."
        )
    if not survey.team:
        yield Problem("team group", f"{login} may not read the project's team", "Add it to the team.")
    if login not in mapping.service_accounts:
        yield Problem("account", f"{login} would count as a person", "Add it to desk.service_accounts.")


def _field(ours: str, theirs: str, fields: dict[str, FieldFacts]) -> Iterator[Problem]:
    facts = fields.get(theirs)
    if facts is None:
        remedy = f"Create it in the project, or name it in mapping.toml (fields.{ours})."
        yield Problem(ours, f"the project has no field {theirs!r} (or it is archived)", remedy)
        return
    if facts.issue_type == "SlaIssueCustomField":
        yield Problem(ours, f"{theirs!r} is an SLA timer, which nobody may write", "Choose another field.")
    elif ours != "state" and facts.kind not in SINGLE:
        yield Problem(
            ours, f"{theirs!r} is of kind {facts.kind or 'unknown'}, not one value", "Choose another."
        )
    elif ours == "state" and facts.kind != "state[1]":
        yield Problem(ours, f"{theirs!r} is of kind {facts.kind}, which resolves nothing", "Choose another.")
    elif facts.issue_type == MACHINE and ours != "state":
        what = f"{theirs!r} is run by a state machine: only its events change it"
        yield Problem(ours, what, "Take the rule off this field.", blocking=True)


def _values(mapping: TrackerMapping, fields: dict[str, FieldFacts], taxonomy: Taxonomy) -> Iterator[Problem]:
    for ours, keys in keys_of(taxonomy).items():
        facts = fields.get(mapping.named(ours))
        if facts is None or facts.kind not in SINGLE:
            continue
        lacking = [k for k in keys if mapping.value_of(ours, k) not in facts.values]
        archived = [k for k in lacking if mapping.value_of(ours, k) in facts.archived]
        for group, word in ((archived, "archived"), ([k for k in lacking if k not in archived], "missing")):
            if group:
                shown = ", ".join(group[:_SHOWN]) + (
                    f" and {len(group) - _SHOWN} more" if group[_SHOWN:] else ""
                )
                remedy = f"Add them to the field, or say how they are called (values.{ours} in mapping.toml)."
                yield Problem(ours, f"{len(group)} of {len(keys)} values {word}: {shown}", remedy)
        if ours == "priority" and mapping.default_priority not in keys:
            yield Problem(
                ours, f"{mapping.default_priority!r} is no priority", "Correct desk.default_priority."
            )


def _states(mapping: TrackerMapping, fields: dict[str, FieldFacts]) -> Iterator[Problem]:
    facts = fields.get(mapping.state)
    if facts is None or facts.kind != "state[1]":
        return
    gone = sorted(mapping.resolved_states - set(facts.resolved))
    if gone:
        yield Problem("state", f"not resolved in the tracker: {', '.join(gone)}", "Correct states.resolved.")


def _machine(mapping: TrackerMapping, fields: dict[str, FieldFacts]) -> Iterator[Problem]:
    """Say which resolved states no known event of a state machine leads to."""
    facts = fields.get(mapping.state)
    if facts is None or facts.issue_type != MACHINE:
        return
    known = {word.casefold() for event in facts.events for word in event if word}
    wanted = sorted(mapping.resolved_states)
    unled = [s for s in wanted if not {s.casefold(), mapping.state_events.get(s, s).casefold()} & known]
    if unled:
        offered = ", ".join(f"{i} ({shown})" if shown else i for i, shown in facts.events) or "none"
        yield Problem(
            "state",
            f"a state machine runs {mapping.state!r}; no event that was seen is known to lead to "
            f"{', '.join(unled)}; seen: {offered}",
            "Say which event does in mapping.toml, under states.events, if states are to be written.",
            blocking=False,
        )


def _duplicates(mapping: TrackerMapping, survey: Survey) -> Iterator[Problem]:
    if survey.relations and not mapping.duplicate_link and not mapping.duplicate_states:
        yield Problem(
            "duplicates",
            "neither a link nor a state says that a ticket is a duplicate: merged tickets count twice",
            "Name one in mapping.toml, under duplicates.",
            blocking=False,
        )


def _required(mapping: TrackerMapping, survey: Survey) -> Iterator[Problem]:
    ours = set(mapping.used_fields().values())
    must = [f for f in survey.fields if f.required and f.name not in ours]
    empty = [f"{f.name} ({f.lacking} of the newest {survey.looked_at} lack it)" for f in must if f.lacking]
    bare = [f.name for f in must if f.default is None and not f.lacking]
    for words in (empty, bare):
        if words:
            yield Problem(
                "required",
                f"tickets must have {', '.join(words)}: an update of a ticket without it is refused",
                "Give these fields a default value in the project, and fill them on open tickets.",
                blocking=False,
            )


def _surroundings(survey: Survey) -> Iterator[Problem]:
    if survey.administers:
        yield Problem(
            "account",
            f"{survey.account.login} may administer the tracker: more than Firstline needs",
            "Use a service account that reads and updates tickets of this project only.",
            blocking=False,
        )
    skew = survey.server.skew
    if skew is not None and abs(skew) > MOST_SKEW:
        yield Problem(
            "clock",
            f"the tracker's clock is {told_skew(skew)} ours",
            "Synchronise both machines' clocks (NTP): signed events are refused, polling goes on.",
            blocking=False,
        )


def told_skew(seconds: float) -> str:
    """Return a difference of clocks in words that `ours` follows."""
    return f"{abs(seconds) / 60:.0f} min {'ahead of' if seconds > 0 else 'behind'}"
