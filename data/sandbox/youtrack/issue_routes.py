"""Issues with their fields, links and tags; tags themselves; the change feed."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import views, writes
from data.sandbox.youtrack.access import permits
from data.sandbox.youtrack.call import Call, found
from data.sandbox.youtrack.drafts import ISSUES
from data.sandbox.youtrack.errors import entity_not_found
from data.sandbox.youtrack.feed import activities, activities_page
from data.sandbox.youtrack.links import link, unlink
from data.sandbox.youtrack.model import Activity, Issue, Link
from data.sandbox.youtrack.table import Methods, Table, Told
from data.sandbox.youtrack.visibility import entity_id


def issue_table() -> Table:
    """Return the routes."""
    one_field: Methods = {"get": _issue_field, "post": Told("updated", _set_field)}
    return [
        ("/issues", {"get": _list_issues, "post": Told("created", _create_issue)}),
        (
            "/issues/{issue}",
            {
                "get": lambda c: c.issue(),
                "post": Told("updated", _update_issue),
                "delete": Told("deleted", _delete_issue),
            },
        ),
        (
            "/issues/{issue}/project",
            {"get": lambda c: c.issue().project, "post": Told("updated", _move_issue)},
        ),
        ("/issues/{issue}/customFields", {"get": _issue_fields}),
        ("/issues/{issue}/customFields/{field}", one_field),
        ("/issues/{issue}/fields/{field}", one_field),
        ("/issues/{issue}/links", {"get": lambda c: c.page(_links(c))}),
        ("/issues/{issue}/links/{link}", {"get": _link}),
        (
            "/issues/{issue}/links/{link}/issues",
            {"get": lambda c: c.page(_link(c).others), "post": Told("updated", _add_link)},
        ),
        ("/issues/{issue}/links/{link}/issues/{other}", {"delete": Told("updated", _remove_link)}),
        ("/issues/{issue}/activities", {"get": lambda c: activities(c, c.issue())}),
        ("/issues/{issue}/activities/{activity}", {"get": _activity}),
        ("/issues/{issue}/activitiesPage", {"get": lambda c: activities_page(c, c.issue())}),
        ("/activities", {"get": lambda c: activities(c, None)}),
        ("/activities/{activity}", {"get": _activity}),
        ("/activitiesPage", {"get": lambda c: activities_page(c, None)}),
        (
            "/issuesGetter/count",
            {"post": lambda c: views.Count(len(found(c, c.optional_body().get("query"))))},
        ),
    ]


def _list_issues(call: Call) -> list[Any]:
    return call.page(found(call, call.request.query_params.get("query")))


def _create_issue(call: Call) -> tuple[Issue, Any]:
    issue = writes.create_issue(call.state, ISSUES.published(call), call.caller, call.at)
    return issue, issue


def _update_issue(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    writes.update_issue(call.state, issue, call.object_body(), call.caller, call.at)
    return issue, issue


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


def _activity(call: Call) -> Activity:
    index = call.state.activity_index(call.path("activity"))
    if index is not None:
        activity = call.state.activities[index]
        call.readable(activity.issue.id)
        if activity.comment is None or permits(call.caller, activity.comment.visibility):
            return activity
    raise entity_not_found(call.path("activity"))
