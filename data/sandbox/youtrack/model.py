"""What the tracker holds: issues, comments, users, fields, activities. Plain data, times in epoch ms."""

from __future__ import annotations

from dataclasses import dataclass, field

ISSUE, COMMENT, USER, GROUP, TAG, PROJECT = "3", "7", "1", "5", "6", "0"
FIELD, ELEMENT, BUNDLE, ACTIVITY = "92", "67", "66", "14"
"""Prefixes of database ids. A real installation has others; nobody may rely on them."""


@dataclass(slots=True)
class User:
    """`team` members read internal comments; `guest` is who comes without a token."""

    id: str
    login: str
    full_name: str
    email: str = ""
    team: bool = False
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """A value of an enum or state field."""

    id: str
    name: str
    resolved: bool | None = None  # None: not a state


@dataclass(slots=True)
class Field:
    """A custom field of the project. `kind` is `enum[1]`, `state[1]` or `user[1]`."""

    id: str
    name: str
    kind: str
    bundle: str
    values: dict[str, Element]
    default: str | None = None


@dataclass(slots=True)
class Tag:
    """A label on issues."""

    id: str
    name: str


@dataclass(slots=True)
class Comment:
    """`internal`: visible to the project team only."""

    id: str
    issue: Issue
    author: User
    text: str
    created: int
    internal: bool
    updated: int | None = None
    deleted: bool = False


Value = Element | User | None


@dataclass(slots=True)
class Issue:
    """Times are epoch milliseconds. `fields` has every custom field by name."""

    id: str
    number: int
    project: Project
    summary: str
    description: str | None
    reporter: User
    created: int
    updated: int
    updater: User
    fields: dict[str, Value]
    resolved: int | None = None
    comments: list[Comment] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)

    @property
    def readable_id(self) -> str:
        return f"{self.project.short_name}-{self.number}"


@dataclass(slots=True)
class Project:
    """One helpdesk project with its fields and its team."""

    id: str
    short_name: str
    name: str
    fields: dict[str, Field]
    team_id: str = f"{GROUP}-8"


@dataclass(slots=True)
class Activity:
    """One change. `added` and `removed` are lists for entities, scalars or None for simple values."""

    id: str
    at: int
    author: User
    category: str
    issue: Issue
    field: Field | None = None
    comment: Comment | None = None
    added: object = None
    removed: object = None
