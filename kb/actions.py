"""The closed set of things a pattern does, and which of them each handling allows.

A pattern for something that people handle is a `ForAPerson`: it has no place for an effect or a reply that
is sent. `Alone` can be made only for handlings that may be automatic, so a pattern that acts alone on money,
identity or privacy cannot exist.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from data.client_system import UNDO
from data.taxonomy import PRIORITIES, Handling
from kb.conditions import arguments_of
from kb.fields import FieldReader
from kb.vocabulary import writes

MayBeAutomatic = Literal["auto", "self_service"]
AUTOMATIC: frozenset[str] = frozenset(get_args(MayBeAutomatic))
VERBS = ("write", "add_article", "raise_priority", "hand_over", "resolve")


@dataclass(frozen=True, slots=True)
class Write:
    """An effect on the client system; `arguments` maps its arguments to facts."""

    name: str
    arguments: Mapping[str, str]

    @property
    def undo(self) -> Write | None:
        """What takes it back; `None` where nothing could be lost."""
        name = UNDO[self.name]
        return None if name is None else Write(name, self.arguments)


@dataclass(frozen=True, slots=True)
class Prepare:
    """What every pattern may do on the ticket itself: articles beside it, a team to go to.

    `priority` is the least it gets; a pattern never lowers one.
    """

    articles: tuple[str, ...]
    priority: str | None
    hand_over: str | None


@dataclass(frozen=True, slots=True)
class ForAPerson:
    """The pattern prepares and drafts; a person decides and acts."""

    prepare: Prepare


@dataclass(frozen=True, slots=True)
class Alone:
    """The pattern may act and resolve where policy and certificate allow it. Writes run in order."""

    prepare: Prepare
    writes: tuple[Write, ...]
    resolves: bool
    handling: MayBeAutomatic

    def __post_init__(self) -> None:
        if self.handling not in AUTOMATIC:
            raise ValueError(f"nothing is done alone where handling is {self.handling}")

    @property
    def rollback(self) -> tuple[Write, ...]:
        """What takes the writes back, last one first."""
        return tuple(w.undo for w in reversed(self.writes) if w.undo is not None)


Plan = ForAPerson | Alone


def read_plan(
    fields: FieldReader, handling: Handling, facts: Collection[str], teams: Collection[str]
) -> Plan:
    """Read `actions`; problems land in `fields`. The result never has more than `handling` allows."""
    articles: list[str] = []
    ordered: list[Write] = []
    single: dict[str, str] = {}
    resolves = False
    for item in fields.inners("actions", least=1):
        verb = next((v for v in VERBS if v in item.raw), None)
        if verb is None:
            item.note("", "it has none of the known verbs", f"Use {', '.join(VERBS)}.")
            continue
        item.only([verb], ["with"] if verb == "write" else [])
        if verb in ("write", "resolve") and handling not in AUTOMATIC:
            item.note(
                verb,
                f"handling {handling} leaves {verb} to a person",
                "Remove it: prepare (add_article, raise_priority, hand_over) and draft the reply.",
            )
        elif verb == "write":
            ordered += _write(item, facts)
        elif verb == "add_article":
            articles.append(item.text(verb))
        elif verb == "resolve":
            resolves = item.raw[verb] is True
            if not resolves:
                item.note(verb, "resolve must be true", "Write `resolve: true`, or remove the action.")
        else:
            _once(item, verb, single, PRIORITIES if verb == "raise_priority" else teams)
    prepare = Prepare(tuple(articles), single.get("raise_priority"), single.get("hand_over"))
    if handling == "auto" or handling == "self_service":
        return Alone(prepare, tuple(ordered), resolves, handling)
    if prepare.hand_over is None and handling == "never":
        fields.note("actions", "nobody gets the ticket", "Add `hand_over: TEAM`: a person must act.")
    return ForAPerson(prepare)


def _write(item: FieldReader, facts: Collection[str]) -> list[Write]:
    name = item.text("write")
    call = writes().get(name)
    if call is None:
        item.note("write", f"there is no effect {name!r}", f"Use one of {', '.join(writes())}.")
        return []
    return [Write(name, arguments_of(item, call, facts))]


def _once(item: FieldReader, verb: str, single: dict[str, str], allowed: Collection[str]) -> None:
    if verb in single:
        item.note(verb, f"{verb} is there twice", "Keep one.")
    single[verb] = item.choice(verb, tuple(allowed))
