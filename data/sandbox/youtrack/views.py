"""What each kind of entity shows: its `$type` and its attributes, for a given viewer."""

from __future__ import annotations

import html
from collections.abc import Mapping

from data.sandbox.youtrack import model as s
from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import is_agent, is_staff, permits, reads_comment
from data.sandbox.youtrack.attached import WORK_NAMES, WORK_SHAPES
from data.sandbox.youtrack.kinds import BUNDLE_TYPES, ELEMENT_TYPES, KINDS
from data.sandbox.youtrack.schema_shapes import COLOUR, SCHEMA_SHAPES
from data.sandbox.youtrack.shapes import (
    ABSENT,
    ActivityPage,
    BundleView,
    Count,
    FieldType,
    FieldView,
    Getter,
    LinkView,
    Me,
    ProjectFieldView,
    PrototypeView,
    Visibility,
    link_views,
    relation_field,
)
from data.sandbox.youtrack.sla import breach, paused_time
from data.sandbox.youtrack.values import is_shown, issue_type, possible_events, shown_value

PAGE = 42
"""How many entries of a nested list are shown; the rest is cut without a word."""


__all__ = [
    "ABSENT",
    "ActivityPage",
    "Count",
    "FieldView",
    "Getter",
    "LinkView",
    "Me",
    "ProjectFieldView",
    "link_views",
    "readable_comments",
]

LOCALISED = ("localizedName", "localizedSourceToTarget", "localizedTargetToSource")
WORK_PARTS = ("Author", "Date", "Description", "Duration", "Type")
_ACTIVITY_TYPES = {
    "IssueCreatedCategory": "IssueCreatedActivityItem",
    "IssueResolvedCategory": "IssueResolvedActivityItem",
    "CustomFieldCategory": "CustomFieldActivityItem",
    "CommentsCategory": "CommentActivityItem",
    "CommentTextCategory": "TextMarkupActivityItem",
    "SummaryCategory": "SimpleValueActivityItem",
    "DescriptionCategory": "TextMarkupActivityItem",
    "TagsCategory": "TagsActivityItem",
    "LinksCategory": "LinksActivityItem",
    "ProjectCategory": "ProjectActivityItem",
    "AttachmentsCategory": "AttachmentActivityItem",
    "CommentAttachmentsCategory": "CommentAttachmentsActivityItem",
    "CommentReactionCategory": "CommentReactionActivityItem",
    "VcsChangeCategory": "VcsChangeActivityItem",
    "TicketCCEventCategory": "TicketCCEventActivityItem",
    "SprintCategory": "SprintActivityItem",
    "VotersCategory": "VotersActivityItem",
    "TotalVotesCategory": "SimpleValueActivityItem",
    "WorkItemCategory": "WorkItemActivityItem",
    **{f"WorkItem{p}Category": f"WorkItem{p}ActivityItem" for p in WORK_PARTS},
    "IssueVisibilityCategory": "VisibilityGroupActivityItem",
    "CommentVisibilityCategory": "VisibilityGroupActivityItem",
}


def field_views(issue: s.Issue) -> list[FieldView]:
    """Return the custom fields that the issue shows."""
    return [FieldView(issue, f) for f in issue.project.fields.values() if is_shown(issue, f)]


def attachments_of(comment: s.Comment) -> list[s.Attachment]:
    """Return the files of a comment."""
    return [a for a in comment.issue.attachments if a.comment is comment]


def readable_comments(issue: s.Issue, viewer: s.User) -> list[s.Comment]:
    """Return the comments `viewer` may read, oldest first."""
    return [c for c in issue.comments if reads_comment(viewer, c)]


def type_name(entity: object) -> str:
    """Return the `$type` of an entity."""
    if isinstance(entity, FieldView):
        return issue_type(entity.field)
    if isinstance(entity, ProjectFieldView):
        return KINDS[entity.field.kind].project_type
    if isinstance(entity, BundleView):
        return BUNDLE_TYPES[KINDS[entity.field.kind].family]
    if isinstance(entity, s.Element):
        return ELEMENT_TYPES[entity.family]
    if isinstance(entity, Visibility):
        return "UnlimitedVisibility" if entity.limits is None else "LimitedVisibility"
    if isinstance(entity, s.Group):
        return "ProjectTeam" if entity.project else "UserGroup"
    if isinstance(entity, s.Activity):
        if entity.field is not None and entity.field.kind == "text":
            return "TextCustomFieldActivityItem"
        return _ACTIVITY_TYPES.get(entity.category) or unverified.FEED_TYPES[entity.category]
    name = _NAMES.get(type(entity))
    return name if name is not None else str(entity.TYPE)  # type: ignore[attr-defined]


def attributes(kind: type) -> Mapping[str, Getter]:
    """Return attribute name -> getter(entity, viewer) of a class of entities."""
    known = _ATTRIBUTES.get(kind)
    # Kinds outside this module say themselves what they show.
    return known if known is not None else kind.SHOWS  # type: ignore[attr-defined]


