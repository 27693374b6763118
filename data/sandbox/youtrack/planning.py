"""Boards and their sprints, and the kinds of work: what a tracker holds beside issues and people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data.sandbox.youtrack.access import reads_project
from data.sandbox.youtrack.model import AGILE, SPRINT, WORK_TYPE, Issue, Project, User, WorkType

if TYPE_CHECKING:
    from data.sandbox.youtrack.state import TrackerState


@dataclass(slots=True, eq=False)
class Sprint:
    """A stretch of work on a board. `everything`: it holds what is unresolved, whoever put it there."""

    id: str
    name: str
    board: Board
    goal: str | None = None
    start: int | None = None
    finish: int | None = None
    archived: bool = False
    everything: bool = False
    issues: list[Issue] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Board:
    """A board over projects. Every project has one from the beginning, with one sprint."""

    id: str
    name: str
    owner: User | None
    projects: list[Project]
    sprints: list[Sprint] = field(default_factory=list)


class Planning:
    """The boards of a tracker and the kinds of work that can be logged."""

    def __init__(self) -> None:
        self.boards: dict[str, Board] = {}
        self.work_types = [
            WorkType(f"{WORK_TYPE}-{n}", name) for n, name in enumerate(("Support", "Development"), 1)
        ]
        self.hours_a_day, self.days_a_week = 8, 5
        self._seen: set[Project] = set()

    def boards_for(self, state: TrackerState, user: User) -> list[Board]:
        """Return the boards over projects that the user may know of."""
        for project in state.projects.values():
            if project not in self._seen:
                self._seen.add(project)
                self._first(project)
        return [b for b in self.boards.values() if all(reads_project(state, user, p) for p in b.projects)]

    def _first(self, project: Project) -> None:
        number = project.id.rpartition("-")[2]
        board = Board(f"{AGILE}-{number}", f"{project.name} board", project.leader, [project])
        board.sprints.append(Sprint(f"{SPRINT}-{number}", "Open work", board, everything=True))
        self.boards[board.id] = board
