"""Bodies of writing requests: checked as strictly as the real server, applied as one change."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Comment, Field, Issue, User, Value
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.views import issue_field_type

_ISSUE_ATTRIBUTES = {
    "id",
    "$type",
    "project",
    "summary",
    "description",
    "customFields",
    "tags",
    "usesMarkdown",
}
_COMMENT_ATTRIBUTES = {"id", "$type", "text", "visibility", "deleted", "usesMarkdown"}


def create_issue(state: TrackerState, body: dict[str, Any], caller: User, at: int) -> Issue:
    """File an issue from a request body."""
    _only(body, _ISSUE_ATTRIBUTES)
    project = body.get("project") or {}
    known = (state.project.id, state.project.short_name)
    if not isinstance(project, dict) or not {project.get("id"), project.get("shortName")} & set(known):
        raise entity_not_found(str(project.get("id")) if isinstance(project, dict) else "null")
    if not isinstance(body.get("summary"), str) or not body["summary"].strip():
        raise ApiError(400, "Field required", "Summary is required", error_field="summary")
    values = _values(state, body.get("customFields") or [])
    issue = state.create_issue(caller, body["summary"], body.get("description"), at)
    for field, value in values:
        state.set_field(issue, caller, at, field.name, value)
    for tag in body.get("tags") or []:
        state.add_tag(issue, caller, at, find_tag(state, tag))
    return issue


def update_issue(state: TrackerState, issue: Issue, body: dict[str, Any], caller: User, at: int) -> None:
    """Apply the attributes that the body has; nothing is applied when one of them is wrong."""
    _only(body, _ISSUE_ATTRIBUTES)
    values = _values(state, body.get("customFields") or [])
    tags = [find_tag(state, tag) for tag in body["tags"]] if "tags" in body else None
    if "summary" in body and not body["summary"]:
        raise ApiError(400, "Field required", "Summary is required", error_field="summary")
    for attribute in ("summary", "description"):
        if attribute in body:
            state.set_text(issue, caller, at, attribute=attribute, text=body[attribute] or None)
    for field, value in values:
        state.set_field(issue, caller, at, field.name, value)
    if tags is not None:
        for tag in [t for t in issue.tags if t not in tags]:
            state.remove_tag(issue, caller, at, tag)
        for tag in tags:
            state.add_tag(issue, caller, at, tag)


def set_field(
    state: TrackerState, issue: Issue, field: Field, body: dict[str, Any], caller: User, at: int
) -> None:
    """Apply a body of `/customFields/{id}`."""
    values = _values(state, [{**body, "id": field.id}])
    state.set_field(issue, caller, at, field.name, values[0][1])


def add_comment(state: TrackerState, issue: Issue, body: dict[str, Any], caller: User, at: int) -> Comment:
    """Add a comment with its visibility."""
    _only(body, _COMMENT_ATTRIBUTES)
    if not isinstance(body.get("text"), str) or not body["text"]:
        raise bad_request("Comment text is required")
    internal = _is_internal(state, body.get("visibility"))
    if internal and not caller.team:
        raise forbidden("You do not have permission to set the visibility of this comment.")
    return state.add_comment(issue, caller, at, body["text"], internal=internal)


def update_comment(
    state: TrackerState, comment: Comment, body: dict[str, Any], caller: User, at: int
) -> None:
    """Edit a comment: its text, its visibility, or soft deletion."""
    _only(body, _COMMENT_ATTRIBUTES)
    if comment.author is not caller and not caller.team:
        raise forbidden("You do not have permission to update this comment.")
    if "visibility" in body:
        comment.internal = _is_internal(state, body["visibility"])
    if "text" in body and body["text"] != comment.text:
        state.edit_comment(comment, caller, at, str(body["text"]))
    if "deleted" in body:
        state.set_deleted(comment, caller, at, bool(body["deleted"]))


def find_tag(state: TrackerState, body: Any) -> Any:
    """Return the tag a body names by id."""
    wanted = body.get("id") if isinstance(body, dict) else None
    for tag in state.tags.values():
        if tag.id == wanted:
            return tag
    raise entity_not_found(str(wanted))


def _values(state: TrackerState, given: Any) -> list[tuple[Field, Value]]:
    if not isinstance(given, list):
        raise bad_request("customFields must be an array")
    return [_value(state, entry) for entry in given]


def _value(state: TrackerState, entry: Any) -> tuple[Field, Value]:
    if not isinstance(entry, dict):
        raise bad_request("A custom field must be an object")
    fields = state.project.fields
    field = fields.get(str(entry.get("name"))) or next(
        (f for f in fields.values() if f.id == entry.get("id")), None
    )
    if field is None:
        raise entity_not_found(str(entry.get("id") or entry.get("name")))
    expected = issue_field_type(field.kind)
    if str(entry.get("$type", "")).rpartition(".")[2] != expected:
        raise bad_request(
            "The value provided for the null property doesn't match the expected format.; "
            f"The API expects {expected}-type values but encountered {entry.get('$type')}-type instead."
        )
    value = entry.get("value")
    if value is None:
        if field.default is not None:
            raise ApiError(400, "Field required", f"{field.name} is required", error_field=field.name)
        return field, None
    if not isinstance(value, dict):
        raise bad_request(f"The value of {field.name} must be an object")
    if field.kind == "user[1]":
        return field, _user(state, value)
    for element in field.values.values():
        if element.name == value.get("name") or element.id == value.get("id"):
            return field, element
    raise bad_request(f"Value is not allowed: {value.get('name') or value.get('id')} for {field.name}")


def _user(state: TrackerState, value: dict[str, Any]) -> User:
    for user in state.users.values():
        if value.get("login") == user.login or value.get("id") == user.id:
            if not user.team:
                raise bad_request("Value is not allowed")
            return user
    raise entity_not_found(str(value.get("login") or value.get("id")))


def _is_internal(state: TrackerState, visibility: Any) -> bool:
    if visibility is None:
        return False
    if not isinstance(visibility, dict) or "$type" not in visibility:
        raise bad_request("visibility needs a $type")
    kind = str(visibility["$type"]).rpartition(".")[2]
    if kind == "UnlimitedVisibility":
        return False
    if kind != "LimitedVisibility":
        raise bad_request(f"Unknown visibility {kind}")
    groups = visibility.get("permittedGroups") or []
    if [g.get("id") for g in groups] != [state.project.team_id]:
        raise entity_not_found(str([g.get("id") for g in groups]))
    return True


def _only(body: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(body) - known)
    if unknown:
        raise bad_request(f"Unknown attribute {unknown[0]}")
