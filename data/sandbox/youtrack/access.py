"""Who may read and write what. A thing one may not read does not exist for that caller (404)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.model import AGENT, REPORTER, Comment, Issue, Project, User, Visibility

if TYPE_CHECKING:
    from data.sandbox.youtrack.state import TrackerState


def in_team(user: User, project: Project) -> bool:
    """Tell whether the user works in the project."""
    return project.team.has(user)


def is_agent(user: User, project: Project) -> bool:
    """Tell whether the user may speak to requesters in the project."""
    return user.kind == AGENT and in_team(user, project)


def is_staff(user: User) -> bool:
    """Tell whether the user is no requester and no guest."""
    return user.kind != REPORTER and not user.guest


def reads_project(state: TrackerState, user: User, project: Project) -> bool:
    """Tell whether the project exists for the user."""
    return (user.login, project.short_name) not in state.lost


def reader(state: TrackerState, user: User) -> Callable[[Issue], bool]:
    """Return the predicate `may this user read the issue`; decided once per project, so lists are quick."""
    whole: dict[Project, bool] = {}
    own: set[Project] = set()
    for project in state.projects.values():
        lost = not reads_project(state, user, project)
        if project.helpdesk:
            whole[project] = not lost and (
                in_team(user, project) or (user.guest and unverified.GUEST_READS_TICKETS)
            )
            if not lost and not whole[project] and not user.guest:
                own.add(project)  # requesters read their own tickets and those they are copied on
        else:
            whole[project] = not lost and (is_staff(user) or user.guest)

    def may_read(issue: Issue) -> bool:
        if issue.deleted or not (
            whole[issue.project] or (issue.project in own and (issue.reporter is user or user in issue.cc))
        ):
            return False
        return issue.visibility is None or issue.reporter is user or issue.visibility.permits(user)

    return may_read


def reads_comment(user: User, comment: Comment) -> bool:
    """Tell whether the user may read a comment of an issue that the user reads."""
    return permits(user, comment.visibility) or comment.author is user


def permits(user: User, visibility: Visibility | None) -> bool:
    """Tell whether a visibility lets the user read."""
    return visibility is None or visibility.permits(user)


def writes_issue(user: User, issue: Issue) -> bool:
    """Tell whether the user may change fields, tags and links of an issue that the user reads."""
    if user.guest:
        return False
    return in_team(user, issue.project) if issue.project.helpdesk else is_staff(user)
