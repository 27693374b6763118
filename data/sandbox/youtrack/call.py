"""One request of the API: who asks, for what, and with which body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from data.clock import from_millis
from data.sandbox.youtrack import unverified, views
from data.sandbox.youtrack.access import in_team, reader, reads_project
from data.sandbox.youtrack.errors import (
    ApiError,
    bad_request,
    bad_token,
    bad_top,
    entity_not_found,
    forbidden,
    not_logged_in,
)
from data.sandbox.youtrack.model import Comment, Issue, Project, User
from data.sandbox.youtrack.projection import projection
from data.sandbox.youtrack.query import search
from data.sandbox.youtrack.state import TrackerState

MAX_TOP = 3500
_BEARER = "Bearer "
_SIGNED = "/api/files/"


class Call:
    """One request with its caller; `at` is the tracker's time in ms."""

    def __init__(self, state: TrackerState, request: Request, raw: bytes, at: int) -> None:
        self.state, self.request, self.raw, self.at = state, request, raw, at
        self.body: Any = None
        state.file_key.now = at
        self.fields = projection(
            request.query_params.get("fields"), frozenset(request.query_params.getlist("customFields"))
        )
        self.after: Callable[[], None] | None = None  # what to do once the change stands
        self.caller = _caller(state, request)
        if request.method != "GET" and self.caller.guest:
            raise forbidden("Guest is not allowed to change anything.")

    def path(self, name: str) -> str:
        """A path parameter."""
        return str(self.request.path_params[name])

    def page(self, items: list[Any]) -> list[Any]:
        """Cut `items` by `$top` (default 42) and `$skip`."""
        top = number(self.request.query_params.get("$top"), default=unverified.DEFAULT_PAGE)
        skip = max(0, number(self.request.query_params.get("$skip"), default=0))
        if top < 0 and self.request.url.path.rstrip("/") != "/api/issues":
            top = MAX_TOP  # clients of the vendor ask other collections for everything this way
        if top < 0:
            raise ApiError(
                400,
                "Bad Request",
                f"This resource does not allow requesting all entities, max limit is {MAX_TOP}",
            )
        return items[skip : skip + min(top, MAX_TOP)]

    def issue(self) -> Issue:
        """The issue in the path."""
        return self.readable(self.path("issue"))

    def readable(self, issue_id: str) -> Issue:
        """The issue of that id, if the caller may read it."""
        issue = self.state.find_issue(issue_id)
        if issue is None or not reader(self.state, self.caller)(issue):
            raise entity_not_found(issue_id)
        muted = self.request.method != "GET" and self.request.query_params.get("muteUpdateNotifications")
        if muted == "true" and unverified.SILENT_NEEDS_PERMISSION and not in_team(self.caller, issue.project):
            raise forbidden("You do not have permission to apply changes silently.")
        return issue

    def project(self) -> Project:
        """The project in the path, if the caller may know of it."""
        project = self.state.find_project(self.path("project"))
        if project is None or not reads_project(self.state, self.caller, project):
            raise entity_not_found(self.path("project"))
        return project

    def comment(self) -> Comment:
        """The comment in the path, if the caller may read it."""
        for comment in views.readable_comments(self.issue(), self.caller):
            if comment.id == self.path("comment"):
                return comment
        raise entity_not_found(self.path("comment"))

    def optional_body(self) -> dict[str, Any]:
        """The JSON object of the body; an empty body is an empty object."""
        return {} if self.body is None else self.object_body()

    def object_body(self) -> dict[str, Any]:
        """The JSON object of the body."""
        if not isinstance(self.body, dict):
            raise bad_request("A JSON object is expected")
        return self.body


def found(call: Call, query: Any) -> list[Issue]:
    """Return the issues a query finds for the caller; not a copy."""
    late = call.state.late
    if late is None:
        return search(call.state, str(query or ""), call.caller, from_millis(call.at))
    view = late.view()
    hits = search(view, str(query or ""), call.caller, from_millis(call.at))
    return hits if view is call.state else late.live(hits)


def listed_comments(call: Call) -> list[Comment]:
    """Return the comments of the issue in the path that its list shows to the caller by now."""
    late = call.state.late
    readable = views.readable_comments(call.issue(), call.caller)
    return readable if late is None else [c for c in readable if late.lists(c)]


def parsed(body: bytes, content_type: str) -> Any:
    """Return the JSON of a body, None for an empty one and for files."""
    if not body or content_type.startswith("multipart/"):
        return None
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError):
        raise bad_request("The request body is not JSON") from None


def _caller(state: TrackerState, request: Request) -> User:
    header = request.headers.get("authorization", "")
    if not header:
        if state.guest_banned and not request.url.path.startswith(_SIGNED):
            raise not_logged_in()
        return state.guest
    user = state.tokens.get(header.removeprefix(_BEARER)) if header.startswith(_BEARER) else None
    if user is None:
        raise bad_token()
    return user


def number(text: str | None, *, default: int) -> int:
    """Return a whole number of the query string."""
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise bad_top() from None
