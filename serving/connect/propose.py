"""Which of the tracker's fields and values mean what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.mapping import NAMED, TrackerMapping
from data.taxonomy import OUT_OF_SCOPE, Taxonomy
from data.youtrack.survey import FieldFacts, Survey
from serving.connect.words import duplicate_relation, is_duplicate_state, match_values, name_score

SINGLE = ("enum[1]", "state[1]", "ownedField[1]")
LEAST_SCORE = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    """One proposed field: `score` from 0 to 1 and what speaks for it; `theirs` is empty where none fits."""

    ours: str
    theirs: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping and why."""

    mapping: TrackerMapping
    lines: tuple[Line, ...]


def keys_of(taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Return our field -> every key that may be written into it."""
    return {
        "issue_type": taxonomy.labels,
        "category": (*taxonomy.categories, OUT_OF_SCOPE),
        "priority": tuple(taxonomy.priorities),
        "team": taxonomy.teams,
    }


def propose(
    survey: Survey, taxonomy: Taxonomy, known: TrackerMapping | None = None, *, creating: bool = False
) -> Proposal:
    """Return the mapping that fits best. What `known` says and the tracker still has is kept.

    With `creating`, fields that we write and the tracker lacks get our own names.
    """
    keys = keys_of(taxonomy)
    lines = _assigned(survey, keys, known)
    by_name = {f.name: f for f in survey.fields}
    names = {line.ours: line.theirs for line in lines}
    if creating:
        names |= {n: TrackerMapping().named(n) for n in keys if not names[n]}
    values = {}
    for ours, wanted in keys.items():
        facts = by_name.get(names.get(ours, ""))
        if facts is not None:
            values[ours] = {**match_values(ours, wanted, facts.values), **_still(known, ours, facts)}
    state, priority = by_name.get(names["state"]), by_name.get(names["priority"])
    resolved = state.resolved if state else ()
    mapping = TrackerMapping(
        **names,
        sla=tuple(f.name for f in survey.fields if f.issue_type == "SlaIssueCustomField"),
        values={ours: _told(ours, table) for ours, table in values.items()} | _others(known),
        resolved_states=frozenset(resolved) or frozenset({"Resolved"}),
        duplicate_link=_duplicate_link(survey, known),
        duplicate_states=frozenset(
            r
            for r in resolved
            if is_duplicate_state(r) or (known is not None and r in known.duplicate_states)
        ),
        state_events=dict(known.state_events) if known else {},
        service_accounts=(known.service_accounts if known else frozenset()) | {survey.account.login},
        default_priority=_default(priority, values.get("priority", {})),
    )
    return Proposal(mapping, lines)


def _duplicate_link(survey: Survey, known: TrackerMapping | None) -> str:
    if known is not None and known.duplicate_link in ("", *survey.relations):
        return known.duplicate_link
    return duplicate_relation(survey.relations)


def _assigned(
    survey: Survey, keys: Mapping[str, Iterable[str]], known: TrackerMapping | None
) -> tuple[Line, ...]:
    offers = [_offer(ours, f, tuple(keys.get(ours, ())), known) for ours in NAMED for f in survey.fields]
    taken: dict[str, Line] = {}
    for line in sorted(offers, key=lambda o: -o.score):
        if line.score >= LEAST_SCORE and line.ours not in taken and line.theirs not in _names(taken):
            taken[line.ours] = line
    nothing = {"issue_type", "priority", "state"}
    return tuple(
        taken.get(n, Line(n, TrackerMapping().named(n) if n in nothing else "", 0.0, "nothing fits"))
        for n in NAMED
    )


def _names(taken: Mapping[str, Line]) -> set[str]:
    return {line.theirs for line in taken.values()}


def _offer(ours: str, facts: FieldFacts, keys: tuple[str, ...], known: TrackerMapping | None) -> Line:
    if known is not None and known.named(ours) == facts.name:
        return Line(ours, facts.name, 1.0, "as in mapping.toml")
    fits = facts.kind == "state[1]" if ours == "state" else facts.kind in SINGLE and facts.kind != "state[1]"
    named = name_score(ours, facts.name)
    matched = len(match_values(ours, keys, facts.values))
    overlap = matched / len(keys) if keys else 0.0
    if not fits or facts.issue_type == "SlaIssueCustomField":
        return Line(ours, facts.name, 0.0, "")
    # A state field needs no better name than its kind: a project rarely has two.
    score = 0.5 * named + 0.1 + (0.4 * overlap if keys else 0.2 * (named > 0))
    score = score + 0.3 if ours == "state" else score
    said = [f"name {'is a known word' if named == 1 else 'contains a known word'}"] if named else []
    said += [f"{matched} of {len(keys)} values match"] if matched else []
    return Line(ours, facts.name, round(min(score, 1.0), 2), ", ".join([*said, f"kind {facts.kind}"]))


def _still(known: TrackerMapping | None, ours: str, facts: FieldFacts) -> dict[str, tuple[str, ...]]:
    table = known.values.get(ours, {}) if known is not None and known.named(ours) == facts.name else {}
    kept = {k: tuple(w for w in words if w in facts.values) for k, words in table.items()}
    return {k: words for k, words in kept.items() if words}


def _told(ours: str, table: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Leave out what the mapping says of itself, and a word that a person's entry already uses."""
    default, used = TrackerMapping(), set[str]()
    told = {}
    for key, words in table.items():
        free = tuple(w for w in words if w.casefold() not in used)
        used |= {w.casefold() for w in free}
        if free and free != (default.value_of(ours, key),):
            told[key] = free
    return told


def _others(known: TrackerMapping | None) -> dict[str, Mapping[str, tuple[str, ...]]]:
    names = ("client", "country", "language")
    return {n: known.values[n] for n in names if known is not None and known.values.get(n)}


def _default(priority: FieldFacts | None, table: Mapping[str, tuple[str, ...]]) -> str:
    for key, words in table.items():
        if priority is not None and priority.default in words:
            return key
    return TrackerMapping().default_priority
