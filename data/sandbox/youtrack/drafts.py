"""Drafts: issues, comments and articles that their author has not published yet. Nobody else sees them."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.building import default_of
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.drawer import Draft
from data.sandbox.youtrack.errors import bad_request, entity_not_found
from data.sandbox.youtrack.model import COMMENT, ISSUE, Issue
from data.sandbox.youtrack.own_drafts import OwnDrafts, on_top
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.values import parse_values
from data.sandbox.youtrack.visibility import parse_visibility
from data.sandbox.youtrack.writes import named_project


def draft_table() -> Table:
    """Return the routes."""
    return [
        *ISSUES.table(),
        ("/issues/{issue}/draftComment", {"get": _comment, "post": _write, "delete": _unwrite}),
    ]


def published_comment(call: Call) -> dict[str, Any]:
    """Return the body of a new comment: the request's own, on top of the draft that `draftId` names."""
    wanted, place = call.request.query_params.get("draftId"), (call.issue().id, call.caller.login)
    if not wanted:
        return call.object_body()
    draft = call.state.drafts.comments.get(place)
    if draft is None or draft.id != wanted:
        raise entity_not_found(wanted)

    def forget() -> None:
        call.state.drafts.comments.pop(place, None)

    call.after = forget
    return on_top(draft, call.optional_body())


# -- issues


def _take(call: Call, draft: Draft, more: dict[str, Any]) -> None:
    """Add to a draft what a body has; a custom field replaces the entry of the same field."""
    body = {**draft.body, **{k: v for k, v in more.items() if k not in ("id", "$type", "customFields")}}
    given = more.get("customFields") or []
    if not isinstance(given, list) or not all(isinstance(f, dict) for f in given):
        raise bad_request("customFields must be an array of objects")
    fields = {str(f.get("name") or f.get("id")): f for f in [*draft.body.get("customFields", []), *given]}
    body["customFields"] = list(fields.values())
    body.setdefault("project", {"id": call.state.project.id})
    draft.shown = _issue(call, draft, body)
    draft.body, draft.updated = body, call.at


def _issue(call: Call, draft: Draft, body: dict[str, Any]) -> Issue:
    project = named_project(call.state, body["project"], call.caller)
    for name in ("summary", "description"):
        if not isinstance(body.get(name), str | None):
            raise bad_request(f"{name} must be a string")
    values = {name: default_of(f) for name, f in project.fields.items()}
    values |= {f.name: v for f, v in parse_values(call.state, project, body["customFields"], None)}
    owner, at = draft.owner, call.at
    summary, description = body.get("summary") or "", body.get("description")
    shown = Issue(draft.id, 0, project, summary, description, owner, draft.created, at, owner, values)
    shown.draft, shown.visibility = True, parse_visibility(call.state, body.get("visibility"))
    return shown


ISSUES = OwnDrafts("/users/me/drafts", ISSUE, lambda call: call.state.drafts.issues, _take)


# -- comments


def _comment(call: Call) -> Any:
    draft = call.state.drafts.comments.get((call.issue().id, call.caller.login))
    return None if draft is None else draft.shown


def _write(call: Call) -> Any:
    issue, body = call.issue(), call.object_body()
    if not isinstance(body.get("text", ""), str):
        raise bad_request("text must be a string")
    parse_visibility(call.state, body.get("visibility"))
    place = (issue.id, call.caller.login)
    draft = call.state.drafts.comments.get(place)
    if draft is None:
        draft = Draft(call.state.next_id(COMMENT), call.caller, {}, call.at, call.at)
    draft.body = {**draft.body, **{k: body[k] for k in ("text", "visibility") if k in body}}
    draft.updated = call.at
    draft.shown = {
        "id": draft.id,
        "text": draft.body.get("text", ""),
        "created": draft.created,
        "updated": draft.updated,
        "author": call.caller,
        "issue": issue,
        "$type": "IssueComment",
    }
    call.state.drafts.comments[place] = draft
    return draft.shown


def _unwrite(call: Call) -> None:
    call.state.drafts.comments.pop((call.issue().id, call.caller.login), None)
