"""Fields that projects share: `/admin/customFieldSettings/customFields`."""

from __future__ import annotations

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import PROTOTYPE, Field, Project
from data.sandbox.youtrack.settings import Unused, administrators_only, attached, named, next_id
from data.sandbox.youtrack.shapes import FieldType, ProjectFieldView, PrototypeView


def shared_fields(call: Call, unused: Unused) -> list[PrototypeView]:
    """Return every shared field once."""
    every = {f.prototype: PrototypeView(f) for f in attached(call)}
    every.update({name: PrototypeView(f) for name, f in unused.fields.items() if name not in every})
    return call.page(list(every.values()))


def shared_field(call: Call, unused: Unused) -> PrototypeView:
    """Return the shared field in the path."""
    return PrototypeView(_instances(call, unused)[0])


def instances(call: Call, unused: Unused) -> list[ProjectFieldView]:
    """Return where projects have the shared field in the path."""
    return call.page([ProjectFieldView(f) for f in _instances(call, unused) if f.id])


def add_shared_field(call: Call, unused: Unused) -> PrototypeView:
    """Make a shared field of a type."""
    administrators_only(call)
    body = call.object_body()
    name, kind = named(body), str((body.get("fieldType") or {}).get("id"))
    if kind not in KINDS:
        raise bad_request(f"Unknown field type {kind}")
    made = next_id(call, unused, PROTOTYPE)
    unused.fields[made] = Field("", name, kind, "", {}, prototype=made)
    return PrototypeView(unused.fields[made])


def change_shared_field(call: Call, unused: Unused) -> PrototypeView:
    """Rename a shared field in every project."""
    administrators_only(call)
    known, body = _instances(call, unused), call.object_body()
    name = named(body) if "name" in body else known[0].name
    for project in call.state.projects.values():
        ours = [f for f in known if project.fields.get(f.name) is f]
        if ours and name in project.fields and project.fields[name] is not ours[0]:
            raise ApiError(400, "Bad Request", f"The field {name} already exists", error_field="name")
    for each in known:
        _rename(call, each, name)
        each.localized = body.get("localizedName", each.localized)
    return PrototypeView(known[0])


def remove_shared_field(call: Call, unused: Unused) -> None:
    """Delete a shared field, and with it what projects hold in it."""
    administrators_only(call)
    _instances(call, unused)
    for project in call.state.projects.values():
        for known in [f for f in project.fields.values() if f.prototype == call.path("shared")]:
            drop(call, project, known)
    unused.fields.pop(call.path("shared"), None)


def types(call: Call) -> list[FieldType]:
    """Return every type that a field can have."""
    return call.page([FieldType(name) for name in KINDS if name != "sla"])


def _rename(call: Call, known: Field, name: str) -> None:
    for project in call.state.projects.values():
        if project.fields.get(known.name) is known and known.name != name:
            project.fields = {name if f is known else n: f for n, f in project.fields.items()}
            for issue in call.state.issues.values():
                if issue.project is project:
                    issue.fields[name] = issue.fields.pop(known.name)
    known.name = name
    call.state.version += 1


def drop(call: Call, project: Project, known: Field) -> None:
    """Take a field out of a project; its values are lost, as on the real server."""
    del project.fields[known.name]
    for issue in call.state.issues.values():
        if issue.project is project:
            issue.fields.pop(known.name, None)
    call.state.version += 1


def _instances(call: Call, unused: Unused) -> list[Field]:
    wanted = call.path("shared")
    found = [f for f in attached(call) if f.prototype == wanted]
    if not found and wanted not in unused.fields:
        raise entity_not_found(wanted)
    return [*found, unused.fields[wanted]] if wanted in unused.fields else found
