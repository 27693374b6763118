"""Agile boards and sprints, and paths that clients in the wild ask for: a field's bundle, old tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data.sandbox.youtrack.access import reader
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import AGILE, SPRINT, Issue
from data.sandbox.youtrack.planning import Board, Sprint
from data.sandbox.youtrack.schema_shapes import has_bundle
from data.sandbox.youtrack.settings import named
from data.sandbox.youtrack.shapes import BundleView
from data.sandbox.youtrack.table import Table, Told
from data.sandbox.youtrack.visibility import entity_id, entries
from data.sandbox.youtrack.writes import check_may_write, named_project


def board_table() -> Table:
    """Return the routes."""
    sprints = "/agiles/{agile}/sprints"
    return [
        ("/agiles", {"get": lambda c: c.page([_shown(c, b) for b in _boards(c)]), "post": _create}),
        (
            "/agiles/{agile}",
            {"get": lambda c: _shown(c, _board(c)), "post": _change, "delete": _remove},
        ),
        (
            sprints,
            {"get": lambda c: c.page([_stretch(c, s) for s in _board(c).sprints]), "post": _plan},
        ),
        (
            sprints + "/{sprint}",
            {"get": lambda c: _stretch(c, _sprint(c)), "post": _replan, "delete": _drop},
        ),
        (
            sprints + "/{sprint}/issues",
            {"get": lambda c: c.page(_held(c, _sprint(c))), "post": Told("updated", _put)},
        ),
        (sprints + "/{sprint}/issues/{issue}", {"delete": Told("updated", _take)}),
        ("/issues/{issue}/sprints", {"get": lambda c: c.page(_sprints_of(c))}),
        ("/admin/projects/{project}/customFields/{field}/bundle", {"get": _bundle}),
    ]


def _boards(call: Call) -> list[Board]:
    return call.state.planning.boards_for(call.state, call.caller)


def _board(call: Call) -> Board:
    for board in _boards(call):
        if call.path("agile") == board.id:
            return board
    raise entity_not_found(call.path("agile"))


def _sprint(call: Call) -> Sprint:
    board = _board(call)
    open_ones = [s for s in board.sprints if not s.archived]
    if call.path("sprint") == "current" and open_ones:
        return open_ones[-1]
    for sprint in board.sprints:
        if call.path("sprint") == sprint.id:
            return sprint
    raise entity_not_found(call.path("sprint"))


def _shown(call: Call, board: Board) -> dict[str, Any]:
    sprints = [_stretch(call, s) for s in board.sprints]
    current = [s for s in sprints if not s["archived"]]
    return {
        "id": board.id,
        "name": board.name,
        "owner": board.owner or call.caller,
        "visibleFor": None,
        "projects": list(board.projects),
        "sprints": sprints,
        "currentSprint": current[-1] if current else None,
        "$type": "Agile",
    }


def _stretch(call: Call, sprint: Sprint) -> dict[str, Any]:
    issues = _held(call, sprint)
    return {
        **_named(sprint),
        "goal": sprint.goal,
        "start": sprint.start,
        "finish": sprint.finish,
        "archived": sprint.archived,
        "isDefault": sprint.everything,
        "issues": issues[:42],
        "unresolvedIssuesCount": sum(i.resolved is None for i in issues),
        "previousSprint": None,
    }


def _named(sprint: Sprint) -> dict[str, Any]:
    """Return a sprint as the feed shows it."""
    agile = {"id": sprint.board.id, "name": sprint.board.name, "$type": "Agile"}
    return {"id": sprint.id, "name": sprint.name, "agile": agile, "$type": "Sprint"}


def _held(call: Call, sprint: Sprint) -> list[Issue]:
    may_read = reader(call.state, call.caller)
    if not sprint.everything:
        return [i for i in sprint.issues if may_read(i)]
    every = call.state.issues.values()
    return [i for i in every if i.project in sprint.board.projects and i.resolved is None and may_read(i)]


def _sprints_of(call: Call) -> list[dict[str, Any]]:
    issue = call.issue()
    return [_stretch(call, s) for b in _boards(call) for s in b.sprints if issue in s.issues]


# -- changing them


def _create(call: Call) -> dict[str, Any]:
    body = call.object_body()
    projects = [named_project(call.state, p, call.caller) for p in entries(body, "projects")]
    if not projects:
        raise bad_request("A board needs at least one project")
    board = Board(call.state.next_id(AGILE), named(body), call.caller, projects)
    board.sprints.append(Sprint(call.state.next_id(SPRINT), "First sprint", board))
    call.state.planning.boards[board.id] = board
    return _shown(call, board)


def _change(call: Call) -> dict[str, Any]:
    board, body = _own(call), call.object_body()
    projects = [named_project(call.state, p, call.caller) for p in entries(body, "projects")]
    board.name = named(body) if "name" in body else board.name
    board.projects = projects or board.projects
    return _shown(call, board)


def _remove(call: Call) -> None:
    call.state.planning.boards.pop(_own(call).id)


def _own(call: Call) -> Board:
    board = _board(call)
    if board.owner not in (None, call.caller) and call.caller.login not in call.state.admins:
        raise forbidden("You do not have permission to change this board.")
    return board


def _plan(call: Call) -> dict[str, Any]:
    board, body = _board(call), call.object_body()
    sprint = Sprint(call.state.next_id(SPRINT), named(body), board)
    _schedule(sprint, body)
    board.sprints.append(sprint)
    return _stretch(call, sprint)


def _replan(call: Call) -> dict[str, Any]:
    sprint, body = _sprint(call), call.object_body()
    sprint.name = named(body) if "name" in body else sprint.name
    _schedule(sprint, body)
    return _stretch(call, sprint)


def _schedule(sprint: Sprint, body: dict[str, Any]) -> None:
    for name in ("start", "finish"):
        if not isinstance(body.get(name), int | None):
            raise bad_request(f"{name} must be a timestamp")
    for name in ("goal", "start", "finish"):
        if name in body:
            setattr(sprint, name, body[name])
    sprint.archived = bool(body.get("archived", sprint.archived))


def _drop(call: Call) -> None:
    sprint = _sprint(call)
    if len(sprint.board.sprints) == 1:
        raise bad_request("The last sprint of a board cannot be deleted")
    for issue in list(sprint.issues):
        _record(call, issue, [], [_named(sprint)])
    sprint.board.sprints.remove(sprint)


def _put(call: Call) -> tuple[Issue, Any]:
    sprint, issue = _sprint(call), call.readable(entity_id(call.object_body()))
    check_may_write(call.caller, issue)
    if issue.project not in sprint.board.projects:
        raise bad_request("The issue is in none of the board's projects")
    if issue not in sprint.issues:
        _record(call, issue, [_named(sprint)], [])
        call.after = _later(sprint.issues.append, issue)
    return issue, issue


def _take(call: Call) -> tuple[Issue, Any]:
    sprint, issue = _sprint(call), call.issue()
    check_may_write(call.caller, issue)
    if issue not in sprint.issues:
        raise entity_not_found(call.path("issue"))
    _record(call, issue, [], [_named(sprint)])
    call.after = _later(sprint.issues.remove, issue)
    return issue, None


def _later(change: Callable[[Issue], None], issue: Issue) -> Callable[[], None]:
    # A rule may still refuse the change.
    return lambda: change(issue)


def _record(call: Call, issue: Issue, added: list[Any], removed: list[Any]) -> None:
    call.state.touch(issue)
    call.state.record(issue, call.caller, call.at, "SprintCategory", added=added, removed=removed)


def _bundle(call: Call) -> BundleView:
    for field in call.project().fields.values():
        if call.path("field") == field.id and has_bundle(field):
            return BundleView(field)
    raise entity_not_found(call.path("field"))
