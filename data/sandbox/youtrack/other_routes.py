"""Saved searches, source changes, helpdesk copies, pickers, and the description of it all."""

from __future__ import annotations

import json
import re
from typing import Any

from data.sandbox.youtrack.call import Call, found
from data.sandbox.youtrack.errors import bad_request, entity_not_found
from data.sandbox.youtrack.model import SAVED_QUERY, VCS_CHANGE, Issue, User
from data.sandbox.youtrack.table import Methods, Raw, Table, Told
from data.sandbox.youtrack.visibility import entity_id, entries
from data.sandbox.youtrack.writes import check_may_write


def other_table() -> Table:
    """Return the routes."""
    change: Methods = {"get": lambda c: c.page(c.issue().changes), "post": Told("updated", _add_change)}
    return [
        ("/savedQueries", {"get": lambda c: c.page(_saved(c)), "post": _save}),
        ("/savedQueries/{query}", {"get": _one_saved, "post": _change_saved, "delete": _drop_saved}),
        ("/users/{user}/savedQueries", {"get": lambda c: c.page(_saved_by(c))}),
        ("/issues/{issue}/vcsChanges", change),
        (
            "/issues/{issue}/vcsChanges/{change}",
            {"get": _change, "post": Told("updated", _edit_change), "delete": Told("updated", _drop_change)},
        ),
        ("/issues/{issue}/helpdesk", {"post": Told("updated", _copy)}),
        ("/issues/{issue}/helpdesk/ticketCCUsers", {"get": lambda c: c.page(c.issue().cc)}),
        ("/visibilityGroups", {"post": _readers}),
        ("/search/assist", {"post": _suggest}),
    ]


def openapi_table(table: Table) -> Table:
    """Return the route of the description of `table`: paths and methods, no models."""
    paths = {
        re.sub(r":path}", "}", path): {
            method: {
                "parameters": [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in re.findall(r"{(\w+)", path)
                ],
                "responses": {"200": {"description": "Done"}},
            }
            for method in methods
        }
        for path, methods in table
    }
    text = json.dumps(
        {"openapi": "3.0.1", "info": {"title": "Stand-in REST API", "version": "2026.3"}, "paths": paths}
    )
    return [("/openapi.json", {"get": lambda c: Raw(text.encode(), "application/json")})]


def _saved(call: Call) -> list[dict[str, Any]]:
    return list(call.state.saved.values())


def _saved_by(call: Call) -> list[dict[str, Any]]:
    user = call.state.find_user(call.path("user"))
    if user is None:
        raise entity_not_found(call.path("user"))
    return [q for q in _saved(call) if q["owner"] is user]


def _save(call: Call) -> dict[str, Any]:
    body = call.object_body()
    if not body.get("name") or "query" not in body:
        raise bad_request("A saved search needs a name and a query")
    query_id = call.state.next_id(SAVED_QUERY)
    made: dict[str, Any] = {
        "id": query_id,
        "name": str(body["name"]),
        "query": str(body["query"]),
        "owner": call.caller,
        "visibleFor": None,
        "updateableBy": None,
        "$type": "SavedQuery",
    }
    call.state.saved[query_id] = made
    return made


def _one_saved(call: Call) -> dict[str, Any]:
    if call.path("query") not in call.state.saved:
        raise entity_not_found(call.path("query"))
    saved = call.state.saved[call.path("query")]
    return {**saved, "issues": found(call, saved["query"])[:42]}


def _change_saved(call: Call) -> dict[str, Any]:
    saved, body = call.state.saved[_one_saved(call)["id"]], call.object_body()
    saved.update({k: str(body[k]) for k in ("name", "query") if k in body})
    return saved


def _drop_saved(call: Call) -> None:
    call.state.saved.pop(_one_saved(call)["id"])


def _add_change(call: Call) -> tuple[Issue, Any]:
    issue, body = call.issue(), call.object_body()
    check_may_write(call.caller, issue)
    made = {
        "id": call.state.next_id(VCS_CHANGE),
        "text": str(body.get("text") or ""),
        "version": str(body.get("version") or ""),
        "date": call.at,
        "author": call.caller,
        "$type": "VcsChange",
    }
    call.state.touch(issue)
    issue.changes.append(made)
    call.state.record(issue, call.caller, call.at, "VcsChangeCategory", added=[made], removed=[])
    return issue, made


def _change(call: Call) -> dict[str, Any]:
    for change in call.issue().changes:
        if change["id"] == call.path("change"):
            return change
    raise entity_not_found(call.path("change"))


def _edit_change(call: Call) -> tuple[Issue, Any]:
    change, body, issue = _change(call), call.object_body(), call.issue()
    check_may_write(call.caller, issue)
    call.state.touch(issue)
    made: dict[str, Any] = {**change, **{k: str(body[k] or "") for k in ("text", "version") if k in body}}
    issue.changes[issue.changes.index(change)] = made
    return issue, made


def _drop_change(call: Call) -> tuple[Issue, Any]:
    change, issue = _change(call), call.issue()
    check_may_write(call.caller, issue)
    call.state.touch(issue)
    issue.changes.remove(change)
    call.state.record(issue, call.caller, call.at, "VcsChangeCategory", added=[], removed=[change])
    return issue, None


def _suggest(call: Call) -> dict[str, Any]:
    """Offer the attributes of the search language that begin with the last word."""
    query = str(call.object_body().get("query") or "")
    word = query.rpartition(" ")[2].lower()
    names = sorted({f.name for p in call.state.projects.values() for f in p.fields.values()})
    offered = [n for n in ("project", "tag", "created", "updated", *names) if n.lower().startswith(word)]
    places = {"completionStart": len(query) - len(word), "completionEnd": len(query)}
    suggestions = [
        {"id": f"0-{n}", "option": name, "suffix": ": ", **places, "$type": "Suggestion"}
        for n, name in enumerate(offered, 1)
    ]
    shown: dict[str, Any] = {"id": "0-0", "query": query, "caret": len(query), "suggestions": suggestions}
    return {**shown, "$type": "SearchSuggestions"}


def _copy(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    check_may_write(call.caller, issue)
    wanted: list[User] = []
    for entry in entries(call.object_body(), "ticketCCUsers"):
        user = call.state.find_user(entity_id(entry))
        if user is None:
            raise entity_not_found(entity_id(entry))
        wanted.append(user)
    if len(wanted) > 10:
        raise bad_request("At most 10 users can be copied on a ticket")
    added, removed = [u for u in wanted if u not in issue.cc], [u for u in issue.cc if u not in wanted]
    call.state.touch(issue)
    issue.cc[:] = wanted
    if added or removed:
        call.state.record(issue, call.caller, call.at, "TicketCCEventCategory", added=added, removed=removed)
    return issue, {"id": issue.id, "ticketCCUsers": list(issue.cc), "$type": "IssueHelpdesk"}


def _readers(call: Call) -> dict[str, Any]:
    body = call.object_body()
    prefix = str(body.get("prefix") or "").lower()
    groups = [g for g in call.state.groups.values() if g.name.lower().startswith(prefix)]
    return {"id": "0-0", "visibilityGroups": groups, "visibilityUsers": [], "$type": "VisibilityGroups"}
