"""`/commands` and `/commands/assist`."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import in_team
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.commands import Step, read_command
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Issue, User
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.visibility import entity_id, entries, parse_visibility
from data.sandbox.youtrack.writes import check_may_write, check_voice

_KNOWN = {
    "query",
    "issues",
    "comment",
    "visibility",
    "silent",
    "caret",
    "runAs",
    "usesMarkdown",
    "$type",
    "id",
}


def command_table(told: Any) -> Table:
    """Return the routes; `told(issue)` hears of every changed issue."""
    return [
        ("/commands", {"post": lambda c: _apply(c, told)}),
        ("/commands/assist", {"post": _assist}),
    ]


def _issues(call: Call) -> list[Issue]:
    body = call.object_body()
    unknown = sorted(set(body) - _KNOWN)
    if unknown:
        raise bad_request(f"Unknown attribute {unknown[0]}")
    found = []
    for entry in entries(body, "issues"):
        readable = entry.get("idReadable") if isinstance(entry, dict) and "id" not in entry else None
        found.append(call.readable(str(readable) if readable else entity_id(entry)))
    if not found:
        raise bad_request("A command needs issues")
    return found


def _apply(call: Call, told: Any) -> Any:
    body, issues = call.object_body(), _issues(call)
    query, author = str(body.get("query") or ""), _author(call, body)
    limits = parse_visibility(call.state, body.get("visibility"))
    steps: list[Step] = []
    for issue in issues:
        check_may_write(author, issue)
        muted = bool(body.get("silent")) and unverified.SILENT_NEEDS_PERMISSION
        if muted and not in_team(author, issue.project):
            raise forbidden("You do not have permission to apply commands silently.")
        steps = read_command(call.state, issue, query, author)
        wrong = next((s for s in steps if s.error), None)
        if wrong is not None:
            text = unverified.COMMAND_ERROR_TEXT.format(query=query, detail=wrong.description)
            raise ApiError(400, unverified.COMMAND_ERROR, text)
        for step in steps:
            if step.apply is not None:
                step.apply(author, call.at)
        if body.get("comment"):
            check_voice(issue, author, limited=limits is not None)
            call.state.add_comment(issue, author, call.at, str(body["comment"]), visibility=limits)
    call.after = lambda: _announce(told, issues)
    if call.request.query_params.get("fields") is None:
        return None
    return _shown(query, issues, steps)


def _announce(told: Any, issues: list[Issue]) -> None:
    for issue in issues:
        told(issue)


def _assist(call: Call) -> Any:
    issues = _issues(call)
    query = str(call.object_body().get("query") or "")
    return _shown(query, issues, read_command(call.state, issues[0], query, call.caller))


def _shown(query: str, issues: list[Issue], steps: list[Step]) -> dict[str, Any]:
    return {
        "id": issues[0].id,
        "query": query,
        "issues": list(issues),
        "commands": [
            {"description": s.description, "error": s.error, "delete": False, "$type": "ParsedCommand"}
            for s in steps
        ],
        "suggestions": [],
        "$type": "CommandList",
    }


def _author(call: Call, body: dict[str, Any]) -> User:
    wanted = body.get("runAs")
    if wanted is None:
        return call.caller
    if call.caller.login not in call.state.admins:
        raise forbidden("You do not have permission to run commands as another user.")
    user = call.state.users.get(str(wanted))
    if user is None:
        raise entity_not_found(str(wanted))
    return user
