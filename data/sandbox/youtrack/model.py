"""What the tracker holds: projects, people, issues and what hangs on them. Plain data, times in epoch ms.

Entities are equal only to themselves; two values with the same name in two projects are two values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

ISSUE, COMMENT, USER, GROUP, TAG, PROJECT = "3", "7", "1", "5", "6", "0"
FIELD, ELEMENT, BUNDLE, ACTIVITY, PROTOTYPE = "92", "67", "66", "14", "58"
LINK_TYPE, ATTACHMENT, WORK_ITEM, WORK_TYPE, REACTION = "106", "8", "127", "128", "131"
SAVED_QUERY, AGILE, SPRINT, VCS_CHANGE, APP = "45", "113", "114", "109", "155"
"""Prefixes of database ids. A real installation has others; nobody may rely on them."""

AGENT, STANDARD_USER, REPORTER = "AGENT", "STANDARD_USER", "REPORTER"


@dataclass(slots=True, eq=False)
class User:
    """`kind` is the licence: agent, standard user, reporter. `guest` is who comes without a token."""

    id: str
    login: str
    full_name: str
    email: str = ""
    kind: str = REPORTER
    guest: bool = False
    banned: bool = False
    ring_id: str = ""


@dataclass(slots=True, eq=False)
class Group:
    """People by login, and other groups. `project`: it is that project's team. `everyone`: all users."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    project: Project | None = None
    everyone: bool = False
    groups: list[Group] = field(default_factory=list)

    def has(self, user: User) -> bool:
        """Tell whether the user belongs to it."""
        return self.everyone or user.login in self.members or any(g.has(user) for g in self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """Limited visibility: only these may read. Unlimited visibility is None everywhere."""

    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()

    def permits(self, user: User) -> bool:
        """Tell whether the user is one of them."""
        return user in self.users or any(g.has(user) for g in self.groups)


@dataclass(slots=True, eq=False)
class Element:
    """A value of a bundle. `family`: enum, state, version, build or ownedField."""

    id: str
    name: str
    resolved: bool | None = None  # None: not a state
    family: str = "enum"
    archived: bool = False
    released: bool = False
    release_date: int | None = None
    owner: User | None = None
    localized: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A duration in minutes of work."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Text:
    """A value of a `text` field."""

    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """A transition of a state machine: allowed from these values, leads to one."""

    id: str
    presentation: str
    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Goal:
    """What an SLA timer measures (`first_reply`, `next_reply`, `resolution`): minutes by priority's name."""

    measure: str
    minutes: dict[str, int]
    otherwise: int


@dataclass(slots=True, eq=False)
class Field:
    """A custom field of one project. `kind` is a field type's id such as `enum[1]` (see `kinds`).

    One that no project has stands for a shared field, or for a set of values, alone.

    `required`: must have a value. `shown_when`: only while that field has that value.
    """

    id: str
    name: str
    kind: str
    bundle: str
    values: dict[str, Element]
    default: str | None = None
    required: bool = False
    prototype: str = ""
    machine: tuple[Event, ...] = ()
    shown_when: tuple[str, str] | None = None
    goal: Goal | None = None
    localized: str | None = None
    bundle_name: str = ""
    home: Project | None = None  # the project that has it
    public: bool = True
    empty_text: str = ""
    individuals: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    people: Callable[[], list[User]] = list
    """Whom a field of people takes beside `individuals`: the members of `groups`."""

    @property
    def can_be_empty(self) -> bool:
        return self.default is None and not self.required


Value = Element | User | Group | Period | Text | str | int | float | tuple[Any, ...] | None
"""What a custom field holds; a tuple for several values."""


@dataclass(slots=True, eq=False)
class Tag:
    """A label on issues. `shared`: the group that may see it; None: everybody."""

    id: str
    name: str
    owner: User | None = None
    shared: Group | None = None
    untag_on_resolve: bool = False


@dataclass(slots=True, eq=False)
class Comment:
    """`visibility` None: everybody who reads the issue."""

    id: str
    issue: Issue
    author: User
    text: str
    created: int
    visibility: Visibility | None = None
    updated: int | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def internal(self) -> bool:
        """Whether it is not for everybody who reads the issue."""
        return self.visibility is not None


@dataclass(slots=True, eq=False)
class Reaction:
    """Somebody's reaction to a comment."""

    id: str
    reaction: str
    author: User


class FileKey(Protocol):
    """Makes links to files."""

    def url(self, attachment: Attachment) -> str:
        """Return a signed link."""
        ...


@dataclass(slots=True, eq=False)
class Attachment:
    """A file on an issue, or on one of its comments."""

    id: str
    issue: Issue
    author: User
    name: str
    content: bytes
    mime_type: str
    created: int
    updated: int
    key: FileKey
    comment: Comment | None = None
    visibility: Visibility | None = None
    removed: bool = False


@dataclass(slots=True, eq=False)
class LinkType:
    """`outward` reads from source to target; an undirected type has no `inward`."""

    id: str
    name: str
    outward: str
    inward: str = ""

    @property
    def directed(self) -> bool:
        return bool(self.inward)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One end of a link: `outward` when the holder is its source."""

    type: LinkType
    outward: bool
    issue: Issue


@dataclass(slots=True, eq=False)
class WorkType:
    """What kind of work an item is."""

    id: str
    name: str


@dataclass(slots=True, eq=False)
class WorkItem:
    """Time spent on an issue; `date` is midnight UTC of the day."""

    id: str
    issue: Issue
    author: User
    creator: User
    text: str
    minutes: int
    date: int
    created: int
    type: WorkType | None = None
    updated: int | None = None


@dataclass(slots=True, eq=False)
class Project:
    """`helpdesk`: its issues are tickets, and only agents and requesters comment publicly."""

    id: str
    short_name: str
    name: str
    fields: dict[str, Field]
    team: Group
    helpdesk: bool = True
    archived: bool = False
    leader: User | None = None
    description: str | None = None
    tracks_time: bool = True
    numbers: int = 0
    """The number of the newest issue."""

    @property
    def team_id(self) -> str:
        return self.team.id


@dataclass(slots=True, eq=False)
class Issue:
    """`fields` has every custom field of the project by name; `former` are readable ids before moves."""

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
    visibility: Visibility | None = None
    deleted: bool = False
    draft: bool = False
    paused_since: int | None = None
    paused_total: int = 0  # ms of working time
    channel: str | None = None
    comments: list[Comment] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    work: list[WorkItem] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    cc: list[User] = field(default_factory=list)
    voters: list[User] = field(default_factory=list)
    stars: list[User] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    extension: dict[str, Any] = field(default_factory=dict)

    @property
    def readable_id(self) -> str:
        return f"{self.project.short_name}-{self.number}"


@dataclass(slots=True, eq=False)
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
    work: WorkItem | None = None
    kind: str = ""
    """The item's `$type` where the category alone does not tell it."""
    relation: str = ""
    """The words of the link, of a change of links."""
