"""Settings of fields: new fields, new sets of values, new values. For administrators, here: the team.

A field is made in three steps, as on the real server: the shared field, its set of values (a bundle),
and its place in a project. What is made but used by no project is kept beside the tracker's state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import BUNDLE, ELEMENT, FIELD, PROTOTYPE, Element, Field
from data.sandbox.youtrack.views import ProjectFieldView

FAMILIES = ("enum", "state", "version", "build", "ownedField")


@dataclass
class Unused:
    """Shared fields (id -> name, kind) and bundles (id -> values by name) that no project has yet."""

    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    bundles: dict[str, dict[str, Element]] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    """Ids given out here."""


def values_of(call: Call, unused: Unused) -> dict[str, Element]:
    """Return the values of the bundle in the path."""
    wanted = call.path("bundle")
    if wanted in unused.bundles:
        return unused.bundles[wanted]
    for project in call.state.projects.values():
        for known in project.fields.values():
            if known.bundle == wanted and known.kind.startswith(call.path("family")):
                return known.values
    raise entity_not_found(wanted)


def add_value(call: Call, unused: Unused) -> Element:
    """Add a value to a bundle; its name must be new there."""
    _administrators_only(call)
    values, body = values_of(call, unused), call.object_body()
    name = _name(body)
    if name.casefold() in {v.casefold() for v in values}:
        raise ApiError(400, "Bad Request", f"The value {name} already exists", error_field="name")
    family = call.path("family")
    resolved = bool(body.get("isResolved")) if family == "state" else None
    values[name] = Element(_next(call, unused, ELEMENT), name, resolved, family)
    return values[name]


def remove_value(call: Call, unused: Unused) -> None:
    """Take a value away; tickets that have it keep it."""
    _administrators_only(call)
    values = values_of(call, unused)
    for name, element in values.items():
        if element.id == call.path("value"):
            del values[name]
            return
    raise entity_not_found(call.path("value"))


def add_bundle(call: Call, unused: Unused) -> dict[str, Any]:
    """Make an empty set of values."""
    _administrators_only(call)
    name = _name(call.object_body())
    if call.path("family") not in FAMILIES:
        raise entity_not_found(call.path("family"))
    made = _next(call, unused, BUNDLE)
    unused.bundles[made] = {}
    return {"id": made, "name": name, "$type": f"{call.path('family').capitalize()}Bundle"}


def add_shared_field(call: Call, unused: Unused) -> dict[str, Any]:
    """Make a shared field of a type."""
    _administrators_only(call)
    body = call.object_body()
    name, kind = _name(body), str((body.get("fieldType") or {}).get("id"))
    if kind not in KINDS:
        raise bad_request(f"Unknown field type {kind}")
    made = _next(call, unused, PROTOTYPE)
    unused.fields[made] = (name, kind)
    return {"id": made, "name": name, "$type": "CustomField"}


def attach(call: Call, unused: Unused) -> ProjectFieldView:
    """Put a shared field into a project; its tickets have it from now on, empty."""
    _administrators_only(call)
    project, body = call.project(), call.object_body()
    shared, bundle = str((body.get("field") or {}).get("id")), str((body.get("bundle") or {}).get("id"))
    if shared not in unused.fields:
        raise entity_not_found(shared)
    name, kind = unused.fields[shared]
    if KINDS[kind].bundled and bundle not in unused.bundles:
        raise entity_not_found(bundle)
    if name in project.fields:
        raise ApiError(400, "Bad Request", f"The project already has the field {name}")
    made = Field(
        _next(call, unused, FIELD), name, kind, bundle, unused.bundles.get(bundle, {}), prototype=shared
    )
    project.fields[name] = made
    for issue in call.state.issues.values():
        if issue.project is project:
            issue.fields[name] = None
    return ProjectFieldView(made)


def detach(call: Call) -> None:
    """Take a field out of a project; its values are lost, as on the real server."""
    _administrators_only(call)
    project = call.project()
    for name, known in project.fields.items():
        if call.path("field") == known.id:
            del project.fields[name]
            for issue in call.state.issues.values():
                if issue.project is project:
                    issue.fields.pop(name, None)
            return
    raise entity_not_found(call.path("field"))


def _administrators_only(call: Call) -> None:
    if not call.state.project.team.has(call.caller):
        raise forbidden("You do not have permission to change custom fields.")


def _name(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ApiError(400, "Field required", "Name is required", error_field="name")
    return name


def _next(call: Call, unused: Unused, prefix: str) -> str:
    """Return an id of that prefix that nothing has."""
    taken = {prefix + "-0"}
    for project in call.state.projects.values():
        for known in project.fields.values():
            taken |= {known.id, known.bundle, known.prototype, *(v.id for v in known.values.values())}
    taken |= set(call.state.prototypes.values()) | unused.given
    number = 1 + max(int(i.rpartition("-")[2] or 0) for i in taken if i.startswith(prefix + "-"))
    made = f"{prefix}-{number}"
    unused.given.add(made)
    return made