_NAMES: dict[type, str] = {
    s.Issue: "Issue",
    s.Comment: "IssueComment",
    s.User: "User",
    s.Tag: "Tag",
    s.Project: "Project",
    Me: "Me",
    **WORK_NAMES,
    LinkView: "IssueLink",
    s.LinkType: "IssueLinkType",
    FieldType: "FieldType",
    PrototypeView: "CustomField",
    ActivityPage: "ActivityCursorPage",
    Count: "IssueCountResponse",
}
_USER: dict[str, Getter] = {
    "id": lambda u, v: u.id,
    "login": lambda u, v: u.login,
    "name": lambda u, v: u.full_name,
    "fullName": lambda u, v: u.full_name,
    "email": lambda u, v: u.email if u is v or is_staff(v) else None,
    "guest": lambda u, v: u.guest,
    "banned": lambda u, v: u.banned,
    "ringId": lambda u, v: u.ring_id,
    "userType": lambda u, v: {"id": u.kind, "$type": "UserType"},
    "online": lambda u, v: False,
    "avatarUrl": lambda u, v: f"/hub/api/rest/avatar/{u.ring_id}",
    "jabberAccountName": lambda u, v: None,
}
_ISSUE: dict[str, Getter] = {
    "id": lambda i, v: i.id,
    "idReadable": lambda i, v: None if i.draft else i.readable_id,
    "numberInProject": lambda i, v: i.number,
    "summary": lambda i, v: i.summary,
    "description": lambda i, v: i.description,
    "created": lambda i, v: i.created,
    "updated": lambda i, v: i.updated,
    "resolved": lambda i, v: i.resolved,
    "project": lambda i, v: i.project,
    "reporter": lambda i, v: i.reporter,
    "updater": lambda i, v: i.updater,
    "tags": lambda i, v: i.tags[:PAGE],
    "customFields": lambda i, v: field_views(i),
    "comments": lambda i, v: readable_comments(i, v)[:PAGE],
    "commentsCount": lambda i, v: len(readable_comments(i, v)),
    "isDraft": lambda i, v: i.draft,
    "draftOwner": lambda i, v: i.reporter if i.draft else None,
    "usesMarkdown": lambda i, v: True,
    "wikifiedDescription": lambda i, v: _html(i.description),
    "votes": lambda i, v: len(i.voters),
    "voters": lambda i, v: {"id": i.id, "hasVote": v in i.voters, "$type": "IssueVoters"},
    "watchers": lambda i, v: {"id": i.id, "hasStar": v in i.stars, "$type": "IssueWatchers"},
    "parent": lambda i, v: _family(i, "t"),
    "subtasks": lambda i, v: _family(i, "s"),
    "externalIssue": lambda i, v: None,
    "pinnedComments": lambda i, v: [c for c in readable_comments(i, v) if c.pinned],
    "fields": lambda i, v: field_views(i),
    "visibility": lambda i, v: Visibility(i.visibility),
    "attachments": lambda i, v: [a for a in i.attachments if permits(v, a.visibility)][:PAGE],
    "links": lambda i, v: [LinkView(i, k.type, _end(k)) for k in i.links],
}
_COMMENT: dict[str, Getter] = {
    "id": lambda c, v: c.id,
    "text": lambda c, v: c.text,
    "textPreview": lambda c, v: _html(c.text),
    "usesMarkdown": lambda c, v: True,
    "author": lambda c, v: c.author,
    "created": lambda c, v: c.created,
    "updated": lambda c, v: c.updated,
    "deleted": lambda c, v: c.deleted,
    "pinned": lambda c, v: c.pinned,
    "attachments": lambda c, v: attachments_of(c)[:PAGE],
    "reactions": lambda c, v: c.reactions[:PAGE],
    "issue": lambda c, v: c.issue,
    "visibility": lambda c, v: Visibility(c.visibility),
    "hasEmail": lambda c, v: False,
    "canUpdateVisibility": lambda c, v: not c.issue.project.helpdesk or is_agent(v, c.issue.project),
}
_ACTIVITY: dict[str, Getter] = {
    "id": lambda a, v: a.id,
    "timestamp": lambda a, v: a.at,
    "author": lambda a, v: a.author,
    "category": lambda a, v: {"id": a.category, "$type": "ActivityCategory"},
    "target": lambda a, v: a.comment or a.work or a.issue,
    "targetMember": lambda a, v: None,
    "field": lambda a, v: relation_field(a.relation) if a.relation else _filter_field(a.field),
    "added": lambda a, v: _fed(a.added),
    "removed": lambda a, v: _fed(a.removed),
}


def _fed(value: object) -> object:
    """Return a value as the feed shows it: simple ones are scalars."""
    return (
        value.minutes if isinstance(value, s.Period) else value.text if isinstance(value, s.Text) else value
    )


def _html(text: str | None) -> str:
    return f"<p>{html.escape(text)}</p>" if text else ""


