"""Drafts of new articles (`/users/me/articleDrafts`, seen in the vendor's client; not documented)."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.articles.model import ARTICLE
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.drawer import Draft
from data.sandbox.youtrack.errors import bad_request
from data.sandbox.youtrack.own_drafts import OwnDrafts, on_top
from data.sandbox.youtrack.writes import named_project


def _take(call: Call, draft: Draft, more: dict[str, Any]) -> None:
    body = on_top(draft, more)
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


ARTICLES = OwnDrafts("/users/me/articleDrafts", ARTICLE, lambda call: call.state.drafts.articles, _take)
