"""The tracker's state in memory: issues, comments, users, and an append-only list of activities.

Every mutation goes through a method here and writes its activities. Nothing is persisted: a restart
begins again from the world's seed.
"""

from __future__ import annotations

import bisect
import uuid
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.building import as_lists, build_project, carried, default_of, permitted
from data.sandbox.youtrack.links import standard_types, unlink
from data.sandbox.youtrack.model import (
    ACTIVITY,
    AGENT,
    COMMENT,
    GROUP,
    ISSUE,
    PROTOTYPE,
    REPORTER,
    TAG,
    USER,
    Activity,
    Comment,
    Element,
    Field,
    Group,
    Issue,
    Project,
    Tag,
    User,
    Value,
    Visibility,
)

if TYPE_CHECKING:
    from data.sandbox.youtrack.faults.index import LateIndex

__all__ = ["Issue", "TrackerState", "build_project"]

_RINGS = uuid.UUID("5d0f7d9e-5b5e-4c37-8c0b-6b1b1a1f5a10")


class TrackerState:
    """Everything the stand-in knows. `project` is the first project; see `add_project` for more."""

    def __init__(self, project: Project) -> None:
        self.projects: dict[str, Project] = {}
        self.users: dict[str, User] = {}
        self.tokens: dict[str, User] = {}
        self.everyone = Group(f"{GROUP}-1", "All Users", everyone=True)
        self.groups: dict[str, Group] = {self.everyone.id: self.everyone}
        self.prototypes: dict[str, str] = {}
        self.project = self.add_project(project)
        self.guest = self.add_user("guest", "Guest", guest=True)
        self.guest_banned = False
        self.lost: set[tuple[str, str]] = set()
        """(login, short name): permission to see the project is gone."""
        self.issues: dict[str, Issue] = {}
        self.activities: list[Activity] = []
        self.late: LateIndex | None = None
        """What searches see, where faults may delay it."""
        self.activities_of: dict[str, list[Activity]] = defaultdict(list)
        self.tags: dict[str, Tag] = {}
        self.link_types = standard_types()
        self.searches: dict[tuple[object, ...], list[Issue]] = {}
        self.version = 0
        """Grows with every change."""
        self._by_readable: dict[str, Issue] = {}
        self._first = 1001
        self._ids: dict[str, Iterator[int]] = {}

    # -- reading

    def find_issue(self, issue_id: str) -> Issue | None:
        """Find by database id or readable id, whoever asks; not a deleted one."""
        issue = self.issues.get(issue_id) or self._by_readable.get(issue_id.upper())
        return None if issue is None or issue.deleted else issue

    def find_project(self, project_id: str) -> Project | None:
        """Find by database id or short name."""
        for project in self.projects.values():
            if project_id in (project.id, project.short_name):
                return project
        return None

    def find_user(self, user_id: str) -> User | None:
        """Find by login, database id or ring id."""
        if user_id in self.users:
            return self.users[user_id]
        return next((u for u in self.users.values() if user_id in (u.id, u.ring_id)), None)

    def activities_from(self, start: int) -> int:
        """Return the index of the first activity at or after `start` (ms)."""
        return bisect.bisect_left(self.activities, start, key=lambda a: a.at)

    def activity_index(self, activity_id: str) -> int | None:
        """Return the position of an activity, or None for an unknown id."""
        index = bisect.bisect_left(self.activities, _number(activity_id), key=lambda a: _number(a.id))
        found = index < len(self.activities) and self.activities[index].id == activity_id
        return index if found else None

    # -- writing

    def add_project(self, project: Project) -> Project:
        """Serve a project; its team becomes a group, its fields get the shared fields behind them."""
        self.projects[project.id] = project
        self.groups[project.team.id] = project.team
        for field in project.fields.values():
            known = self.prototypes.setdefault(field.name, f"{PROTOTYPE}-{len(self.prototypes) + 1}")
            field.prototype = field.prototype or known
        return project

    def add_user(
        self,
        login: str,
        full_name: str,
        *,
        email: str = "",
        team: bool = False,
        guest: bool = False,
        kind: str | None = None,
    ) -> User:
        """Create a user; logins are unique. `team`: an agent of the first project."""
        ring = str(uuid.uuid5(_RINGS, login))
        kind = kind or (AGENT if team else REPORTER)
        user = User(f"{USER}-{len(self.users) + 1}", login, full_name, email, kind, guest, False, ring)
        self.users[login] = user
        if team:
            self.project.team.members.add(login)
        return user

    def skip_to(self, number: int, entity: int) -> None:
        """Give new tickets numbers from `number` on, and everything new database ids from `entity` on."""
        for project in self.projects.values():
            project.numbers = number - 1
        self._first, self._ids = entity, {}

    def create_issue(
        self,
        reporter: User,
        summary: str,
        description: str | None,
        at: int,
        *,
        project: Project | None = None,
    ) -> Issue:
        """File an issue with the project's defaults."""
        project = project or self.project
        project.numbers += 1
        fields: dict[str, Value] = {name: default_of(f) for name, f in project.fields.items()}
        issue = Issue(
            self.next_id(ISSUE),
            project.numbers,
            project,
            summary,
            description or None,
            reporter,
            at,
            at,
            reporter,
            fields,
        )
        self.issues[issue.id] = issue
        self._by_readable[issue.readable_id] = issue
        self.record(issue, reporter, at, "IssueCreatedCategory", added=[], removed=[])
        return issue

    def delete_issue(self, issue: Issue, author: User, at: int) -> None:
        """Delete an issue: it, its links and its activities are gone for everybody."""
        for link in list(issue.links):
            unlink(self, issue, author, at, link)
        issue.deleted = True
        self.version += 1

    def move_issue(self, issue: Issue, author: User, at: int, target: Project) -> None:
        """Move to another project: a new readable id, the same database id; values are kept by name."""
        source = issue.project
        if source is target:
            return
        old, before = issue.readable_id, issue.fields
        target.numbers += 1
        issue.project, issue.number = target, target.numbers
        issue.fields = {name: carried(before.get(name), f) for name, f in target.fields.items()}
        issue.former.append(old)
        if not unverified.OLD_READABLE_ID_RESOLVES:
            self._by_readable.pop(old, None)
        self._by_readable[issue.readable_id] = issue
        self.record(issue, author, at, "ProjectCategory", added=[target], removed=[source])
        self._resolve(issue, author, at, self._is_resolved(issue))

    def set_text(self, issue: Issue, author: User, at: int, *, attribute: str, text: str | None) -> None:
        """Change `summary` or `description`."""
        before = getattr(issue, attribute)
        if before == text:
            return
        setattr(issue, attribute, text)
        category = "SummaryCategory" if attribute == "summary" else "DescriptionCategory"
        self.record(issue, author, at, category, added=text, removed=before)

    def set_field(self, issue: Issue, author: User, at: int, name: str, value: Value) -> None:
        """Set a custom field; a state that resolves or reopens also moves `resolved`."""
        before = issue.fields[name]
        if before == value:
            return
        issue.fields[name] = value
        field = issue.project.fields[name]
        added, removed = as_lists(before, value)
        self.record(issue, author, at, "CustomFieldCategory", field_=field, added=added, removed=removed)
        if isinstance(value, Element) and value.resolved is not None:
            self._resolve(issue, author, at, self._is_resolved(issue))

    def _is_resolved(self, issue: Issue) -> bool:
        states = [v for v in issue.fields.values() if isinstance(v, Element) and v.resolved is not None]
        return bool(states) and all(v.resolved for v in states)

    def _resolve(self, issue: Issue, author: User, at: int, resolved: bool) -> None:
        if resolved == (issue.resolved is not None):
            return
        before, issue.resolved = issue.resolved, at if resolved else None
        self.record(issue, author, at, "IssueResolvedCategory", added=issue.resolved, removed=before)

    def set_visibility(self, issue: Issue, author: User, at: int, visibility: Visibility | None) -> None:
        """Limit who reads an issue; None: everybody who reads the project."""
        before, issue.visibility = issue.visibility, visibility
        added, removed = permitted(visibility), permitted(before)
        if added != removed:
            self.record(issue, author, at, "IssueVisibilityCategory", added=added, removed=removed)

    def add_comment(
        self,
        issue: Issue,
        author: User,
        at: int,
        text: str,
        *,
        internal: bool = False,
        visibility: Visibility | None = None,
    ) -> Comment:
        """Add a comment; `internal`: for the project's team."""
        if internal and visibility is None:
            visibility = Visibility((issue.project.team,))
        comment = Comment(self.next_id(COMMENT), issue, author, text, at, visibility)
        issue.comments.append(comment)
        self.record(issue, author, at, "CommentsCategory", comment=comment, added=[comment], removed=[])
        return comment

    def limit_comment(self, comment: Comment, author: User, at: int, visibility: Visibility | None) -> None:
        """Change who reads a comment."""
        before, comment.visibility = comment.visibility, visibility
        added, removed = permitted(visibility), permitted(before)
        if added != removed:
            self.record(
                comment.issue,
                author,
                at,
                "CommentVisibilityCategory",
                comment=comment,
                added=added,
                removed=removed,
            )

    def edit_comment(self, comment: Comment, author: User, at: int, text: str) -> None:
        """Change a comment's text."""
        before, comment.text, comment.updated = comment.text, text, at
        self.record(
            comment.issue, author, at, "CommentTextCategory", comment=comment, added=text, removed=before
        )

    def set_deleted(self, comment: Comment, author: User, at: int, deleted: bool) -> None:
        """Soft-delete or restore a comment; it stays in the list."""
        if comment.deleted == deleted:
            return
        comment.deleted = deleted
        added, removed = ([], [comment]) if deleted else ([comment], [])
        self.record(
            comment.issue, author, at, "CommentsCategory", comment=comment, added=added, removed=removed
        )

    def remove_comment(self, comment: Comment, author: User, at: int) -> None:
        """Delete a comment for good."""
        comment.issue.comments.remove(comment)
        self.record(
            comment.issue, author, at, "CommentsCategory", comment=comment, added=[], removed=[comment]
        )

    def tag(self, name: str) -> Tag:
        """Return the tag of that name, made when missing."""
        if name not in self.tags:
            self.tags[name] = Tag(self.next_id(TAG), name)
        return self.tags[name]

    def add_tag(self, issue: Issue, author: User, at: int, tag: Tag) -> None:
        """Tag an issue; doing so twice changes nothing."""
        if tag not in issue.tags:
            issue.tags.append(tag)
            self.record(issue, author, at, "TagsCategory", added=[tag], removed=[])

    def remove_tag(self, issue: Issue, author: User, at: int, tag: Tag) -> None:
        """Take a tag off."""
        if tag in issue.tags:
            issue.tags.remove(tag)
            self.record(issue, author, at, "TagsCategory", added=[], removed=[tag])

    def sort_activities(self) -> None:
        """Put activities into time order and number them; for loading history, before serving."""
        self.activities.sort(key=lambda a: a.at)
        for number, activity in enumerate(self.activities, start=1001):
            activity.id = f"{ACTIVITY}-{number}"
        self._ids[ACTIVITY] = count(1001 + len(self.activities))
        self.activities_of.clear()
        for activity in self.activities:
            self.activities_of[activity.issue.id].append(activity)

    def record(
        self,
        issue: Issue,
        author: User,
        at: int,
        category: str,
        *,
        added: object,
        removed: object,
        field_: Field | None = None,
        comment: Comment | None = None,
    ) -> None:
        issue.updated, issue.updater = max(issue.updated, at), author
        self.version += 1
        number = self.next_id(ACTIVITY)
        activity = Activity(number, at, author, category, issue, field_, comment, added, removed)
        self.activities.append(activity)
        self.activities_of[issue.id].append(activity)

    def next_id(self, prefix: str) -> str:
        """Return an id of this kind of entity that nobody was given yet."""
        if prefix not in self._ids:
            self._ids[prefix] = count(self._first)
        return f"{prefix}-{next(self._ids[prefix])}"


def _number(entity_id: str) -> int:
    digits = entity_id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1
