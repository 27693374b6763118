"""SLA timers: when a promise to the requester breaks, in working hours. Pure; all follows from the ticket."""

from __future__ import annotations

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import is_agent
from data.sandbox.youtrack.business_hours import after, worked
from data.sandbox.youtrack.model import Comment, Element, Field, Goal, Issue

WAITING = {"Waiting", "Pending"}
"""States in which the timers stand still."""
GOALS = (
    ("First reply", Goal("first_reply", {"Critical": 60, "Major": 240}, 480)),
    ("Next reply", Goal("next_reply", {"Critical": 120, "Major": 480}, 960)),
    ("Resolution", Goal("resolution", {"Critical": 480, "Major": 1440}, 4320)),
)


def note_state(issue: Issue, at: int, state: str) -> None:
    """Stop the timers in a waiting state, let them go on after it."""
    if state in WAITING and issue.paused_since is None:
        issue.paused_since = at
    elif state not in WAITING and issue.paused_since is not None:
        issue.paused_total += worked(at) - worked(issue.paused_since)
        issue.paused_since = None


def breach(issue: Issue, field: Field) -> int | None:
    """Return the moment (ms) at which the goal breaks, None while it does not run."""
    goal = field.goal
    if goal is None or issue.resolved is not None:
        return None
    begun = _begun(issue, goal.measure)
    if begun is None:
        return None
    priority = issue.fields.get("Priority")
    name = priority.name if isinstance(priority, Element) else ""
    return after(begun, goal.minutes.get(name, goal.otherwise) + issue.paused_total / 60_000)


def paused_time(issue: Issue) -> int | None:
    """Return what `pausedTime` shows; None or 0: the timer runs."""
    if unverified.SLA_PAUSED_TIME == "total":
        return issue.paused_total or issue.paused_since
    return issue.paused_since


def _begun(issue: Issue, measure: str) -> int | None:
    if measure == "resolution":
        return issue.created
    open_since: int | None = None if measure == "next_reply" else issue.created
    for comment in issue.comments:
        if comment.deleted or comment.internal:
            continue
        if _by_agent(comment):
            if measure == "first_reply":
                return None
            open_since = None
        elif measure == "next_reply" and open_since is None:
            open_since = comment.created
    return open_since


def _by_agent(comment: Comment) -> bool:
    issue = comment.issue
    return comment.author is not issue.reporter and is_agent(comment.author, issue.project)
