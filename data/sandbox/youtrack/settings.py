"""Settings of the tracker: who may change them, and what is made but used by no project yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, entity_not_found, forbidden
from data.sandbox.youtrack.model import Field, User
from data.sandbox.youtrack.visibility import entity_id


@dataclass
class Unused:
    """Shared fields and bundles that no project has yet, by id; each as a field without a project."""

    fields: dict[str, Field] = field(default_factory=dict)
    bundles: dict[str, Field] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    """Ids given out here."""


def administrators_only(call: Call) -> None:
    """Raise 403 for who is not in the first project's team."""
    if not call.state.project.team.has(call.caller):
        raise forbidden("You do not have permission to change settings.")


def attached(call: Call) -> Iterator[Field]:
    """Yield the fields of all projects."""
    for project in call.state.projects.values():
        yield from project.fields.values()


def named_user(call: Call, body: Any) -> User:
    """Return the person that a body names by login or id."""
    wanted = str(body.get("login") or entity_id(body)) if isinstance(body, dict) else str(body)
    user = call.state.find_user(wanted)
    if user is None:
        raise entity_not_found(wanted)
    return user


def named(body: dict[str, Any]) -> str:
    """Return the body's `name`. Raises `ApiError` 400 without one."""
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ApiError(400, "Field required", "Name is required", error_field="name")
    return name


def next_id(call: Call, unused: Unused, prefix: str) -> str:
    """Return an id of that prefix that nothing has."""
    taken = {prefix + "-0"}
    for known in attached(call):
        taken |= {known.id, known.bundle, known.prototype, *(v.id for v in known.values.values())}
    taken |= set(call.state.prototypes.values()) | unused.given
    number = 1 + max(int(i.rpartition("-")[2] or 0) for i in taken if i.startswith(prefix + "-"))
    made = f"{prefix}-{number}"
    unused.given.add(made)
    return made
