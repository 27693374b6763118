"""Whether a mapping fits what a tracker has: every problem at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.mapping import TrackerMapping
from data.taxonomy import Taxonomy
from data.youtrack.survey import FieldFacts, Survey
from serving.connect.propose import SINGLE, keys_of

_SHOWN = 5


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
        *_required(mapping, survey),
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
    elif facts.issue_type == "StateMachineIssueCustomField" and ours != "state":
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


def _required(mapping: TrackerMapping, survey: Survey) -> Iterator[Problem]:
    ours = set(mapping.used_fields().values())
    wanted = [f.name for f in survey.fields if f.required and f.default is None and f.name not in ours]
    if wanted:
        yield Problem(
            "required",
            f"tickets must have {', '.join(wanted)}: an update of a ticket without it may be refused",
            "Give these fields a default value in the project.",
            blocking=False,
        )
