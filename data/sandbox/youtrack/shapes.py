"""What the API shows beside the plain entities: views of an issue's fields, links, visibility, pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from data.sandbox.youtrack import model as s
from data.sandbox.youtrack import unverified


class _Absent:
    """What an entity does not have is left out."""


ABSENT = _Absent()
Getter = Callable[[Any, s.User], object]


@dataclass(frozen=True, slots=True)
class Me:
    """The caller."""

    user: s.User


@dataclass(frozen=True, slots=True)
class FieldView:
    """A custom field of one issue."""

    issue: s.Issue
    field: s.Field


@dataclass(frozen=True, slots=True)
class ProjectFieldView:
    """A custom field as the project's settings show it."""

    field: s.Field


@dataclass(frozen=True, slots=True)
class PrototypeView:
    """The field that projects share."""

    field: s.Field


@dataclass(frozen=True, slots=True)
class BundleView:
    """The set of values of a field."""

    field: s.Field


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type, such as `enum[1]`."""

    id: str


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who may read something; `limits` None: everybody who reads the issue."""

    limits: s.Visibility | None


@dataclass(frozen=True, slots=True)
class LinkView:
    """The links of one issue of one type and direction (`s`, `t`, or empty for undirected)."""

    issue: s.Issue
    type: s.LinkType
    end: str

    @property
    def others(self) -> list[s.Issue]:
        return [k.issue for k in self.issue.links if k.type is self.type and k.outward == (self.end == "s")]


def link_views(issue: s.Issue, types: list[s.LinkType]) -> list[LinkView]:
    """Return one view for each type and direction, also where nothing is linked."""
    return [LinkView(issue, t, end) for t in types for end in (("s", "t") if t.directed else ("",))]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of the change feed; `after` is the cursor behind it."""

    activities: list[s.Activity]
    before: str | None
    after: str | None
    has_before: bool
    has_after: bool
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """An answer of `issuesGetter/count`."""

    count: int


def relation_field(words: str) -> dict[str, str] | None:
    """Return what an entry of the feed about links names as its field."""
    if not unverified.FEED_TELLS_RELATION:
        return None
    return {"id": words, "name": words, "presentation": words, "$type": "PredefinedFilterField"}
