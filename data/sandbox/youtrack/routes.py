"""The REST routes under `/api`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.clock import Clock, to_millis
from data.sandbox.youtrack import unverified, views, writes
from data.sandbox.youtrack.access import in_team, reads_project
from data.sandbox.youtrack.call import Call, found, listed_comments, parsed
from data.sandbox.youtrack.errors import (
    ApiError,
    entity_not_found,
    forbidden,
    method_not_allowed,
    route_not_found,
)
from data.sandbox.youtrack.feed import activities, activities_page
from data.sandbox.youtrack.links import link, unlink
from data.sandbox.youtrack.model import Issue, Link, User
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.transaction import transaction
from data.sandbox.youtrack.visibility import entity_id

Handler = Callable[[Call], Any]
Changed = Callable[[Issue, str], None]


def api_routes(state: TrackerState, clock: Clock, changed: Changed) -> list[Route]:
    """Return the routes; `changed(issue, kind)` hears of every write: `created`, `updated`, `commented`."""

    def route(path: str, **handlers: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _answer(state, clock, request, handlers)

        return Route("/api" + path, endpoint, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])

    def told(kind: str, write: Callable[[Call], tuple[Issue, Any]]) -> Handler:
        def handler(call: Call) -> Any:
            issue, shown = write(call)
            call.after = lambda: changed(issue, kind)
            return shown

        return handler

    return [
        route("/users/me", get=lambda c: views.Me(c.caller)),
        route("/users", get=_users),
        route("/users/{user}", get=_user),
        route("/admin/projects", get=_projects),
        route("/admin/projects/{project}", get=lambda c: c.project()),
        route("/admin/projects/{project}/customFields", get=_project_fields),
        route("/admin/projects/{project}/team", get=lambda c: c.project().team),
        route("/issues", get=_list_issues, post=told("created", _create_issue)),
        route(
            "/issues/{issue}",
            get=lambda c: c.issue(),
            post=told("updated", _update_issue),
            delete=told("deleted", _delete_issue),
        ),
        route("/issues/{issue}/project", get=lambda c: c.issue().project, post=told("updated", _move_issue)),
        route("/issues/{issue}/links", get=lambda c: c.page(_links(c))),
        route("/issues/{issue}/links/{link}", get=_link),
        route(
            "/issues/{issue}/links/{link}/issues",
            get=lambda c: c.page(_link(c).others),
            post=told("updated", _add_link),
        ),
        route("/issues/{issue}/links/{link}/issues/{other}", delete=told("updated", _remove_link)),
        route("/issueLinkTypes", get=lambda c: c.page(c.state.link_types)),
        route("/groups", get=lambda c: c.page(list(c.state.groups.values()))),
        route("/issues/{issue}/customFields", get=_issue_fields),
        route("/issues/{issue}/customFields/{field}", get=_issue_field, post=told("updated", _set_field)),
        route(
            "/issues/{issue}/comments",
            get=lambda c: c.page(listed_comments(c)),
            post=told("commented", _add_comment),
        ),
        route(
            "/issues/{issue}/comments/{comment}",
            get=lambda c: c.comment(),
            post=told("commented", _update_comment),
            delete=told("commented", _remove_comment),
        ),
        route("/issues/{issue}/tags", get=lambda c: c.page(c.issue().tags), post=told("updated", _add_tag)),
        route("/issues/{issue}/tags/{tag}", delete=told("updated", _remove_tag)),
        route("/issues/{issue}/activities", get=lambda c: activities(c, c.issue())),
        route("/issues/{issue}/activitiesPage", get=lambda c: activities_page(c, c.issue())),
        route("/activities", get=lambda c: activities(c, None)),
        route("/activitiesPage", get=lambda c: activities_page(c, None)),
        route("/issuesGetter/count", post=lambda c: views.Count(len(found(c, c.object_body().get("query"))))),
        route("/tags", get=lambda c: c.page(list(c.state.tags.values()))),
        route("/{rest:path}"),
    ]


async def _answer(
    state: TrackerState, clock: Clock, request: Request, handlers: dict[str, Handler]
) -> Response:
    headers = {"Cache-Control": "no-cache, no-store, no-transform, must-revalidate"}
    try:
        body = parsed(await request.body())
        call = Call(state, request, body, to_millis(clock.now()))
        headers["X-YouTrack-User"] = call.caller.login
        if not handlers:
            raise route_not_found()
        handler = handlers.get(request.method.lower())
        if handler is None:
            raise method_not_allowed()
        with transaction(state) if request.method != "GET" else nullcontext():
            shown = handler(call)
        if call.after is not None:
            call.after()
    except ApiError as error:
        return JSONResponse(error.body, error.status, headers=headers)
    if shown is None:  # a delete answers 200 with an empty body
        return Response(status_code=200, headers=headers)
    return JSONResponse(call.fields.show(shown, call.caller), headers=headers)


def _user(call: Call) -> User:
    user = call.state.find_user(call.path("user"))
    if user is None:
        raise entity_not_found(call.path("user"))
    return user


def _users(call: Call) -> list[Any]:
    query = call.request.query_params.get("query", "").lower() if unverified.USERS_QUERY else ""
    every = call.state.users.values()
    return call.page([u for u in every if query in u.login.lower() or query in u.full_name.lower()])


def _projects(call: Call) -> list[Any]:
    return call.page([p for p in call.state.projects.values() if reads_project(call.state, call.caller, p)])


def _delete_issue(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    writes.check_may_write(call.caller, issue)
    call.state.delete_issue(issue, call.caller, call.at)
    return issue, None


def _move_issue(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    writes.check_may_write(call.caller, issue)
    target = writes.named_project(call.state, call.object_body(), call.caller)
    call.state.move_issue(issue, call.caller, call.at, target)
    return issue, issue.project


def _links(call: Call) -> list[views.LinkView]:
    return views.link_views(call.issue(), call.state.link_types)


def _link(call: Call) -> views.LinkView:
    for view in _links(call):
        if call.path("link") == view.type.id + view.end:
            return view
    raise entity_not_found(call.path("link"))


def _linked(call: Call, issue_id: str) -> tuple[Issue, Link, Issue]:
    view = _link(call)
    writes.check_may_write(call.caller, view.issue)
    other = call.readable(issue_id)
    return view.issue, Link(view.type, view.end == "s", other), other


def _add_link(call: Call) -> tuple[Issue, Any]:
    issue, wanted, other = _linked(call, entity_id(call.object_body()))
    link(call.state, issue, call.caller, call.at, wanted)
    return issue, other


def _remove_link(call: Call) -> tuple[Issue, Any]:
    issue, gone, _ = _linked(call, call.path("other"))
    unlink(call.state, issue, call.caller, call.at, gone)
    return issue, None


def _project_fields(call: Call) -> list[Any]:
    return call.page([views.ProjectFieldView(f) for f in call.project().fields.values()])


def _list_issues(call: Call) -> list[Any]:
    return call.page(found(call, call.request.query_params.get("query")))


def _create_issue(call: Call) -> tuple[Issue, Any]:
    issue = writes.create_issue(call.state, call.object_body(), call.caller, call.at)
    return issue, issue


def _update_issue(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    writes.update_issue(call.state, issue, call.object_body(), call.caller, call.at)
    return issue, issue


def _issue_fields(call: Call) -> list[Any]:
    issue = call.issue()
    return call.page(views.field_views(issue))


def _issue_field(call: Call) -> Any:
    issue = call.issue()
    for field in issue.project.fields.values():
        if call.path("field") in (field.id, field.name):
            return views.FieldView(issue, field)
    raise entity_not_found(call.path("field"))


def _set_field(call: Call) -> tuple[Issue, Any]:
    view = _issue_field(call)
    writes.set_field(call.state, view.issue, view.field, call.object_body(), call.caller, call.at)
    return view.issue, view


def _add_comment(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    return issue, writes.add_comment(call.state, issue, call.object_body(), call.caller, call.at)


def _update_comment(call: Call) -> tuple[Issue, Any]:
    comment = call.comment()
    writes.update_comment(call.state, comment, call.object_body(), call.caller, call.at)
    return comment.issue, comment


def _remove_comment(call: Call) -> tuple[Issue, Any]:
    comment = call.comment()
    if comment.author is not call.caller and not in_team(call.caller, comment.issue.project):
        raise forbidden("You do not have permission to delete this comment.")
    call.state.remove_comment(comment, call.caller, call.at)
    return comment.issue, None


def _add_tag(call: Call) -> tuple[Issue, Any]:
    issue, tag = call.issue(), writes.find_tag(call.state, call.object_body())
    call.state.add_tag(issue, call.caller, call.at, tag)
    return issue, tag


def _remove_tag(call: Call) -> tuple[Issue, Any]:
    issue, tag = call.issue(), writes.find_tag(call.state, {"id": call.path("tag")})
    call.state.remove_tag(issue, call.caller, call.at, tag)
    return issue, None
