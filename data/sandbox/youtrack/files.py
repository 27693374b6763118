"""Attachments: upload, metadata, and links that work without a token until they expire."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import views
from data.sandbox.youtrack.access import in_team, permits
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import ATTACHMENT, Attachment, Comment, Issue
from data.sandbox.youtrack.multipart import parse_parts
from data.sandbox.youtrack.table import Methods, Raw, Table, Told
from data.sandbox.youtrack.visibility import parse_visibility


def file_table() -> Table:
    """Return the routes."""
    one: Methods = {"get": _one, "post": Told("updated", _update), "delete": Told("updated", _remove)}
    return [
        ("/issues/{issue}/attachments", {"get": _list, "post": Told("updated", _upload)}),
        ("/issues/{issue}/attachments/{attachment}", one),
        (
            "/issues/{issue}/comments/{comment}/attachments",
            {"get": lambda c: c.page(views.attachments_of(c.comment())), "post": Told("updated", _attach)},
        ),
        ("/files/{attachment}", {"get": _download}),
    ]


def _list(call: Call) -> list[Any]:
    issue = call.issue()
    return call.page([a for a in issue.attachments if permits(call.caller, a.visibility)])


def _one(call: Call) -> Attachment:
    for attachment in call.issue().attachments:
        if attachment.id == call.path("attachment") and permits(call.caller, attachment.visibility):
            return attachment
    raise entity_not_found(call.path("attachment"))


def _upload(call: Call) -> tuple[Issue, Any]:
    return call.issue(), _store(call, call.issue(), None)


def _attach(call: Call) -> tuple[Issue, Any]:
    comment = call.comment()
    return comment.issue, _store(call, comment.issue, comment)


def _store(call: Call, issue: Issue, comment: Comment | None) -> list[Attachment]:
    if call.caller.guest:
        raise forbidden("You do not have permission to attach files.")
    content_type = call.request.headers.get("content-type", "")
    if not content_type.startswith("multipart/"):
        raise bad_request("A multipart body is expected")
    state, made = call.state, []
    state.touch(issue)
    for part in parse_parts(content_type, call.raw):
        if not part.file_name:
            continue
        made.append(
            Attachment(
                state.next_id(ATTACHMENT),
                issue,
                call.caller,
                part.file_name,
                part.content,
                part.mime_type,
                call.at,
                call.at,
                state.file_key,
                comment,
            )
        )
    if not made:
        raise bad_request("No file in the request")
    issue.attachments += made
    category = "CommentAttachmentsCategory" if comment else "AttachmentsCategory"
    state.record(issue, call.caller, call.at, category, comment=comment, added=[*made], removed=[])
    return made


def _update(call: Call) -> tuple[Issue, Any]:
    attachment, body = _one(call), call.object_body()
    _check_owner(call, attachment)
    if "name" in body:
        attachment.name = str(body["name"])
    if "visibility" in body:
        attachment.visibility = parse_visibility(call.state, body["visibility"])
    attachment.updated = call.at
    return attachment.issue, attachment


def _remove(call: Call) -> tuple[Issue, Any]:
    attachment = _one(call)
    _check_owner(call, attachment)
    issue = attachment.issue
    call.state.touch(issue)
    issue.attachments.remove(attachment)
    attachment.removed = True
    category = "CommentAttachmentsCategory" if attachment.comment else "AttachmentsCategory"
    call.state.record(
        issue, call.caller, call.at, category, comment=attachment.comment, added=[], removed=[attachment]
    )
    return issue, None


def _check_owner(call: Call, attachment: Attachment) -> None:
    if attachment.author is not call.caller and not in_team(call.caller, attachment.issue.project):
        raise forbidden("You do not have permission to change this attachment.")


def _download(call: Call) -> Raw:
    sign = call.request.query_params.get("sign", "")
    for issue in call.state.issues.values():
        for attachment in issue.attachments:
            if attachment.id == call.path("attachment") and call.state.file_key.accepts(attachment, sign):
                return Raw(attachment.content, attachment.mime_type, attachment.name)
    raise entity_not_found(call.path("attachment"))
