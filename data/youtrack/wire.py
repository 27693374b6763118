"""The tracker's JSON: which attributes are asked for, and what they become here. Pure.

Every request names its `fields`; an attribute that is missing from the answer (a typo is silent there)
is an error here, while unknown `$type`s are let through. `$type` is compared after its last dot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from data.clock import from_millis
from data.mapping import TrackerMapping
from data.stamps import Stamp
from data.store.columns import clean
from data.ticket import Comment, FieldChange, Ticket, TicketRecord
from data.youtrack.attached import (
    ATTACHMENT_FIELDS,
    LINK_FIELDS,
    parse_attachments,
    parse_links,
    told,
)
from data.youtrack.nested import COMMENT_FIELDS
from data.youtrack.shape import id_order as id_order
from data.youtrack.shape import login_of as login_of
from data.youtrack.shape import need as need
from data.youtrack.shape import short_type as short_type

ISSUE_FIELDS = (
    "id,idReadable,summary,description,created,updated,resolved,project(id,shortName),reporter(login),"
    "tags(id,name),customFields($type,id,name,value($type,id,name,login,text,presentation)),"
    f"comments({COMMENT_FIELDS}),links({LINK_FIELDS}),attachments({ATTACHMENT_FIELDS})"
)
STAMP_FIELDS = "id,idReadable,created,updated,resolved"
_VALUE = "id,idReadable,shortName,name,login,text,presentation,size,mimeType"
ACTIVITY_FIELDS = (
    "id,hasAfter,afterCursor,activities(id,$type,timestamp,author(login),category(id),"
    f"target(id,idReadable,$type,issue(id,idReadable)),field(id,name,presentation),added({_VALUE}),removed({_VALUE}))"
)

_KINDS = {
    "CustomFieldCategory": "field",
    "IssueResolvedCategory": "resolved",
    "TagsCategory": "tags",
    "SummaryCategory": "summary",
    "DescriptionCategory": "description",
    "CommentsCategory": "comment",
    "CommentTextCategory": "comment_text",
    "CommentVisibilityCategory": "comment_visibility",
    "AttachmentsCategory": "attachment",
    "CommentAttachmentsCategory": "attachment",
    "LinksCategory": "link",
    "ProjectCategory": "project",
    "IssueVisibilityCategory": "visibility",
}
CHANGE_CATEGORIES = tuple(_KINDS)
ALL_CATEGORIES = ("IssueCreatedCategory", *CHANGE_CATEGORIES)


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the change feed. `change` is there for field, resolution and tag changes."""

    id: str
    ticket_id: str
    readable_id: str
    at: datetime
    author: str
    category: str
    change: FieldChange | None


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of the feed; `cursor` continues after it (`None` where the tracker gave none)."""

    items: tuple[Activity, ...]
    cursor: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One custom field of a project: the `$type` to write with, and its values where it has a set."""

    name: str
    issue_type: str
    values: frozenset[str] | None


def parse_issue(raw: Any, names: TrackerMapping) -> TicketRecord:
    """Turn an issue into a record without field changes, the tracker's words into our keys."""
    fields = {f.get("name"): _name(f.get("value")) for f in need(raw, "customFields", list)}
    of_ticket, of_record = _meant({str(n): v for n, v in fields.items() if v is not None}, names)
    created = from_millis(need(raw, "created", int))
    resolved = need(raw, "resolved", int, null=True)
    return TicketRecord(
        ticket=Ticket(
            id=need(raw, "id", str),
            summary=clean(need(raw, "summary", str, null=True) or ""),
            description=clean(need(raw, "description", str, null=True) or ""),
            created=created,
            **of_ticket,
        ),
        project=need(need(raw, "project", dict), "shortName", str),
        readable_id=need(raw, "idReadable", str),
        reporter=login_of(need(raw, "reporter", dict, null=True)),
        created=created,
        updated=from_millis(need(raw, "updated", int)),
        resolved=None if resolved is None else from_millis(resolved),
        tags=tuple(sorted(clean(str(t.get("name", ""))) for t in need(raw, "tags", list))),
        comments=parse_comments(need(raw, "comments", list)),
        links=parse_links(need(raw, "links", list, null=True) or ()),
        attachments=parse_attachments(need(raw, "attachments", list, null=True) or ()),
        raw_hash=hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest(),
        **of_record,
    )


