"""The search index that is late: a query finds tickets as they stood some seconds ago."""

from __future__ import annotations

from collections import deque
from copy import copy
from datetime import datetime, timedelta

from data.sandbox.youtrack.faults.injection import Faults
from data.sandbox.youtrack.model import Comment, Issue
from data.sandbox.youtrack.state import TrackerState


class LateIndex:
    """Hears of every change; shows searches what the tracker's own index would show them.

    Without a delay in the script it costs nothing and shows the tickets themselves.
    """

    def __init__(self, state: TrackerState, faults: Faults) -> None:
        self._state, self._faults = state, faults
        self._coming: deque[tuple[datetime, Issue]] = deque()
        self._shown: dict[str, Issue] | None = None
        self._view: TrackerState | None = None
        self._known: set[str] = set()
        self._first_seen: dict[str, datetime] = {}

    def start(self) -> None:
        """Begin anew with the script in force: everything there is now is indexed."""
        self._coming.clear()
        self._first_seen.clear()
        self._view = None
        late, issues = self._faults.script.visibility, self._state.issues.values()
        self._shown = {i.id: _snapshot(i) for i in issues} if late.query else None
        self._known = {c.id for i in issues for c in i.comments} if late.comments else set()

    def changed(self, issue: Issue) -> None:
        """Hear of a change just made."""
        now, late = self._faults.clock.now(), self._faults.script.visibility
        if self._shown is not None:
            self._coming.append((now + timedelta(seconds=late.query), _snapshot(issue)))
        if late.comments:
            for comment in issue.comments:
                if comment.id not in self._known:
                    self._known.add(comment.id)
                    self._first_seen[comment.id] = now

    def view(self) -> TrackerState:
        """Return the state that searches look at: the tracker's own, or one of some seconds ago."""
        if self._shown is None:
            return self._state
        now = self._faults.clock.now()
        while self._coming and self._coming[0][0] <= now:
            snapshot = self._coming.popleft()[1]
            self._shown[snapshot.id] = snapshot
            self._view = None
        if self._view is None:
            self._view = copy(self._state)
            self._view.issues, self._view.searches = self._shown, {}
        return self._view

    def live(self, found: list[Issue]) -> list[Issue]:
        """Return the tickets themselves for what a search found; what is gone is left out."""
        here = (self._state.find_issue(i.id) for i in found)
        return [i for i in here if i is not None]

    def lists(self, comment: Comment) -> bool:
        """Whether the list of comments has it already."""
        seen = self._first_seen.get(comment.id)
        delay = timedelta(seconds=self._faults.script.visibility.comments)
        return seen is None or self._faults.clock.now() >= seen + delay


def _snapshot(issue: Issue) -> Issue:
    taken = copy(issue)
    taken.fields, taken.tags, taken.comments = dict(issue.fields), list(issue.tags), list(issue.comments)
    return taken
