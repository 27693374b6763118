"""Who and where: users, groups, projects, and who holds which token."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from data.sandbox.youtrack.model import AGENT, GROUP, PROTOTYPE, REPORTER, USER, Group, Project, User

_RINGS = uuid.UUID("5d0f7d9e-5b5e-4c37-8c0b-6b1b1a1f5a10")


class Directory:
    """The people and projects of a tracker. `project` is the first; see `add_project` for more."""

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
        self.preferences: dict[tuple[str, str], dict[str, Any]] = {}
        """(login, profile) -> what that person has set there."""
        self.lost: set[tuple[str, str]] = set()
        """(login, short name): permission to see the project is gone."""

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

    def members(self, group: Group) -> list[User]:
        """Return who belongs to a group."""
        return [u for u in self.users.values() if group.has(u)]

    def add_project(self, project: Project) -> Project:
        """Serve a project; its team becomes a group, its fields get the shared fields behind them."""
        self.projects[project.id] = project
        if len(self.projects) > 1:
            project.leader = project.leader or self.project.leader
        self.groups[project.team.id] = project.team
        for field in project.fields.values():
            known = self.prototypes.setdefault(field.name, f"{PROTOTYPE}-{len(self.prototypes) + 1}")
            field.prototype = field.prototype or known
            field.home = project
            if field.kind.startswith("user"):
                field.groups = [project.team]
                field.people = partial(self.members, project.team)
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
            self.project.leader = self.project.leader or user
        return user
