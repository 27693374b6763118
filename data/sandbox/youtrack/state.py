"""The tracker's state in memory: issues, comments, users, and an append-only list of activities.

Every mutation goes through a method here and writes its activities. Nothing is persisted: a restart
begins again from the world's seed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from data.sandbox.youtrack.model import (
    ACTIVITY,
    BUNDLE,
    COMMENT,
    ELEMENT,
    FIELD,
    ISSUE,
    PROJECT,
    TAG,
    USER,
    Activity,
    Comment,
    Element,
    Field,
    Issue,
    Project,
    Tag,
    User,
    Value,
)

if TYPE_CHECKING:
    from data.sandbox.youtrack.faults.index import LateIndex


class TrackerState:
    """Everything the stand-in knows."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.users: dict[str, User] = {}
        self.tokens: dict[str, User] = {}
        self.guest = self.add_user("guest", "Guest", guest=True)
        self.issues: dict[str, Issue] = {}
        self.activities: list[Activity] = []
        self.late: LateIndex | None = None
        """What searches see, where faults may delay it."""
        self.tags: dict[str, Tag] = {}
        self.last_search: tuple[tuple[object, ...], list[Issue]] | None = None
        self._by_number: dict[int, Issue] = {}
        self._numbers = count(1)
        self._ids = {prefix: count(1001) for prefix in (ISSUE, COMMENT, TAG, ACTIVITY)}

    # -- reading

    def find_issue(self, issue_id: str) -> Issue | None:
        """Find by database id or readable id."""
        if issue_id in self.issues:
            return self.issues[issue_id]
        prefix, _, number = issue_id.rpartition("-")
        if prefix.upper() == self.project.short_name and number.isdigit():
            return self._by_number.get(int(number))
        return None

    def activities_from(self, start: int) -> int:
        """Return the index of the first activity at or after `start` (ms)."""
        return bisect.bisect_left(self.activities, start, key=lambda a: a.at)

    def activity_index(self, activity_id: str) -> int | None:
        """Return the position of an activity, or None for an unknown id."""
        index = bisect.bisect_left(self.activities, _number(activity_id), key=lambda a: _number(a.id))
        found = index < len(self.activities) and self.activities[index].id == activity_id
        return index if found else None

    # -- writing

    def add_user(
        self, login: str, full_name: str, *, email: str = "", team: bool = False, guest: bool = False
    ) -> User:
        """Create a user; logins are unique."""
        user = User(f"{USER}-{len(self.users) + 1}", login, full_name, email, team, guest)
        self.users[login] = user
        return user

    def skip_to(self, number: int, entity: int) -> None:
        """Give new tickets numbers from `number` on, and everything new database ids from `entity` on."""
        self._numbers = count(number)
        self._ids = {prefix: count(entity) for prefix in self._ids}

    def create_issue(self, reporter: User, summary: str, description: str | None, at: int) -> Issue:
        """File an issue with the project's defaults."""
        number = next(self._numbers)
        fields: dict[str, Value] = {
            f.name: f.values[f.default] if f.default else None for f in self.project.fields.values()
        }
        issue = Issue(
            self._next(ISSUE),
            number,
            self.project,
            summary,
            description or None,
            reporter,
            at,
            at,
            reporter,
            fields,
        )
        self.issues[issue.id] = issue
        self._by_number[number] = issue
        self._record(issue, reporter, at, "IssueCreatedCategory", added=[], removed=[])
        return issue

    def set_text(self, issue: Issue, author: User, at: int, *, attribute: str, text: str | None) -> None:
        """Change `summary` or `description`."""
        before = getattr(issue, attribute)
        if before == text:
            return
        setattr(issue, attribute, text)
        category = "SummaryCategory" if attribute == "summary" else "DescriptionCategory"
        self._record(issue, author, at, category, added=text, removed=before)

    def set_field(self, issue: Issue, author: User, at: int, name: str, value: Value) -> None:
        """Set a custom field; a state that resolves or reopens also moves `resolved`."""
        before = issue.fields[name]
        if before == value:
            return
        issue.fields[name] = value
        self._record(
            issue,
            author,
            at,
            "CustomFieldCategory",
            field_=self.project.fields[name],
            added=[value] if value is not None else [],
            removed=[before] if before is not None else [],
        )
        if isinstance(value, Element) and value.resolved is not None:
            self._resolve(issue, author, at, value.resolved)

    def _resolve(self, issue: Issue, author: User, at: int, resolved: bool) -> None:
        if resolved == (issue.resolved is not None):
            return
        before, issue.resolved = issue.resolved, at if resolved else None
        self._record(issue, author, at, "IssueResolvedCategory", added=issue.resolved, removed=before)

    def add_comment(self, issue: Issue, author: User, at: int, text: str, *, internal: bool) -> Comment:
        """Add a comment."""
        comment = Comment(self._next(COMMENT), issue, author, text, at, internal)
        issue.comments.append(comment)
        self._record(issue, author, at, "CommentsCategory", comment=comment, added=[comment], removed=[])
        return comment

    def edit_comment(self, comment: Comment, author: User, at: int, text: str) -> None:
        """Change a comment's text."""
        before, comment.text, comment.updated = comment.text, text, at
        self._record(
            comment.issue, author, at, "CommentTextCategory", comment=comment, added=text, removed=before
        )

    def set_deleted(self, comment: Comment, author: User, at: int, deleted: bool) -> None:
        """Soft-delete or restore a comment; it stays in the list."""
        if comment.deleted == deleted:
            return
        comment.deleted = deleted
        added, removed = ([], [comment]) if deleted else ([comment], [])
        self._record(
            comment.issue, author, at, "CommentsCategory", comment=comment, added=added, removed=removed
        )

    def remove_comment(self, comment: Comment, author: User, at: int) -> None:
        """Delete a comment for good."""
        comment.issue.comments.remove(comment)
        self._record(
            comment.issue, author, at, "CommentsCategory", comment=comment, added=[], removed=[comment]
        )

    def tag(self, name: str) -> Tag:
        """Return the tag of that name, made when missing."""
        if name not in self.tags:
            self.tags[name] = Tag(self._next(TAG), name)
        return self.tags[name]

    def add_tag(self, issue: Issue, author: User, at: int, tag: Tag) -> None:
        """Tag an issue; doing so twice changes nothing."""
        if tag not in issue.tags:
            issue.tags.append(tag)
            self._record(issue, author, at, "TagsCategory", added=[tag], removed=[])

    def remove_tag(self, issue: Issue, author: User, at: int, tag: Tag) -> None:
        """Take a tag off."""
        if tag in issue.tags:
            issue.tags.remove(tag)
            self._record(issue, author, at, "TagsCategory", added=[], removed=[tag])

    def sort_activities(self) -> None:
        """Put activities into time order and number them; for loading history, before serving."""
        self.activities.sort(key=lambda a: a.at)
        for number, activity in enumerate(self.activities, start=1001):
            activity.id = f"{ACTIVITY}-{number}"
        self._ids[ACTIVITY] = count(1001 + len(self.activities))

    def _record(
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
        self.activities.append(
            Activity(self._next(ACTIVITY), at, author, category, issue, field_, comment, added, removed)
        )

    def _next(self, prefix: str) -> str:
        return f"{prefix}-{next(self._ids[prefix])}"


def _number(entity_id: str) -> int:
    digits = entity_id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def build_project(
    short_name: str, name: str, fields: Iterable[tuple[str, str, list[str], str | None]]
) -> Project:
    """Build a project from (name, kind, value names, default); a `!` before a state's name: resolved."""
    elements = count(101)
    built: dict[str, Field] = {}
    for number, (field_name, kind, names, default) in enumerate(fields, start=1):
        values = {}
        for text in names:
            bare = text.removeprefix("!")
            is_resolved = text.startswith("!") if kind == "state[1]" else None
            values[bare] = Element(f"{ELEMENT}-{next(elements)}", bare, is_resolved)
        built[field_name] = Field(
            f"{FIELD}-{number}", field_name, kind, f"{BUNDLE}-{number}", values, default
        )
    return Project(f"{PROJECT}-3", short_name, name, built)
