"""Projects and their fields as an administrator makes, changes and removes them."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import unverified, writes
from data.sandbox.youtrack.building import build_project, default_of
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import FIELD, Field, Issue, Project
from data.sandbox.youtrack.settings import Unused, administrators_only, named, named_user, next_id
from data.sandbox.youtrack.shapes import ProjectFieldView
from data.sandbox.youtrack.shared_fields import drop
from data.sandbox.youtrack.table import Table, Told

_PROJECT_ATTRIBUTES = {
    *("id", "$type", "name", "shortName", "description", "leader", "archived", "startingNumber"),
    *("template", "iconUrl", "fromEmail", "replyToEmail"),
}


def project_table(unused: Unused) -> Table:
    """Return the routes."""
    project = "/admin/projects/{project}"
    return [
        ("/admin/projects", {"post": create}),
        (project, {"post": change, "delete": remove}),
        (project + "/issues", {"post": Told("created", _file)}),
        (
            project + "/issues/{issue}",
            {
                "get": _issue,
                "post": Told("updated", _change_issue),
                "delete": Told("deleted", _remove_issue),
            },
        ),
        (
            project + "/customFields",
            {"get": lambda c: c.page(_fields(c)), "post": lambda c: attach(c, unused)},
        ),
        (
            project + "/customFields/{field}",
            {
                "get": lambda c: ProjectFieldView(_field(c)),
                "post": lambda c: change_field(c),
                "delete": lambda c: drop(c, _owned(c), _field(c)),
            },
        ),
    ]


def create(call: Call) -> Project:
    """Make a project with the fields that every new project has."""
    administrators_only(call)
    body = writes.only(call.object_body(), _PROJECT_ATTRIBUTES, Project)
    name, short = named(body), body.get("shortName")
    if not isinstance(short, str) or not short.strip():
        raise ApiError(400, "Field required", "Short name is required", error_field="shortName")
    _check_short_name(call, short, None)
    number = 1 + max(int(p.id.rpartition("-")[2]) for p in call.state.projects.values())
    made = build_project(short, name, unverified.NEW_PROJECT_FIELDS, number=number, helpdesk=False)
    made.leader = named_user(call, body["leader"]) if body.get("leader") else call.caller
    made.description = body.get("description")
    made.team.members |= {call.caller.login, made.leader.login}
    call.state.add_project(made)
    call.state.version += 1
    return made


def change(call: Call) -> Project:
    """Change a project's name, key, description, leader, or archive it."""
    project, body = _owned(call), writes.only(call.object_body(), _PROJECT_ATTRIBUTES, Project)
    leader = named_user(call, body["leader"]) if body.get("leader") else project.leader
    if "shortName" in body:
        _check_short_name(call, str(body["shortName"]), project)
        _rekey(call, project, str(body["shortName"]))
    project.name = named(body) if "name" in body else project.name
    project.leader = leader
    project.description = body.get("description", project.description)
    project.archived = bool(body.get("archived", project.archived))
    call.state.version += 1
    return project


def remove(call: Call) -> None:
    """Delete a project with its issues; the first one stays, for it holds the desk."""
    project = _owned(call)
    if project is call.state.project:
        raise bad_request("This project cannot be deleted")
    for issue in [i for i in call.state.issues.values() if i.project is project and not i.deleted]:
        call.state.delete_issue(issue, call.caller, call.at)
    del call.state.projects[project.id]
    call.state.groups.pop(project.team.id, None)
    call.state.version += 1