def with_fields(record: TicketRecord, values: Mapping[str, str], names: TrackerMapping) -> TicketRecord:
    """Return the record with these custom fields (by the tracker's names), and what follows from them."""
    of_ticket, of_record = _meant(values, names)
    return replace(record, ticket=replace(record.ticket, **of_ticket), **of_record)


def _meant(values: Mapping[str, str], names: TrackerMapping) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes of a ticket and of its record that follow from its custom fields."""

    def key(name: str) -> str | None:
        return names.key_of(name, values.get(names.named(name)))

    of_ticket = {"client": key("client"), "country": key("country"), "lang": key("language")}
    labels = {n: key(n) for n in ("issue_type", "category", "priority", "team")}
    fields = tuple(sorted((clean(n), v) for n, v in values.items()))
    return of_ticket, {**labels, "state": values.get(names.state) or "", "fields": fields}


def parse_stamp(raw: Any) -> Stamp:
    """Turn an issue into its stamp."""
    resolved = need(raw, "resolved", int, null=True)
    created, updated = (from_millis(need(raw, n, int)) for n in ("created", "updated"))
    ids = (need(raw, "id", str), need(raw, "idReadable", str))
    return Stamp(*ids, created, updated, None if resolved is None else from_millis(resolved))


def parse_comments(raw: Any) -> tuple[Comment, ...]:
    """Turn comments into ours, oldest first, each id once. Deleted ones keep their place, not their text."""
    found: dict[str, Comment] = {}
    for c in raw:
        deleted = bool(need(c, "deleted", bool, null=True))
        comment = Comment(
            id=need(c, "id", str),
            author=login_of(need(c, "author", dict, null=True)),
            text="" if deleted else clean(need(c, "text", str, null=True) or ""),
            created=from_millis(need(c, "created", int)),
            internal=short_type(need(c, "visibility", dict, null=True)) == "LimitedVisibility",
            deleted=deleted,
        )
        found[comment.id] = comment
    return tuple(sorted(found.values(), key=lambda c: (c.created, id_order(c.id))))


def parse_activities(raw: Any) -> ActivityPage:
    """Turn a page of the feed into ours; entries on things other than tickets are left out."""
    items = []
    for a in need(raw, "activities", list):
        target = need(a, "target", dict, null=True) or {}
        issue = target if short_type(target) == "Issue" else target.get("issue")
        if not isinstance(issue, dict) or not issue.get("id"):
            continue
        items.append(_activity(a, issue))
    cursor = raw.get("afterCursor")
    return ActivityPage(tuple(items), cursor if isinstance(cursor, str) else None, bool(raw.get("hasAfter")))


def _activity(raw: Mapping[str, Any], issue: Mapping[str, Any]) -> Activity:
    category = str(need(need(raw, "category", dict), "id", str))
    at = from_millis(need(raw, "timestamp", int))
    author = login_of(need(raw, "author", dict, null=True))
    change = _change(raw, _KINDS[category], author, at) if category in _KINDS else None
    readable = str(issue.get("idReadable") or "")
    return Activity(str(need(raw, "id", str)), str(issue["id"]), readable, at, author, category, change)


def _change(raw: Mapping[str, Any], kind: str, author: str, at: datetime) -> FieldChange:
    field = raw.get("field")
    named = str(field.get("name") or "") if isinstance(field, dict) else ""
    shown = _told if kind == "attachment" else _by_keys(_CALLED.get(kind, _KEYS))
    return FieldChange(
        id=str(need(raw, "id", str)),
        author=author,
        at=at,
        field=clean(named) if kind == "field" else kind,
        removed=shown(raw.get("removed")),
        added=shown(raw.get("added")),
        kind=kind,
        subject=_subject(raw, kind),
    )


def _subject(raw: Mapping[str, Any], kind: str) -> str | None:
    field, target = raw.get("field"), raw.get("target") or {}
    if kind == "link" and isinstance(field, dict):
        return clean(str(field.get("presentation") or field.get("name") or "")) or None
    return str(target["id"]) if short_type(target) == "IssueComment" and target.get("id") else None


def _told(value: Any) -> str | None:
    files = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    return ", ".join(told(f) for f in files if isinstance(f, dict)) or None


def _by_keys(keys: Sequence[str]) -> Callable[[Any], str | None]:
    return lambda value: _name(value, keys)


def parse_schema(raw: Any) -> dict[str, FieldSchema]:
    """Turn a project's custom fields into what is needed to write them, by name."""
    found = {}
    for f in raw:
        field = need(f, "field", dict)
        name, kind = need(field, "name", str), need(need(field, "fieldType", dict), "id", str)
        bundle = f.get("bundle")
        values = bundle.get("values") if isinstance(bundle, dict) else None
        allowed = None
        if isinstance(values, list) and kind.startswith(("enum", "state", "ownedField", "version", "build")):
            allowed = frozenset(str(v.get("name")) for v in values if not v.get("archived"))
        found[name] = FieldSchema(name, _ISSUE_TYPES.get(kind, "SimpleIssueCustomField"), allowed)
    return found


