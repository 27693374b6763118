"""One request is one change: refused half-way, nothing of it stays. Workflow rules look before it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.errors import ApiError
from data.sandbox.youtrack.model import Activity, Comment, Issue

if TYPE_CHECKING:
    from data.sandbox.youtrack.state import TrackerState

_ISSUE = [f.name for f in fields(Issue)]
_COMMENT = [f.name for f in fields(Comment)]


@dataclass(frozen=True)
class Veto:
    """A workflow rule that refuses changes. An empty condition matches every change.

    `field` and `value`: a custom field set to that value; `category`: an activity of that category.
    """

    name: str
    message: str
    project: str = ""
    category: str = ""
    field: str = ""
    value: str = ""
    login: str = ""

    def matches(self, activity: Activity) -> bool:
        """Tell whether the change is what the rule refuses."""
        added = activity.added if isinstance(activity.added, list) else [activity.added]
        names = {str(getattr(a, "name", None) or getattr(a, "login", a)) for a in added}
        return (
            self.project in ("", activity.issue.project.short_name)
            and self.category in ("", activity.category)
            and (not self.field or (activity.field is not None and activity.field.name == self.field))
            and (not self.value or self.value in names)
            and self.login in ("", activity.author.login)
        )


class Journal:
    """What the issues of one change were before it."""

    def __init__(self) -> None:
        self.before: dict[Issue, tuple[dict[str, Any], list[tuple[Comment, dict[str, Any]]]]] = {}

    def keep(self, issue: Issue) -> None:
        """Remember an issue unless that has been done."""
        if issue not in self.before:
            comments = [(c, _copy(c, _COMMENT)) for c in issue.comments]
            self.before[issue] = (_copy(issue, _ISSUE), comments)


@contextmanager
def transaction(state: TrackerState) -> Iterator[None]:
    """Apply all of a change or nothing of it. Raises `ApiError` where a rule refuses."""
    first, state.journal = len(state.activities), Journal()
    try:
        yield
        for activity in state.activities[first:]:
            for rule in state.rules.values():
                if rule.matches(activity):
                    raise ApiError(unverified.VETO_STATUS, unverified.VETO_ERROR, rule.message)
    except ApiError:
        _undo(state, state.journal, first)
        raise
    finally:
        state.journal = None


def _undo(state: TrackerState, journal: Journal, first: int) -> None:
    for activity in state.activities[first:]:
        state.activities_of[activity.issue.id].remove(activity)
        if activity.category == "IssueCreatedCategory":
            state.forget(activity.issue)
    del state.activities[first:]
    for issue, (attributes, comments) in journal.before.items():
        if issue.id in state.issues:
            state.forget(issue)
            for name, value in attributes.items():
                setattr(issue, name, value)
            for comment, kept in comments:
                for name, value in kept.items():
                    setattr(comment, name, value)
            state.remember(issue)
    state.version += 1


def _copy(entity: Any, names: list[str]) -> dict[str, Any]:
    values = {n: getattr(entity, n) for n in names}
    return {n: v.copy() if isinstance(v, list | dict) else v for n, v in values.items()}