def attach(call: Call, unused: Unused) -> ProjectFieldView:
    """Put a shared field into a project; its tickets have it from now on, empty."""
    project, body = _owned(call), call.object_body()
    shared, bundle = str((body.get("field") or {}).get("id")), str((body.get("bundle") or {}).get("id"))
    known = _shared(call, unused, shared)
    kind = KINDS[known.kind]
    if known.name in project.fields:
        raise ApiError(400, "Bad Request", f"The project already has the field {known.name}")
    values = _values(call, unused, bundle) if kind.bundled else None
    if kind.bundled and values is None:
        raise entity_not_found(bundle)
    made = Field(next_id(call, unused, FIELD), known.name, known.kind, bundle, {}, prototype=shared)
    if values is not None:
        made.values, made.bundle_name = values.values, values.bundle_name
    _apply(made, body)
    project.fields[made.name] = made
    call.state.add_project(project)
    for issue in call.state.issues.values():
        if issue.project is project:
            issue.fields[made.name] = default_of(made) if kind.many else None
    call.state.version += 1
    return ProjectFieldView(made)


def change_field(call: Call) -> ProjectFieldView:
    """Change whether a project's field may be empty, what it says then, and its default."""
    _owned(call)
    known, body = _field(call), call.object_body()
    _apply(known, body)
    return ProjectFieldView(known)


def _apply(known: Field, body: dict[str, Any]) -> None:
    defaults = body.get("defaultValues")
    if isinstance(defaults, list):
        names = [d.get("name") for d in defaults if isinstance(d, dict)]
        ids = {e.id: e.name for e in known.values.values()}
        names = [n or ids.get(str(d.get("id"))) for n, d in zip(names, defaults, strict=True)]
        if any(n not in known.values for n in names):
            raise bad_request("A default value must be one of the field's values")
        known.default = str(names[0]) if names else None
    if "canBeEmpty" in body:
        known.required = not body["canBeEmpty"]
    known.public = bool(body.get("isPublic", known.public))
    known.empty_text = str(body.get("emptyFieldText") or known.empty_text)


def _fields(call: Call) -> list[Any]:
    return [ProjectFieldView(f) for f in call.project().fields.values()]


def _field(call: Call) -> Field:
    for known in call.project().fields.values():
        if call.path("field") in (known.id, known.name):
            return known
    raise entity_not_found(call.path("field"))


def _owned(call: Call) -> Project:
    administrators_only(call)
    return call.project()


def _check_short_name(call: Call, short: str, mine: Project | None) -> None:
    taken = call.state.find_project(short)
    if taken is not None and taken is not mine:
        raise ApiError(400, "Bad Request", f"The key {short} is in use", error_field="shortName")


def _rekey(call: Call, project: Project, short: str) -> None:
    """Give a project another key: its issues get other readable ids."""
    ours = [i for i in call.state.issues.values() if i.project is project and not i.deleted]
    for issue in ours:
        call.state.forget(issue)
    project.short_name = short
    for issue in ours:
        call.state.remember(issue)


def _shared(call: Call, unused: Unused, wanted: str) -> Field:
    if wanted in unused.fields:
        return unused.fields[wanted]
    for project in call.state.projects.values():
        for known in project.fields.values():
            if known.prototype == wanted:
                return known
    raise entity_not_found(wanted)


def _values(call: Call, unused: Unused, wanted: str) -> Field | None:
    if wanted in unused.bundles:
        return unused.bundles[wanted]
    every = (f for p in call.state.projects.values() for f in p.fields.values())
    return next((f for f in every if f.bundle == wanted), None)


def _file(call: Call) -> tuple[Issue, Any]:
    body = {**call.object_body(), "project": {"id": call.project().id}}
    issue = writes.create_issue(call.state, body, call.caller, call.at)
    return issue, issue


def _issue(call: Call) -> Issue:
    issue = call.issue()
    if issue.project is not call.project():
        raise entity_not_found(call.path("issue"))
    return issue


def _change_issue(call: Call) -> tuple[Issue, Any]:
    issue = _issue(call)
    writes.update_issue(call.state, issue, call.object_body(), call.caller, call.at)
    return issue, issue


def _remove_issue(call: Call) -> tuple[Issue, Any]:
    issue = _issue(call)
    writes.check_may_write(call.caller, issue)
    call.state.delete_issue(issue, call.caller, call.at)
    return issue, None