def field_value(schema: FieldSchema, value: str | None) -> dict[str, Any]:
    """Return the entry of `customFields` that sets a field to `value`, or clears it with `None`."""
    key = "login" if "User" in schema.issue_type else "name"
    if schema.issue_type.startswith("Multi"):
        written: Any = [] if value is None else [{key: value}]
    elif value is None or schema.issue_type == "SimpleIssueCustomField":
        written = value
    else:
        written = {key: value}
    return {"$type": schema.issue_type, "name": schema.name, "value": written}


_KEYS = ("login", "name", "text", "presentation", "id")  # a user's name is not for storing
# A comment's text is kept with the comment, where deleting it takes it away; a ticket's readable id changes.
_CALLED = {"comment": ("id",), "project": ("shortName", "name", "id"), "link": ("id",)}


def _name(value: Any, keys: Sequence[str] = _KEYS) -> str | None:
    """Return what a field's value is called: its name, login or text; several are joined; empty is None."""
    if value is None or value == [] or value == "":
        return None
    if isinstance(value, list):
        return ", ".join(n for n in (_name(v, keys) for v in value) if n) or None
    if isinstance(value, dict):
        for key in keys:
            if value.get(key) not in (None, ""):
                return clean(str(value[key]))
        return None
    return clean(str(value))


_ISSUE_TYPES = {
    "enum[1]": "SingleEnumIssueCustomField",
    "enum[*]": "MultiEnumIssueCustomField",
    "state[1]": "StateIssueCustomField",
    "user[1]": "SingleUserIssueCustomField",
    "user[*]": "MultiUserIssueCustomField",
    "group[1]": "SingleGroupIssueCustomField",
    "group[*]": "MultiGroupIssueCustomField",
    "version[1]": "SingleVersionIssueCustomField",
    "version[*]": "MultiVersionIssueCustomField",
    "build[1]": "SingleBuildIssueCustomField",
    "build[*]": "MultiBuildIssueCustomField",
    "ownedField[1]": "SingleOwnedIssueCustomField",
    "ownedField[*]": "MultiOwnedIssueCustomField",
}


def held_values(raw: Any) -> dict[str, str | None]:
    """Return what an issue's custom fields hold, by name: names or logins, of several values the first."""
    return {str(f.get("name")): _called(f.get("value")) for f in need(raw, "customFields", list)}


def _called(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return value.get("name") or value.get("login")
    return None if value is None else str(value)
