"""Typed checks of a pattern: a read, its arguments, what must come back, and what it gives to the reply."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kb.fields import FieldReader
from kb.vocabulary import ASKED, GIVEN, KNOWN, Call, Entry, reads

Value = str | bool
_ENTRIES = ("read", "with", "where", "give")


@dataclass(frozen=True, slots=True)
class Condition:
    """It holds if every entry in `where` is one of its values; `give` maps reply slots to entries.

    `arguments` maps the read's arguments to facts. The value `known` asks only that something is there.
    """

    read: str
    arguments: Mapping[str, str]
    where: Mapping[str, tuple[Value, ...]]
    give: Mapping[str, str]


def read_conditions(fields: FieldReader, name: str, facts: Collection[str]) -> tuple[Condition, ...]:
    """Read the list of checks under `name`; problems land in `fields`."""
    return tuple(found for item in fields.inners(name) if (found := _condition(item, facts)) is not None)


def arguments_of(fields: FieldReader, call: Call, facts: Collection[str]) -> Mapping[str, str]:
    """Read `with`: every argument of `call` gets a fact of the right type, and nothing else is there."""
    given = fields.inner("with")
    given.only(call.takes)
    found: dict[str, str] = {}
    for argument, wanted in call.takes.items():
        fact = given.raw.get(argument)
        if fact is None:
            continue
        kind = GIVEN.get(fact) or ASKED.get(fact) if isinstance(fact, str) else None
        if kind is None:
            given.note(argument, f"{fact!r} is no fact", f"Use one of {', '.join([*GIVEN, *ASKED])}.")
        elif kind is not wanted:
            given.note(
                argument,
                f"{call.name} wants a {wanted.__name__}, {fact} is a {kind.__name__}",
                "Give it a fact of that type.",
            )
        elif fact not in GIVEN and fact not in facts:
            given.note(argument, f"{fact} may be missing", f"Add {fact} to `facts`, so that it is asked for.")
        else:
            found[argument] = fact
    return found


def _condition(fields: FieldReader, facts: Collection[str]) -> Condition | None:
    fields.only(_ENTRIES[:2], _ENTRIES[2:])
    name = fields.text("read")
    call = reads().get(name)
    if call is None:
        if name:
            fields.note("read", f"there is no look-up {name!r}", f"Use one of {', '.join(reads())}.")
        return None
    if not fields.raw.get("where") and not fields.raw.get("give"):
        fields.note(
            "read", "the check neither asks nor gives anything", "Add `where` or `give`, or remove it."
        )
    where = fields.inner("where") if "where" in fields.raw else None
    give = fields.inner("give") if "give" in fields.raw else None
    wanted = {} if where is None else _where(where, call)
    return Condition(
        read=name,
        arguments=arguments_of(fields, call, facts),
        where=wanted,
        give={} if give is None else _give(give, call, wanted),
    )


def _where(fields: FieldReader, call: Call) -> dict[str, tuple[Value, ...]]:
    found = {}
    for name, value in fields.raw.items():
        entry = call.returns.get(str(name))
        if entry is None:
            fields.note(name, f"{call.name} has no {name!r}", f"It has {', '.join(call.returns)}.")
            continue
        values = tuple(value) if isinstance(value, list) else (value,)
        if (told := _unfit(entry, values)) is not None:
            fields.note(name, f"{name}: {told}", f"Use {_allowed(entry)}.")
        else:
            found[entry.name] = values
    return found


def _unfit(entry: Entry, values: tuple[Any, ...]) -> str | None:
    if values == (KNOWN,):
        return None if entry.optional else "it is always known"
    if not values:
        return "no value is given"
    for value in values:
        # A bool is no text: `status: true` must not pass as one of the texts, nor `hold: "true"`.
        if not any(type(value) is type(choice) and value == choice for choice in entry.choices):
            return f"{value!r} is none of its values"
    return "every value is allowed, so it asks nothing" if set(values) == set(entry.choices) else None


def _allowed(entry: Entry) -> str:
    words = [str(c).lower() if isinstance(c, bool) else c for c in entry.choices]
    return ", ".join([*words, *([KNOWN] if entry.optional else [])]) or "`give`: its values cannot be listed"


def _give(fields: FieldReader, call: Call, where: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for slot, name in fields.raw.items():
        entry = call.returns.get(name) if isinstance(name, str) else None
        if entry is None:
            fields.note(slot, f"{call.name} has no {name!r}", f"It has {', '.join(call.returns)}.")
        elif not entry.tellable:
            fields.note(slot, f"{name} may not be told", "Only dates, months and told texts fill a reply.")
        elif entry.optional and where.get(entry.name) != (KNOWN,):
            fields.note(slot, f"{name} may be missing", f"Add `{name}: known` under `where`.")
        elif slot in GIVEN or slot in ASKED:
            fields.note(slot, f"{slot} is the name of a fact", "Give the slot another name.")
        else:
            found[str(slot)] = entry.name
    return found