def _family(issue: s.Issue, end: str) -> LinkView | None:
    """Return the link to the parent (`t`) or to the subtasks (`s`), None where there is none."""
    for known in issue.links:
        if known.type.name == "Subtask" and known.outward == (end == "s"):
            return LinkView(issue, known.type, end)
    return None


def _end(link: s.Link) -> str:
    return ("s" if link.outward else "t") if link.type.directed else ""


def _of_user(getter: Getter) -> Getter:
    return lambda me, viewer: getter(me.user, viewer)


_ATTRIBUTES: dict[type, dict[str, Getter]] = {
    **SCHEMA_SHAPES,
    s.User: _USER,
    Me: {name: _of_user(get) for name, get in _USER.items()},
    s.Issue: _ISSUE,
    s.Comment: _COMMENT,
    s.Activity: _ACTIVITY,
    s.Tag: {
        "id": lambda t, v: t.id,
        "name": lambda t, v: t.name,
        "owner": lambda t, v: t.owner,
        "visibleFor": lambda t, v: t.shared,
        "updateableBy": lambda t, v: None,
        "untagOnResolve": lambda t, v: t.untag_on_resolve,
        "color": lambda t, v: dict(COLOUR),
    },
    s.Project: {
        "id": lambda p, v: p.id,
        "shortName": lambda p, v: p.short_name,
        "name": lambda p, v: p.name,
        "archived": lambda p, v: p.archived,
        "description": lambda p, v: p.description,
        "leader": lambda p, v: p.leader,
        "createdBy": lambda p, v: p.leader,
        "startingNumber": lambda p, v: 1,
        **{name: (lambda p, v: None) for name in ("iconUrl", "fromEmail", "replyToEmail")},
        "template": lambda p, v: False,
        "customFields": lambda p, v: [ProjectFieldView(f) for f in p.fields.values()][:PAGE],
        "team": lambda p, v: p.team,
        "plugins": lambda p, v: {
            "helpDeskSettings": {"enabled": p.helpdesk, "$type": "HelpDeskSettings"},
            "$type": "ProjectPlugins",
        },
    },
    s.Group: {
        "id": lambda g, v: g.id,
        "name": lambda g, v: g.name,
        "ringId": lambda g, v: None,
        "allUsersGroup": lambda g, v: g.everyone,
        "teamForProject": lambda g, v: g.project,
        "usersCount": lambda g, v: len(g.members),
        "icon": lambda g, v: None,
    },
    **WORK_SHAPES,
    s.LinkType: {
        "id": lambda t, v: t.id,
        "name": lambda t, v: t.name,
        "directed": lambda t, v: t.directed,
        "sourceToTarget": lambda t, v: t.outward,
        "targetToSource": lambda t, v: t.inward,
        "aggregation": lambda t, v: t.name == "Subtask",
        "readOnly": lambda t, v: False,
        **{name: (lambda t, v: None) for name in LOCALISED},
    },
    LinkView: {
        "id": lambda k, v: k.type.id + k.end,
        "direction": lambda k, v: {"s": "OUTWARD", "t": "INWARD", "": "BOTH"}[k.end],
        "linkType": lambda k, v: k.type,
        "issues": lambda k, v: k.others[:PAGE],
        "trimmedIssues": lambda k, v: k.others[:PAGE],
    },
    FieldView: {
        "id": lambda f, v: f.field.id,
        "name": lambda f, v: f.field.name,
        "value": lambda f, v: (
            breach(f.issue, f.field) if f.field.goal else shown_value(f.issue.fields[f.field.name])
        ),
        "possibleEvents": lambda f, v: (
            [
                {"id": e.id, "presentation": e.presentation, "$type": "Event"}
                for e in possible_events(f.field, f.issue)
            ]
            if f.field.machine
            else ABSENT
        ),
        "event": lambda f, v: None if f.field.machine else ABSENT,
        "pausedTime": lambda f, v: paused_time(f.issue) if f.field.goal else ABSENT,
        "projectCustomField": lambda f, v: ProjectFieldView(f.field),
    },
    Visibility: {
        "permittedGroups": lambda w, v: list(w.limits.groups) if w.limits else [],
        "permittedUsers": lambda w, v: list(w.limits.users) if w.limits else [],
    },
    ActivityPage: {
        "id": lambda p, v: p.after,
        "reverse": lambda p, v: p.reverse,
        "activities": lambda p, v: p.activities,
        "beforeCursor": lambda p, v: p.before,
        "afterCursor": lambda p, v: p.after,
        "hasBefore": lambda p, v: p.has_before,
        "hasAfter": lambda p, v: p.has_after,
    },
    Count: {"count": lambda c, v: c.count},
}


def _filter_field(field: s.Field | None) -> dict[str, str] | None:
    if field is None:
        return None
    return {"id": field.id, "name": field.name, "presentation": field.name, "$type": "CustomFilterField"}
