"""The tracker's JSON: which attributes are asked for, and what they become here. Pure.

Every request names its `fields`; an attribute that is missing from the answer (a typo is silent there)
is an error here, while unknown `$type`s are let through. `$type` is compared after its last dot.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from data.clock import from_millis
from data.mapping import TrackerMapping
from data.stamps import Stamp
from data.store.columns import clean
from data.ticket import Comment, FieldChange, Ticket, TicketRecord
from data.youtrack.faults import UnavailableError

COMMENT_FIELDS = "id,text,created,deleted,author(login),visibility($type)"
ISSUE_FIELDS = (
    "id,idReadable,summary,description,created,updated,resolved,project(id,shortName),reporter(login),"
    "tags(id,name),customFields($type,id,name,value($type,id,name,login,text,presentation)),"
    f"comments({COMMENT_FIELDS})"
)
STAMP_FIELDS = "id,idReadable,created,updated,resolved"
_VALUE = "id,idReadable,shortName,name,login,text,presentation"
ACTIVITY_FIELDS = (
    "id,hasAfter,afterCursor,activities(id,$type,timestamp,author(login),category(id),"
    f"target(id,idReadable,$type,issue(id,idReadable)),field(id,name),added({_VALUE}),removed({_VALUE}))"
)
NESTED_PAGE = 42  # the tracker cuts nested lists without a word

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


def short_type(thing: Mapping[str, Any] | None) -> str:
    """Return the `$type` after its last dot, or an empty string."""
    return str((thing or {}).get("$type", "")).rpartition(".")[2]


def parse_issue(raw: Any, names: TrackerMapping, comments: tuple[Comment, ...] | None = None) -> TicketRecord:
    """Turn an issue into a record without field changes, the tracker's words into our keys.

    `comments` replaces the nested ones.
    """
    fields = {f.get("name"): _name(f.get("value")) for f in need(raw, "customFields", list)}
    created = from_millis(need(raw, "created", int))
    resolved = need(raw, "resolved", int, null=True)
    if comments is None:
        comments = parse_comments(need(raw, "comments", list))
    empty: dict[str, Any] = {"state": "", **dict.fromkeys(("issue_type", "category", "priority", "team"))}
    record = TicketRecord(
        ticket=Ticket(
            id=need(raw, "id", str),
            summary=clean(need(raw, "summary", str, null=True) or ""),
            description=clean(need(raw, "description", str, null=True) or ""),
            created=created,
        ),
        project=need(need(raw, "project", dict), "shortName", str),
        readable_id=need(raw, "idReadable", str),
        reporter=login_of(need(raw, "reporter", dict, null=True)),
        created=created,
        updated=from_millis(need(raw, "updated", int)),
        resolved=None if resolved is None else from_millis(resolved),
        **empty,
        tags=tuple(sorted(clean(str(t.get("name", ""))) for t in need(raw, "tags", list))),
        comments=comments,
        raw_hash=hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest(),
    )
    return with_fields(record, {str(n): v for n, v in fields.items() if v is not None}, names)


def with_fields(record: TicketRecord, values: Mapping[str, str], names: TrackerMapping) -> TicketRecord:
    """Return the record with these custom fields (by the tracker's names), and what follows from them."""

    def key(name: str) -> str | None:
        return names.key_of(name, values.get(names.named(name)))

    return replace(
        record,
        ticket=replace(record.ticket, client=key("client"), country=key("country"), lang=key("language")),
        state=values.get(names.state) or "",
        issue_type=key("issue_type"),
        category=key("category"),
        priority=key("priority"),
        team=key("team"),
        fields=tuple(sorted((clean(n), v) for n, v in values.items())),
    )


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
    field, target = raw.get("field"), raw.get("target") or {}
    named = str(field.get("name", "")) if isinstance(field, dict) else ""
    # A comment's text is kept with the comment, where deleting it takes it away.
    keys = _CALLED.get(kind, _KEYS)
    return FieldChange(
        id=str(need(raw, "id", str)),
        author=author,
        at=at,
        field=clean(named) if kind == "field" else kind,
        removed=_name(raw.get("removed"), keys),
        added=_name(raw.get("added"), keys),
        kind=kind,
        subject=str(target["id"]) if short_type(target) == "IssueComment" and target.get("id") else None,
    )


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


def need(raw: Any, key: str, kind: type, *, null: bool = False) -> Any:
    """Return `raw[key]`, which must be there and of `kind`. Raises `UnavailableError` otherwise."""
    value = raw.get(key, _ABSENT) if isinstance(raw, dict) else _ABSENT
    if (value is None and null) or (isinstance(value, kind) and (kind is bool or value is not True)):
        return value
    raise UnavailableError(
        f"The tracker's answer lacks {key!r} or has something else there.",
        remedy="Check that FIRSTLINE_TRACKER_URL points to a YouTrack of version 2026.1 or later.",
    )


_ABSENT = object()


def login_of(user: Mapping[str, Any] | None) -> str:
    """Return a user's login; an empty string where the tracker hides it."""
    return clean(str((user or {}).get("login") or ""))


def id_order(entity_id: str) -> tuple[int, ...]:
    """Return a key that sorts entity ids by their numbers."""
    return tuple(int(n) for n in re.findall(r"\d{1,18}", entity_id))


_KEYS = ("login", "name", "text", "presentation", "id")  # a user's name is not for storing
_CALLED = {"comment": ("id",), "project": ("shortName", "name", "id"), "link": ("idReadable", "id")}


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
