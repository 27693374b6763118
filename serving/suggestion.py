"""A suggestion as an agent sees it, and what each answer to it would write. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.errors import BadInputError
from data.mapping import TrackerMapping
from data.store.decisions import StoredDecision
from data.store.feedback import Feedback
from data.store.leases import DONE
from data.store.outbox import Operation
from data.taxonomy import PRIORITIES, Taxonomy
from data.ticket import TicketRecord
from serving.deliver import KIND, plan
from serving.effects import UNDO
from serving.policy import Policy

ACCEPT, EDIT, DISMISS = "accept", "edit", "dismiss"
ACTIONS = (ACCEPT, EDIT, DISMISS, UNDO)
FIELDS = ("issue_type", "category", "priority", "team")


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket with our decision on it and all that followed, oldest first."""

    record: TicketRecord
    stored: StoredDecision
    operations: Sequence[Operation]
    answers: Sequence[Feedback]

    @property
    def last(self) -> Feedback | None:
        """What a person did last; an undo from elsewhere is in `stored`."""
        return self.answers[-1] if self.answers else None

    @property
    def effects(self) -> list[Operation]:
        return [op for op in self.operations if op.kind != UNDO]


def actions(case: Case) -> list[str]:
    """Return what can be done now."""
    decision, last = case.stored.decision.decision, case.last
    if case.stored.undone_at is not None or (last is not None and last.action == UNDO):
        return []
    undo = [UNDO] if case.effects else []
    if last is not None and last.action in (ACCEPT, EDIT):
        return [EDIT, *undo]
    accept = [] if decision == "abstain" else [ACCEPT]
    if last is not None:
        return [*accept, EDIT]
    return [*accept, EDIT, *(undo if decision == "apply" else [DISMISS])]


def proposed(case: Case, names: TrackerMapping) -> tuple[dict[str, str | None], dict[str, str]]:
    """Return (what accepting writes, by the tracker's names; what stays because a person filled it)."""
    triage = next((op for op in case.operations if op.kind == KIND), None)
    seen = triage.payload.get("priority_seen") if triage else case.record.priority
    wanted = replace(case.stored.decision, decision="apply", priority_decision="apply")
    values, _, kept = plan(wanted, case.record, seen, names)
    return values, kept


def corrected(case: Case, fields: Mapping[str, str], names: TrackerMapping) -> dict[str, str | None]:
    """Return what an edit writes: the rest of the suggestion as shown, and what the person chose."""
    accepted = case.last is not None and case.last.action in (ACCEPT, EDIT)  # then it is written already
    rest = {} if accepted or case.stored.decision.decision == "abstain" else proposed(case, names)[0]
    return {**rest, **{names.named(f): names.value_of(f, v) for f, v in fields.items() if names.named(f)}}


def checked(fields: Any, taxonomy: Taxonomy, policy: Policy) -> dict[str, str]:
    """Return the fields of an edit, with the category of a changed issue type.

    Raises `BadInputError` that names every wrong field; a value is never repeated.
    """
    if not isinstance(fields, dict) or not fields:
        raise BadInputError(
            "An edit changes at least one field.", remedy=f"Send `fields`: {_listed(FIELDS)}."
        )
    allowed = choices(taxonomy, policy) | {"category": [*taxonomy.categories, taxonomy.labels[-1]]}
    unknown = any(name not in FIELDS for name in fields)
    wrong = [name for name in FIELDS if name in fields and fields[name] not in allowed[name]]
    if unknown or wrong:
        problems = [*(["a field that is not known"] if unknown else []), *(f"`{n}`" for n in wrong)]
        raise BadInputError(
            f"Not possible: {', '.join(problems)}.",
            remedy="Choose from `choices` of the suggestion.",
        )
    found = {name: str(fields[name]) for name in FIELDS if name in fields}
    if "issue_type" in found:
        category = taxonomy.category_of(found["issue_type"])
        if found.setdefault("category", category) != category:
            raise BadInputError(
                "That issue type belongs to another category.", remedy="Leave `category` out: it follows."
            )
    return found


def choices(taxonomy: Taxonomy, policy: Policy) -> dict[str, list[str]]:
    """Return what an edit may choose."""
    teams = dict.fromkeys([*map(taxonomy.team_of, taxonomy.labels), *(r.team for r in policy.routing)])
    return {"issue_type": list(taxonomy.labels), "priority": list(PRIORITIES), "team": list(teams)}


def shown(case: Case, names: TrackerMapping, taxonomy: Taxonomy, policy: Policy) -> dict[str, Any]:
    """Return the suggestion as the service's JSON."""
    d, last = case.stored.decision, case.last
    ours = {names.named(f): f for f in FIELDS if names.named(f)}
    chosen = {f: getattr(d, f) for f in FIELDS} | (last.fields if last else {})
    left = _left(case)
    kept = {ours[n]: v for n, v in proposed(case, names)[1].items()} if d.decision != "abstain" else {}
    return {
        "ticket": case.record.readable_id,
        "decided_at": case.stored.decided_at.isoformat(),
        "decision": d.decision,
        "priority_decision": d.priority_decision,
        **{f: getattr(d, f) for f in FIELDS},
        "probability": d.probability,
        "priority_probability": d.priority_probability,
        "top": [{"issue_type": label, "probability": p} for label, p in d.top],
        "reason": d.reason,
        "bundle": d.bundle,
        "policy": d.policy,
        "written": [f for n, f in ours.items() if left.get(n) == names.value_of(f, chosen[f])],
        "kept": kept,
        "feedback": None if last is None else _answer(last),
        "undone_at": case.stored.undone_at.isoformat() if case.stored.undone_at else None,
        "undone_by": case.stored.undone_by,
        "delivery": case.operations[-1].state if case.operations else None,
        "actions": actions(case),
        "choices": choices(taxonomy, policy),
    }


def _answer(answer: Feedback) -> dict[str, Any]:
    return {
        "action": answer.action,
        "by": answer.actor,
        "at": answer.at.isoformat(),
        "fields": answer.fields,
    }


def _left(case: Case) -> dict[str, str | None]:
    """Return what our deliveries left in the ticket, by the tracker's names."""
    left: dict[str, str | None] = {}
    for op in case.operations:
        if op.state == DONE:
            left |= op.left or {}
    return left


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
