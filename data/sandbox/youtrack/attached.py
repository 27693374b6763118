"""What files, work items and reactions show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data.sandbox.youtrack import model as s
from data.sandbox.youtrack.shapes import Visibility
from data.sandbox.youtrack.values import period_json

WORK_NAMES: dict[type, str] = {
    s.Attachment: "IssueAttachment",
    s.WorkItem: "IssueWorkItem",
    s.WorkType: "WorkItemType",
    s.Reaction: "Reaction",
}
WORK_SHAPES: dict[type, dict[str, Callable[[Any, s.User], object]]] = {
    s.Attachment: {
        "id": lambda a, v: a.id,
        "name": lambda a, v: a.name,
        "author": lambda a, v: a.author,
        "created": lambda a, v: a.created,
        "updated": lambda a, v: a.updated,
        "size": lambda a, v: len(a.content),
        "extension": lambda a, v: a.name.rpartition(".")[2] if "." in a.name else "",
        "charset": lambda a, v: None,
        "mimeType": lambda a, v: a.mime_type,
        "metaData": lambda a, v: None,
        "draft": lambda a, v: False,
        "removed": lambda a, v: a.removed,
        "url": lambda a, v: a.key.url(a),
        "thumbnailURL": lambda a, v: None,
        "visibility": lambda a, v: Visibility(a.visibility),
        "issue": lambda a, v: a.issue,
        "comment": lambda a, v: a.comment,
    },
    s.WorkItem: {
        "id": lambda w, v: w.id,
        "author": lambda w, v: w.author,
        "creator": lambda w, v: w.creator,
        "text": lambda w, v: w.text,
        "textPreview": lambda w, v: w.text,
        "type": lambda w, v: w.type,
        "created": lambda w, v: w.created,
        "updated": lambda w, v: w.updated,
        "duration": lambda w, v: {**period_json(w.minutes), "$type": "DurationValue"},
        "date": lambda w, v: w.date,
        "attributes": lambda w, v: [],
        "issue": lambda w, v: w.issue,
    },
    s.WorkType: {"id": lambda t, v: t.id, "name": lambda t, v: t.name},
    s.Reaction: {
        "id": lambda r, v: r.id,
        "reaction": lambda r, v: r.reaction,
        "author": lambda r, v: r.author,
    },
}
