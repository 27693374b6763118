"""Drafts of new articles (`/users/me/articleDrafts`, seen in the vendor's client; not documented)."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.articles.model import ARTICLE
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.drawer import Draft
from data.sandbox.youtrack.errors import bad_request, entity_not_found
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.writes import named_project


def article_draft_table() -> Table:
    """Return the routes."""
    path = "/users/me/articleDrafts"
    return [
        (path, {"get": lambda c: c.page(_mine(c)), "post": _begin}),
        (path + "/{draft}", {"get": lambda c: _own(c).shown, "post": _go_on, "delete": _throw_away}),
    ]


def published_article(call: Call) -> dict[str, Any]:
    """Return the body of a new article: the request's own, on top of the draft that `draftId` names."""
    wanted = call.request.query_params.get("draftId")
    if not wanted:
        return call.object_body()
    draft = call.state.drafts.articles.get(wanted)
    if draft is None or draft.owner is not call.caller:
        raise entity_not_found(wanted)

    def forget() -> None:
        call.state.drafts.articles.pop(wanted, None)

    call.after = forget
    return {**draft.body, **{k: v for k, v in call.optional_body().items() if k not in ("id", "$type")}}


def _mine(call: Call) -> list[Any]:
    return [d.shown for d in call.state.drafts.articles.values() if d.owner is call.caller]


def _own(call: Call) -> Draft:
    draft = call.state.drafts.articles.get(call.path("draft"))
    if draft is None or draft.owner is not call.caller:
        raise entity_not_found(call.path("draft"))
    return draft


def _begin(call: Call) -> Any:
    draft = Draft(call.state.next_id(ARTICLE), call.caller, {}, call.at, call.at)
    _take(call, draft, call.optional_body())
    call.state.drafts.articles[draft.id] = draft
    return draft.shown


def _go_on(call: Call) -> Any:
    draft = _own(call)
    _take(call, draft, call.object_body())
    return draft.shown


def _throw_away(call: Call) -> None:
    call.state.drafts.articles.pop(_own(call).id)


def _take(call: Call, draft: Draft, more: dict[str, Any]) -> None:
    body = {**draft.body, **{k: v for k, v in more.items() if k not in ("id", "$type")}}
    for name in ("summary", "content"):
        if not isinstance(body.get(name), str | None):
            raise bad_request(f"{name} must be a text")
    project = named_project(call.state, body["project"], call.caller) if body.get("project") else None
    draft.body, draft.updated = body, call.at
    draft.shown = {
        "id": draft.id,
        "summary": body.get("summary"),
        "content": body.get("content"),
        "project": project,
        "reporter": draft.owner,
        "created": draft.created,
        "updated": draft.updated,
        "$type": "ArticleDraft",
    }
