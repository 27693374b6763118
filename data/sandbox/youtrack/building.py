"""Projects and what their fields hold: how they are made, moved and compared."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import (
    BUNDLE,
    ELEMENT,
    FIELD,
    GROUP,
    PROJECT,
    Element,
    Field,
    Group,
    Project,
    User,
    Value,
    Visibility,
)


def default_of(field: Field) -> Value:
    """Return what a new issue has in the field."""
    if field.default:
        return field.values[field.default]
    return () if KINDS[field.kind].many else None


def carried(value: Value, field: Field) -> Value:
    """Return a value as the field of another project holds it: bundle values by name, people as they are."""
    if isinstance(value, Element):
        return field.values.get(value.name) or default_of(field)
    return default_of(field) if value is None or field.values else value


def as_lists(before: Value, after: Value) -> tuple[object, object]:
    """Return what the feed shows as added and removed."""
    if isinstance(before, tuple) or isinstance(after, tuple):
        old = before if isinstance(before, tuple) else ()
        new = after if isinstance(after, tuple) else ()
        return [v for v in new if v not in old], [v for v in old if v not in new]
    if isinstance(before, Element | User | Group) or isinstance(after, Element | User | Group):
        return [after] if after is not None else [], [before] if before is not None else []
    return after, before


def permitted(visibility: Visibility | None) -> list[object]:
    """Return whom a visibility names, groups first; nobody for an unlimited one."""
    return [] if visibility is None else [*visibility.groups, *visibility.users]


def build_project(
    short_name: str,
    name: str,
    fields: Iterable[tuple[str, str, list[str], str | None]],
    *,
    number: int = 3,
    helpdesk: bool = True,
) -> Project:
    """Build a project from (name, kind, value names, default); a `!` before a state's name: resolved.

    `number` makes the ids of several projects differ.
    """
    base = 0 if number == 3 else 1000 * number
    elements = count(base + 101)
    built: dict[str, Field] = {}
    for position, (field_name, kind, names, default) in enumerate(fields, start=base + 1):
        values, family = {}, kind.partition("[")[0]
        for text in names:
            bare = text.removeprefix("!")
            is_resolved = text.startswith("!") if kind == "state[1]" else None
            values[bare] = Element(f"{ELEMENT}-{next(elements)}", bare, is_resolved, family)
        built[field_name] = Field(
            f"{FIELD}-{position}", field_name, kind, f"{BUNDLE}-{position}", values, default
        )
    team = Group(f"{GROUP}-{5 + number}", f"{name} Team")
    team.project = Project(f"{PROJECT}-{number}", short_name, name, built, team, helpdesk)
    return team.project
