"""The tracker's state in memory: issues, comments, users, and an append-only list of activities.

Every mutation goes through a method here and writes its activities. Nothing is persisted: a restart
begins again from the world's seed.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from data.sandbox.youtrack import sla, unverified
from data.sandbox.youtrack.building import as_lists, build_project, carried, default_of, permitted
from data.sandbox.youtrack.drawer import Drafts
from data.sandbox.youtrack.links import standard_types, unlink
from data.sandbox.youtrack.model import (
    ACTIVITY,
    COMMENT,
    ISSUE,
    TAG,
    Activity,
    Comment,
    Element,
    Field,
    Issue,
    Project,
    Tag,
    User,
    Value,
    Visibility,
    WorkItem,
)
from data.sandbox.youtrack.people import Directory
from data.sandbox.youtrack.planning import Planning
from data.sandbox.youtrack.signing import FileKey
from data.sandbox.youtrack.transaction import Journal, Veto

if TYPE_CHECKING:
    from data.sandbox.youtrack.faults.index import LateIndex

__all__ = ["Issue", "TrackerState", "build_project"]


class TrackerState(Directory):
    """Everything the stand-in knows. `project` is the first project; see `add_project` for more."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.issues: dict[str, Issue] = {}
        self.activities: list[Activity] = []
        self.late: LateIndex | None = None
        """What searches see, where faults may delay it."""
        self.activities_of: dict[str, list[Activity]] = defaultdict(list)
        self.tags: dict[str, Tag] = {}
        self.link_types = standard_types()
        self.searches: dict[tuple[object, ...], list[Issue]] = {}
        self.file_key = FileKey()
        self.planning = Planning()
        self.drafts = Drafts()
        self.apps: dict[str, Any] = {}
        self.handlers: dict[tuple[str, str, str], Callable[[Any], Any]] = {}
        """(app, file without `.js`, path) -> what a handler of an app does."""
        self.saved: dict[str, dict[str, Any]] = {}
        self.admins: set[str] = set()
        """Logins with low-level administration."""
        self.journal: Journal | None = None
        self.rules: dict[str, Veto] = {}
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

    def activity_index(self, activity_id: str) -> int | None:
        """Return the position of an activity, or None for an unknown id."""
        index = bisect.bisect_left(self.activities, _number(activity_id), key=lambda a: _number(a.id))
        found = index < len(self.activities) and self.activities[index].id == activity_id
        return index if found else None

    # -- writing

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
        self.touch(issue)
        for link in list(issue.links):
            unlink(self, issue, author, at, link)
        issue.deleted = True
        self.version += 1

    def move_issue(self, issue: Issue, author: User, at: int, target: Project) -> None:
        """Move to another project: a new readable id, the same database id; values are kept by name."""
        self.touch(issue)
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
        self.touch(issue)
        before = getattr(issue, attribute)
        if before == text:
            return
        setattr(issue, attribute, text)
        category = "SummaryCategory" if attribute == "summary" else "DescriptionCategory"
        self.record(issue, author, at, category, added=text, removed=before)

    def set_field(self, issue: Issue, author: User, at: int, name: str, value: Value) -> None:
        """Set a custom field; a state that resolves or reopens also moves `resolved`."""
        self.touch(issue)
        before = issue.fields[name]
        if before == value:
            return
        issue.fields[name] = value
        field = issue.project.fields[name]
        added, removed = as_lists(before, value)
        self.record(issue, author, at, "CustomFieldCategory", field_=field, added=added, removed=removed)
        if isinstance(value, Element) and value.resolved is not None:
            sla.note_state(issue, at, value.name)
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
        self.touch(issue)
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
        self.touch(issue)
        if internal and visibility is None:
            visibility = Visibility((issue.project.team,))
        comment = Comment(self.next_id(COMMENT), issue, author, text, at, visibility)
        issue.comments.append(comment)
        self.record(issue, author, at, "CommentsCategory", comment=comment, added=[comment], removed=[])
        return comment

    def limit_comment(self, comment: Comment, author: User, at: int, visibility: Visibility | None) -> None:
        """Change who reads a comment."""
        self.touch(comment.issue)
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
        self.touch(comment.issue)
        before, comment.text, comment.updated = comment.text, text, at
        self.record(
            comment.issue, author, at, "CommentTextCategory", comment=comment, added=text, removed=before
        )

    def set_deleted(self, comment: Comment, author: User, at: int, deleted: bool) -> None:
        """Soft-delete or restore a comment; it stays in the list."""
        self.touch(comment.issue)
        if comment.deleted == deleted:
            return
        comment.deleted = deleted
        added, removed = ([], [comment]) if deleted else ([comment], [])
        self.record(
            comment.issue, author, at, "CommentsCategory", comment=comment, added=added, removed=removed
        )

    def remove_comment(self, comment: Comment, author: User, at: int) -> None:
        """Delete a comment for good."""
        self.touch(comment.issue)
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
        self.touch(issue)
        tag.owner = tag.owner or author
        if tag not in issue.tags:
            issue.tags.append(tag)
            self.record(issue, author, at, "TagsCategory", added=[tag], removed=[])

    def remove_tag(self, issue: Issue, author: User, at: int, tag: Tag) -> None:
        """Take a tag off."""
        self.touch(issue)
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
        work: WorkItem | None = None,
        relation: str = "",
    ) -> None:
        issue.updated, issue.updater = max(issue.updated, at), author
        self.version += 1
        number = self.next_id(ACTIVITY)
        activity = Activity(number, at, author, category, issue, field_, comment, added, removed, work)
        activity.relation = relation
        self.activities.append(activity)
        self.activities_of[issue.id].append(activity)

    def touch(self, issue: Issue) -> None:
        """Say that an issue is about to change."""
        if self.journal is not None:
            self.journal.keep(issue)

    def forget(self, issue: Issue) -> None:
        """Undo: the issue was never filed."""
        self.issues.pop(issue.id, None)
        self._by_readable.pop(issue.readable_id, None)

    def remember(self, issue: Issue) -> None:
        """Undo: the issue is there again, under its readable id of now."""
        self.issues[issue.id] = issue
        self._by_readable[issue.readable_id] = issue

    def next_id(self, prefix: str) -> str:
        """Return an id of this kind of entity that nobody was given yet."""
        if prefix not in self._ids:
            self._ids[prefix] = count(self._first)
        return f"{prefix}-{next(self._ids[prefix])}"


def _number(entity_id: str) -> int:
    digits = entity_id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1
