"""The REST routes under `/api`: every noun's table, and how a request is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data.clock import Clock, to_millis
from data.sandbox.youtrack.admin_routes import admin_table
from data.sandbox.youtrack.apps import app_table
from data.sandbox.youtrack.articles.drafts import ARTICLES
from data.sandbox.youtrack.articles.knowledge import Knowledge
from data.sandbox.youtrack.articles.routes import article_table
from data.sandbox.youtrack.boards import board_table
from data.sandbox.youtrack.call import Call, parsed
from data.sandbox.youtrack.command_routes import command_table
from data.sandbox.youtrack.comment_routes import comment_table
from data.sandbox.youtrack.drafts import draft_table
from data.sandbox.youtrack.errors import ApiError, method_not_allowed, route_not_found
from data.sandbox.youtrack.files import file_table
from data.sandbox.youtrack.issue_routes import issue_table
from data.sandbox.youtrack.link_type_routes import link_type_table
from data.sandbox.youtrack.model import Issue
from data.sandbox.youtrack.other_routes import openapi_table, other_table
from data.sandbox.youtrack.people_routes import people_table
from data.sandbox.youtrack.regard import regard_table
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.table import Raw, Read, Table, Told
from data.sandbox.youtrack.tag_routes import tag_table
from data.sandbox.youtrack.transaction import transaction
from data.sandbox.youtrack.work_settings import work_settings_table
from data.sandbox.youtrack.worktime import work_table

Changed = Callable[[Issue, str], None]
_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]
_JSON = "application/json;charset=utf-8"
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache, no-store, no-transform, must-revalidate",
    "X-Content-Type-Options": "nosniff",
    "X-Version": "5f1d0c3a",
}


def api_table(changed: Changed) -> Table:
    """Return every route; `changed(issue, kind)` hears of the issues that a command changes."""
    table = merged(
        *people_table(),
        *admin_table(),
        *issue_table(),
        *tag_table(),
        *link_type_table(),
        *comment_table(),
        *file_table(),
        *work_table(),
        *work_settings_table(),
        *command_table(lambda issue: changed(issue, "updated")),
        *app_table(),
        *board_table(),
        *draft_table(),
        *ARTICLES.table(),
        *regard_table(),
        *other_table(),
    )
    return [*openapi_table(table), *table]


def merged(*rows: tuple[str, Mapping[str, Read | Told]]) -> Table:
    """Return the rows with the methods of one path together: the first row of a path answers for it."""
    table: dict[str, dict[str, Read | Told]] = {}
    for path, methods in rows:
        table.setdefault(path, {}).update(methods)
    return list(table.items())


def api_routes(state: TrackerState, clock: Clock, changed: Changed) -> list[Route]:
    """Return the routes; `changed(issue, kind)` hears of every write: `created`, `updated`, `commented`."""

    def route(path: str, methods: Mapping[str, Read | Told]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _answer(state, clock, request, methods, changed)

        return Route("/api" + path, endpoint, methods=_METHODS)

    articles = article_table(Knowledge(state))
    return [route(p, m) for p, m in [*api_table(changed), *articles, ("/{rest:path}", {})]]


async def _answer(
    state: TrackerState,
    clock: Clock,
    request: Request,
    methods: Mapping[str, Read | Told],
    changed: Changed,
) -> Response:
    headers = dict(_HEADERS)
    try:
        raw = await request.body()
        call = Call(state, request, raw, to_millis(clock.now()))
        headers["X-YouTrack-User"] = call.caller.login
        call.body = parsed(raw, request.headers.get("content-type", ""))
        shown = _done(state, call, methods, changed)
    except ApiError as error:
        return Response(json.dumps(error.body), error.status, headers, _JSON)
    if isinstance(shown, Raw):
        return Response(shown.content, 200, headers, shown.media_type)
    if shown is None:  # a delete answers 200 with an empty body
        return Response(status_code=200, headers=headers)
    return Response(json.dumps(call.fields.show(shown, call.caller)), 200, headers, _JSON)


def _done(state: TrackerState, call: Call, methods: Mapping[str, Read | Told], changed: Changed) -> Any:
    """Do what the request asks for; a refused change leaves nothing behind and is not announced."""
    if not methods:
        raise route_not_found()
    step = methods.get(call.request.method.lower())
    if step is None:
        raise method_not_allowed()
    with transaction(state) if call.request.method != "GET" else nullcontext():
        if isinstance(step, Told):
            issue, shown = step.write(call)
        else:
            issue, shown = None, step(call)
    if issue is not None and isinstance(step, Told):
        changed(issue, step.kind)
    if call.after is not None:
        call.after()
    return shown
