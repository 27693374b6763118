"""Bodies of writing requests: checked as strictly as the real server, applied as one change."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import in_team, is_agent, is_staff, reads_project, writes_issue
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Comment, Field, Issue, Project, User, Visibility
from data.sandbox.youtrack.regard import mention, regard
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.values import check_conditions, check_required, parse_values
from data.sandbox.youtrack.views import attributes
from data.sandbox.youtrack.visibility import entity_id, entries, parse_visibility

_ISSUE_ATTRIBUTES = {
    "id",
    "$type",
    "project",
    "summary",
    "description",
    "customFields",
    "tags",
    "usesMarkdown",
    "visibility",
    "reporter",
    "voters",
    "watchers",
}
_COMMENT_ATTRIBUTES = {"id", "$type", "text", "visibility", "deleted", "usesMarkdown", "pinned"}
_REGARD = {"id", "$type", "voters", "watchers"}


def create_issue(state: TrackerState, body: dict[str, Any], caller: User, at: int) -> Issue:
    """File an issue from a request body."""
    body = only(body, _ISSUE_ATTRIBUTES, Issue)
    project = named_project(state, body.get("project"), caller)
    _check_texts(body)
    if not (body.get("summary") or "").strip():
        raise ApiError(400, "Field required", "Summary is required", error_field="summary")
    if not project.helpdesk and not is_staff(caller):
        raise forbidden("You do not have permission to create issues in this project.")
    values = parse_values(state, project, body.get("customFields") or [], None)
    tags = [find_tag(state, tag) for tag in entries(body, "tags")]
    visibility = parse_visibility(state, body.get("visibility"))
    reporter = _reporter(state, body, caller)
    issue = state.create_issue(reporter, body["summary"], body.get("description"), at, project=project)
    issue.visibility = visibility
    for field, value in values:
        state.set_field(issue, caller, at, field.name, value)
    check_conditions(issue, [f for f, _ in values])
    check_required(issue)
    for tag in tags:
        state.add_tag(issue, caller, at, tag)
    regard(state, issue, body, caller, at)
    mention(state, issue, issue.description, caller, at)
    return issue


def update_issue(state: TrackerState, issue: Issue, body: dict[str, Any], caller: User, at: int) -> None:
    """Apply the attributes that the body has; nothing is applied when one of them is wrong."""
    body = only(body, _ISSUE_ATTRIBUTES, Issue)
    own = issue.reporter is caller and set(body) <= {*unverified.HELPDESK_REQUESTER_EDITS, "id", "$type"}
    if not own and not set(body) <= _REGARD:
        check_may_write(caller, issue)
    target = named_project(state, body["project"], caller) if "project" in body else issue.project
    visibility = parse_visibility(state, body.get("visibility"))
    values = parse_values(state, target, body.get("customFields") or [], issue)
    tags = [find_tag(state, tag) for tag in entries(body, "tags")] if "tags" in body else None
    described = issue.description
    _check_texts(body)
    if "summary" in body and not body["summary"]:
        raise ApiError(400, "Field required", "Summary is required", error_field="summary")
    state.move_issue(issue, caller, at, target)
    for attribute in ("summary", "description"):
        if attribute in body:
            state.set_text(issue, caller, at, attribute=attribute, text=body[attribute] or None)
    for field, value in values:
        state.set_field(issue, caller, at, field.name, value)
    check_conditions(issue, [f for f, _ in values])
    if tags is not None:
        for tag in [t for t in issue.tags if t not in tags]:
            state.remove_tag(issue, caller, at, tag)
        for tag in tags:
            state.add_tag(issue, caller, at, tag)
    if "visibility" in body:
        state.set_visibility(issue, caller, at, visibility)
    regard(state, issue, body, caller, at)
    mention(state, issue, issue.description, caller, at, before=described or "")


def named_project(state: TrackerState, given: Any, caller: User) -> Project:
    """Return the project that a body names by id (or short name)."""
    short = given.get("shortName") if isinstance(given, dict) and "id" not in given else None
    wanted = str(short) if short and unverified.MOVE_BY_SHORT_NAME else entity_id(given)
    project = state.find_project(wanted)
    if project is None or not reads_project(state, caller, project):
        raise entity_not_found(wanted)
    return project


def check_may_write(caller: User, issue: Issue) -> None:
    """Raise 403 where the caller may read the issue only."""
    if not writes_issue(caller, issue):
        raise forbidden("You do not have permission to update this issue.")


def set_field(
    state: TrackerState, issue: Issue, field: Field, body: dict[str, Any], caller: User, at: int
) -> None:
    """Apply a body of `/customFields/{id}`."""
    check_may_write(caller, issue)
    values = parse_values(state, issue.project, [{**body, "id": field.id, "name": field.name}], issue)
    state.set_field(issue, caller, at, field.name, values[0][1])
    check_conditions(issue, [field])


def add_comment(state: TrackerState, issue: Issue, body: dict[str, Any], caller: User, at: int) -> Comment:
    """Add a comment with its visibility."""
    body = only(body, _COMMENT_ATTRIBUTES, Comment)
    if not isinstance(body.get("text"), str) or not body["text"]:
        raise bad_request("Comment text is required")
    visibility = parse_visibility(state, body.get("visibility"))
    check_voice(issue, caller, limited=visibility is not None)
    staff = in_team(caller, issue.project) and issue.project.helpdesk
    if visibility is None and staff:
        silently = not is_agent(caller, issue.project)  # else `check_voice` has refused
        left_out = "visibility" not in body and unverified.AGENT_COMMENT_WITHOUT_VISIBILITY == "team"
        if silently or left_out:
            visibility = Visibility((issue.project.team,))
    comment = state.add_comment(issue, caller, at, body["text"], visibility=visibility)
    mention(state, comment, comment.text, caller, at)
    return comment


def _reporter(state: TrackerState, body: dict[str, Any], caller: User) -> User:
    given = body.get("reporter")
    if given is None or unverified.REPORTER_ON_CREATE == "ignored":
        return caller
    if unverified.REPORTER_ON_CREATE == "refused" or not isinstance(given, dict):
        raise bad_request("Unknown attribute reporter")
    user = state.find_user(str(given.get("login") or entity_id(given)))
    if user is None:
        raise entity_not_found(str(given.get("login") or entity_id(given)))
    return user


def check_voice(issue: Issue, caller: User, *, limited: bool) -> None:
    """Raise 403: in a helpdesk project only agents and requesters speak in public, only staff inside."""
    if not issue.project.helpdesk:
        return
    if limited and not in_team(caller, issue.project):
        raise forbidden("You do not have permission to set the visibility of this comment.")
    silenced = in_team(caller, issue.project) and not is_agent(caller, issue.project)
    if not limited and silenced and unverified.NON_AGENT_PUBLIC_COMMENT == "forbidden":
        raise forbidden("Only agents can add public comments in a helpdesk project.")


def update_comment(
    state: TrackerState, comment: Comment, body: dict[str, Any], caller: User, at: int
) -> None:
    """Edit a comment: its text, its visibility, or soft deletion."""
    body = only(body, _COMMENT_ATTRIBUTES, Comment)
    if comment.author is not caller and not in_team(caller, comment.issue.project):
        raise forbidden("You do not have permission to update this comment.")
    if "visibility" in body:
        if comment.issue.project.helpdesk and not is_agent(caller, comment.issue.project):
            raise forbidden("Only agents can change the visibility of a comment in a helpdesk project.")
        state.limit_comment(comment, caller, at, parse_visibility(state, body["visibility"]))
    if "text" in body and body["text"] != comment.text:
        before = comment.text
        state.edit_comment(comment, caller, at, str(body["text"]))
        mention(state, comment, comment.text, caller, at, before=before)
    if "pinned" in body:
        state.touch(comment.issue)
        comment.pinned = bool(body["pinned"])
    if "deleted" in body:
        state.set_deleted(comment, caller, at, bool(body["deleted"]))


def find_tag(state: TrackerState, body: Any) -> Any:
    """Return the tag a body names by id."""
    wanted = body.get("id") if isinstance(body, dict) else None
    for tag in state.tags.values():
        if tag.id == wanted:
            return tag
    raise entity_not_found(str(wanted))


def _check_texts(body: dict[str, Any]) -> None:
    for name in ("summary", "description"):
        if not isinstance(body.get(name), str | None):
            raise bad_request(f"{name} must be a string")


def only(body: dict[str, Any], known: set[str], kind: type) -> dict[str, Any]:
    """Return what a body changes: without attributes of the entity that can only be read.

    Raises `ApiError` 400 for an attribute that the entity does not have.
    """
    readable = set(attributes(kind)) if unverified.READ_ONLY_IN_BODY == "ignored" else set()
    unknown = sorted(set(body) - known - readable)
    if unknown:
        raise bad_request(f"Unknown attribute {unknown[0]}")
    return {name: value for name, value in body.items() if name in known}
