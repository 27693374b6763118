"""The JSON of the vendor's app "Webhook Triggers", with the traps of its code.

Readable ids only, nothing about visibility (internal comments with their full text), and a change of
fields is lost when the same transaction also added a comment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from data.clock import from_millis
from data.sandbox.youtrack.model import Activity, Comment, Issue, User

TOKEN_HEADER = "X-YouTrack-Token"
_FIELDS = {"CustomFieldCategory", "SummaryCategory", "DescriptionCategory"}


def vendor_events(issue: Issue, kind: str, activities: Sequence[Activity]) -> list[bytes]:
    """Return the bodies that one transaction causes; `activities` are those it wrote, oldest first.

    `kind`: `created`, `updated`, `commented`, `deleted`. Changes that the app does not know give none.
    """
    if kind == "deleted":
        return [_body("issueDeleted", issue, activities)]
    if kind == "created":
        more = {"description": issue.description, "created": issue.created, "reporter": _user(issue.reporter)}
        return [_body("issueCreated", issue, activities, **more)]
    comments = [b for a in activities for b in _comment_events(issue, a, activities)]
    if comments:
        return comments
    changed = [_changed(a) for a in activities if a.category in _FIELDS]
    if not changed:
        return []
    who = _user(issue.updater)
    more = {"description": issue.description, "updated": issue.updated, "updatedBy": who}
    return [_body("issueUpdated", issue, activities, **more, changedFields=changed)]


def _comment_events(issue: Issue, activity: Activity, activities: Sequence[Activity]) -> list[bytes]:
    comment = activity.comment
    if comment is None:
        return []
    event = "commentUpdated"
    if activity.category == "CommentsCategory":
        event = "commentAdded" if activity.added else "commentDeleted"
    return [_body(event, issue, activities, comments=[_comment(comment)])]


def _body(event: str, issue: Issue, activities: Sequence[Activity], **more: Any) -> bytes:
    at = activities[-1].at if activities else issue.updated
    fact = {
        "event": event,
        "timestamp": from_millis(at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "id": issue.readable_id,
        "summary": issue.summary,
        "project": {
            "key": issue.project.short_name,
            "name": issue.project.name,
            "shortName": issue.project.short_name,
        },
        **more,
    }
    return json.dumps(fact, ensure_ascii=False).encode()


def _comment(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "text": comment.text,
        "textPreview": comment.text,
        "created": comment.created,
        "updated": comment.updated,
        "author": _user(comment.author),
    }


def _user(user: User) -> dict[str, str]:
    return {"login": user.login, "fullName": user.full_name, "email": user.email}


def _changed(activity: Activity) -> dict[str, Any]:
    name = activity.field.name if activity.field else activity.category.removesuffix("Category").lower()
    return {"name": name, "oldValue": _value(activity.removed), "value": _value(activity.added)}


def _value(value: object) -> Any:
    if isinstance(value, list):
        shown = [getattr(v, "name", None) or getattr(v, "login", None) or str(v) for v in value]
        return ", ".join(shown) if shown else None
    return value
