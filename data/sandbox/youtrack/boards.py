"""Agile boards, and paths that clients in the wild ask for: a field's bundle, watchers, old tags.

A board follows from its project: one sprint with its unresolved issues. Nothing of it is kept.
"""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.access import reader, reads_project
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import entity_not_found
from data.sandbox.youtrack.model import AGILE, SPRINT, Issue, Project
from data.sandbox.youtrack.schema_shapes import has_bundle
from data.sandbox.youtrack.shapes import BundleView
from data.sandbox.youtrack.table import Table, Told
from data.sandbox.youtrack.visibility import entity_id

OLD_TAG_PATHS = True
"""Whether tags still answer under `/issueTags`, their path before 2021 (unverified)."""
WATCHERS_HAVE_A_LIST = True
"""Whether an issue's watchers can be listed and added under `/watchers/issueWatchers` (unverified)."""


def board_table() -> Table:
    """Return the routes."""
    table: Table = [
        ("/agiles", {"get": lambda c: c.page([_board(c, p) for p in _projects(c)])}),
        ("/agiles/{agile}", {"get": lambda c: _board(c, _found(c))}),
        ("/agiles/{agile}/sprints", {"get": lambda c: c.page([_sprint(c, _found(c))])}),
        ("/agiles/{agile}/sprints/{sprint}", {"get": _one_sprint}),
        ("/agiles/{agile}/sprints/{sprint}/issues", {"get": lambda c: c.page(_open(c, _found(c)))}),
    ]
    table.append(("/admin/projects/{project}/customFields/{field}/bundle", {"get": _bundle}))
    if OLD_TAG_PATHS:
        table.append(("/issueTags", {"get": lambda c: c.page(list(c.state.tags.values()))}))
    if WATCHERS_HAVE_A_LIST:
        path = "/issues/{issue}/watchers/issueWatchers"
        table.append((path, {"get": lambda c: c.page(_watchers(c)), "post": Told("updated", _watch)}))
        table.append((path + "/{watcher}", {"delete": Told("updated", _unwatch)}))
    return table


def _projects(call: Call) -> list[Project]:
    return [p for p in call.state.projects.values() if reads_project(call.state, call.caller, p)]


def _found(call: Call) -> Project:
    for project in _projects(call):
        if call.path("agile") == _id(AGILE, project):
            return project
    raise entity_not_found(call.path("agile"))


def _id(prefix: str, project: Project) -> str:
    return f"{prefix}-{project.id.rpartition('-')[2]}"


def _board(call: Call, project: Project) -> dict[str, Any]:
    return {
        "id": _id(AGILE, project),
        "name": f"{project.name} board",
        "owner": project.leader or call.caller,
        "visibleFor": None,
        "projects": [project],
        "sprints": [_sprint(call, project)],
        "currentSprint": _sprint(call, project),
        "$type": "Agile",
    }


def _sprint(call: Call, project: Project) -> dict[str, Any]:
    issues = _open(call, project)
    return {
        "id": _id(SPRINT, project),
        "name": "Open work",
        "agile": {"id": _id(AGILE, project), "name": f"{project.name} board", "$type": "Agile"},
        "goal": None,
        "start": None,
        "finish": None,
        "archived": False,
        "isDefault": True,
        "issues": issues[:42],
        "unresolvedIssuesCount": len(issues),
        "previousSprint": None,
        "$type": "Sprint",
    }


def _one_sprint(call: Call) -> dict[str, Any]:
    sprint = _sprint(call, _found(call))
    if call.path("sprint") not in (sprint["id"], "current"):
        raise entity_not_found(call.path("sprint"))
    return sprint


def _open(call: Call, project: Project) -> list[Issue]:
    may_read = reader(call.state, call.caller)
    every = call.state.issues.values()
    return [i for i in every if i.project is project and i.resolved is None and may_read(i)]


def _bundle(call: Call) -> BundleView:
    for field in call.project().fields.values():
        if call.path("field") == field.id and has_bundle(field):
            return BundleView(field)
    raise entity_not_found(call.path("field"))


def _watchers(call: Call) -> list[dict[str, Any]]:
    return [
        {"id": f"99-{u.id.rpartition('-')[2]}", "user": u, "isStarred": True, "$type": "IssueWatcher"}
        for u in call.issue().stars
    ]


def _watch(call: Call) -> tuple[Issue, Any]:
    issue, wanted = call.issue(), entity_id(call.object_body().get("user"))
    user = next((u for u in call.state.users.values() if u.id == wanted), None)
    if user is None:
        raise entity_not_found(wanted)
    if user not in issue.stars:
        call.state.touch(issue)
        issue.stars.append(user)
    return issue, next(w for w in _watchers(call) if w["user"] is user)


def _unwatch(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    for watcher in _watchers(call):
        if watcher["id"] == call.path("watcher"):
            call.state.touch(issue)
            issue.stars.remove(watcher["user"])
            return issue, None
    raise entity_not_found(call.path("watcher"))
