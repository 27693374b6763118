"""Votes, stars and mentions: who cares about an issue, and where else it is spoken of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import reader
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Comment, Issue, User
from data.sandbox.youtrack.table import Table, Told
from data.sandbox.youtrack.visibility import entity_id

if TYPE_CHECKING:
    from data.sandbox.youtrack.state import TrackerState

_READABLE = re.compile(r"\b[A-Z][A-Z0-9]*-\d+\b")


def regard_table() -> Table:
    """Return the routes."""
    table: Table = [
        ("/issues/{issue}/voters", {"get": _voters, "post": Told("updated", _vote)}),
        ("/issues/{issue}/watchers", {"get": _stars, "post": Told("updated", _star)}),
    ]
    if unverified.WATCHERS_HAVE_A_LIST:
        path = "/issues/{issue}/watchers/issueWatchers"
        table.append((path, {"get": lambda c: c.page(_watchers(c)), "post": Told("updated", _watch)}))
        table.append((path + "/{watcher}", {"delete": Told("updated", _unwatch)}))
    return table


def vote(state: TrackerState, issue: Issue, user: User, at: int, on: bool) -> None:
    """Vote for an issue or take the vote back; doing so twice changes nothing. Raises `ApiError` 403."""
    if on == (user in issue.voters):
        return
    if on and issue.reporter is user and not unverified.OWN_ISSUE_TAKES_VOTES:
        raise forbidden("You cannot vote for your own issue.")
    state.touch(issue)
    before = len(issue.voters)
    (issue.voters.append if on else issue.voters.remove)(user)
    state.record(issue, user, at, "VotersCategory", added=[user] if on else [], removed=[] if on else [user])
    state.record(issue, user, at, "TotalVotesCategory", added=len(issue.voters), removed=before)


def star(state: TrackerState, issue: Issue, user: User, author: User, at: int, on: bool) -> None:
    """Let a user watch an issue, or no longer; doing so twice changes nothing."""
    if on == (user in issue.stars):
        return
    state.touch(issue)
    (issue.stars.append if on else issue.stars.remove)(user)
    state.record(issue, author, at, "StarCategory", added=[user] if on else [], removed=[] if on else [user])


def regard(state: TrackerState, issue: Issue, body: dict[str, Any], user: User, at: int) -> None:
    """Apply `voters` and `watchers` of an issue's body: the caller's own vote and star."""
    for name, flag in (("voters", "hasVote"), ("watchers", "hasStar")):
        given = body.get(name)
        if given is None:
            continue
        if not isinstance(given, dict) or not isinstance(given.get(flag), bool):
            raise bad_request(f"{name} needs {flag}")
        if name == "voters":
            vote(state, issue, user, at, given[flag])
        else:
            star(state, issue, user, user, at, given[flag])


def mention(
    state: TrackerState, source: Issue | Comment, text: str | None, author: User, at: int, before: str = ""
) -> None:
    """Tell issues that a text names, and that the author reads, where they are named now."""
    holder = source if isinstance(source, Issue) else source.issue
    category = "IssueMentionCategory" if isinstance(source, Issue) else "CommentMentionCategory"
    may_read = reader(state, author)
    for name in dict.fromkeys(_READABLE.findall(text or "")):
        issue = state.find_issue(name)
        if issue is None or issue is holder or name in before or not may_read(issue):
            continue
        state.touch(issue)
        updated, updater = issue.updated, issue.updater
        state.record(issue, author, at, category, added=[source], removed=[])
        # To be spoken of elsewhere is no change of the issue itself.
        issue.updated, issue.updater = updated, updater


def _voters(call: Call) -> dict[str, Any]:
    issue = call.issue()
    return {
        "id": issue.id,
        "hasVote": call.caller in issue.voters,
        "original": list(issue.voters),
        "$type": "IssueVoters",
    }


def _vote(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    regard(call.state, issue, {"voters": call.object_body()}, call.caller, call.at)
    return issue, _voters(call)


def _stars(call: Call) -> dict[str, Any]:
    issue = call.issue()
    return {
        "id": issue.id,
        "hasStar": call.caller in issue.stars,
        "issueWatchers": _watchers(call),
        "$type": "IssueWatchers",
    }


def _star(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    regard(call.state, issue, {"watchers": call.object_body()}, call.caller, call.at)
    return issue, _stars(call)


def _watchers(call: Call) -> list[dict[str, Any]]:
    return [
        {"id": f"99-{u.id.rpartition('-')[2]}", "user": u, "isStarred": True, "$type": "IssueWatcher"}
        for u in call.issue().stars
    ]


def _watch(call: Call) -> tuple[Issue, Any]:
    issue, wanted = call.issue(), entity_id(call.object_body().get("user"))
    user = next((u for u in call.state.users.values() if u.id == wanted), None)
    if user is None:
        raise entity_not_found(wanted)
    star(call.state, issue, user, call.caller, call.at, True)
    return issue, next(w for w in _watchers(call) if w["user"] is user)


def _unwatch(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    for watcher in _watchers(call):
        if watcher["id"] == call.path("watcher"):
            star(call.state, issue, watcher["user"], call.caller, call.at, False)
            return issue, None
    raise entity_not_found(call.path("watcher"))
