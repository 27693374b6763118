"""Attributes of the search language: which issues a value means, and what one can sort by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.sandbox.youtrack.access import reads_comment, reads_project
from data.sandbox.youtrack.dates import read_date
from data.sandbox.youtrack.errors import invalid_query
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import Element, Field, Issue, Project, User
from data.sandbox.youtrack.state import TrackerState

Predicate = Callable[[Issue], bool]
SortKey = tuple[Callable[[Issue], object], bool]

_TIMES = {"created": "created", "updated": "updated", "resolved date": "resolved"}
_SORTABLE: dict[str, Callable[[Issue], object]] = {
    "updated": lambda i: i.updated,
    "created": lambda i: i.created,
    "resolved date": lambda i: i.resolved or 0,
    "issue id": lambda i: (i.project.short_name, i.number),
    "project": lambda i: i.project.short_name,
    "reporter": lambda i: i.reporter.login,
    "updater": lambda i: i.updater.login,
    "summary": lambda i: i.summary,
    "comments": lambda i: len(i.comments),
    "votes": lambda i: len(i.voters),
    "star": lambda i: len(i.stars),
}
_HAS: dict[str, Callable[[Issue], object]] = {
    "attachments": lambda i: i.attachments,
    "comments": lambda i: i.comments,
    "description": lambda i: i.description,
    "links": lambda i: i.links,
    "tag": lambda i: i.tags,
    "tags": lambda i: i.tags,
    "votes": lambda i: i.voters,
    "star": lambda i: i.stars,
    "work": lambda i: i.work,
}
default_key = _SORTABLE["updated"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value; `end` is the other end of a range. `quoted`: a text, not a value."""

    text: str
    end: str | None
    negated: bool
    quoted: bool


def text_search(text: str) -> Predicate:
    """Find the words in summary, description or public comments."""
    wanted = text.lower()
    return lambda i: (
        wanted in i.summary.lower()
        or wanted in (i.description or "").lower()
        or any(wanted in c.text.lower() for c in i.comments if not c.internal and not c.deleted)
    )


class Attributes:
    """What attributes mean to one caller at one moment."""

    def __init__(self, state: TrackerState, caller: User, now: datetime) -> None:
        self._state, self._caller, self._now = state, caller, now
        self._fields: dict[str, list[Field]] = {}
        for project in state.projects.values():
            for field in project.fields.values():
                self._fields.setdefault(field.name.lower(), []).append(field)

    @property
    def names(self) -> list[str]:
        """The names of all custom fields in lower case."""
        return list(self._fields)

    def predicate(self, name: str, values: list[Value]) -> Predicate:
        """Return what `name: values` means. Raises `ApiError` 400 for a value that is not used."""
        name = {"in": "project", "for": "assignee", "by": "reporter", "updated by": "updater"}.get(name, name)
        if name in _TIMES:
            return self._time(values, lambda i: getattr(i, _TIMES[name]))
        if name == "commented":
            return self._any_time(values, lambda i: [c.created for c in i.comments])
        if name in ("reporter", "updater"):
            return self._people(name, values)
        simple = {
            "project": self._projects,
            "issue id": self._ids,
            "tag": self._tags,
            "has": self._has,
        }.get(name)
        if simple is not None:
            return simple(values)
        if name in self._fields:
            return self._field(self._fields[name], values)
        if name in ("summary", "description"):
            return lambda i: all(v.text.lower() in (getattr(i, name) or "").lower() for v in values)
        if name == "comments":
            return lambda i: all(self._said(i, v.text) for v in values)
        return lambda i: False  # an unknown attribute is a text search that finds nothing

    def signed(self, text: str, *, negated: bool) -> Predicate:
        """Return what `#text` or `-text` means: a state of being, an issue, a value of any field, a text."""
        lower = text.lower()
        if lower in ("resolved", "unresolved"):
            wanted = (lower == "resolved") != negated
            return lambda i: (i.resolved is not None) == wanted
        issue = self._state.find_issue(text)
        if issue is not None:
            return lambda i: (i is issue) != negated
        fields = [
            f.name for fs in self._fields.values() for f in fs if lower in {n.lower() for n in f.values}
        ]
        if fields:
            return lambda i: any(lower in _shown(i.fields.get(n)) for n in fields) != negated
        found = text_search(text)
        return lambda i: found(i) != negated

    def sort_key(self, name: str) -> Callable[[Issue], object] | None:
        """Return the key of a sort field, None for an unknown one."""
        if name in _SORTABLE:
            return _SORTABLE[name]
        return _by_field(self._fields[name]) if name in self._fields else None

    def _time(self, values: list[Value], read: Callable[[Issue], int | None]) -> Predicate:
        return self._any_time(values, lambda i: [t for t in (read(i),) if t is not None])

    def _any_time(self, values: list[Value], read: Callable[[Issue], list[int]]) -> Predicate:
        spans = [(*self._span(v), v.negated) for v in values]

        def matches(issue: Issue) -> bool:
            times = read(issue)
            return any(any(low <= t < high for t in times) != negated for low, high, negated in spans)

        return matches

    def _span(self, value: Value) -> tuple[float, float]:
        low, high = self._date(value.text), self._date(value.text if value.end is None else value.end)
        return low[0], high[1]

    def _date(self, text: str) -> tuple[float, float]:
        if text == "*":
            return float("-inf"), float("inf")
        found = read_date(text, self._now)
        if found is None:
            raise invalid_query(f'The value "{text}" isn\'t used for the date field.')
        return found

    def _projects(self, values: list[Value]) -> Predicate:
        wanted: set[Project] = set()
        unwanted: set[Project] = set()
        for value in values:
            names = value.text.lower()
            hits = [
                p
                for p in self._state.projects.values()
                if names in (p.short_name.lower(), p.name.lower())
                and reads_project(self._state, self._caller, p)
            ]
            if not hits or value.quoted:
                raise invalid_query(f'The value "{value.text}" isn\'t used for the project field.')
            (unwanted if value.negated else wanted).update(hits)
        return lambda i: (not wanted or i.project in wanted) and i.project not in unwanted

    def _ids(self, values: list[Value]) -> Predicate:
        wanted = {v.text.upper() for v in values}
        return lambda i: i.readable_id in wanted

    def _tags(self, values: list[Value]) -> Predicate:
        wanted = {v.text.lower() for v in values if not v.negated}
        unwanted = {v.text.lower() for v in values if v.negated}
        for name in wanted | unwanted:
            if name not in {t.lower() for t in self._state.tags}:
                raise invalid_query(f'The value "{name}" isn\'t used for the tag field.')

        def matches(issue: Issue) -> bool:
            names = {t.name.lower() for t in issue.tags}
            return (not wanted or bool(names & wanted)) and not names & unwanted

        return matches

    def _has(self, values: list[Value]) -> Predicate:
        checks: list[tuple[Callable[[Issue], object], bool]] = []
        for value in values:
            name = value.text.lower()
            if name in self._fields:
                named = self._fields[name][0].name
                checks.append((lambda i, n=named: i.fields.get(n) not in (None, ()), value.negated))  # type: ignore[misc]
            elif name in _HAS:
                checks.append((_HAS[name], value.negated))
            else:
                raise invalid_query(f'The value "{value.text}" isn\'t used for the has field.')
        return lambda i: any(bool(read(i)) != negated for read, negated in checks)

    def _people(self, name: str, values: list[Value]) -> Predicate:
        wanted = {self._login(v, name) for v in values if not v.negated}
        unwanted = {self._login(v, name) for v in values if v.negated}

        def matches(issue: Issue) -> bool:
            login = getattr(issue, name).login
            return (not wanted or login in wanted) and login not in unwanted

        return matches

    def _login(self, value: Value, name: str) -> str:
        if value.text.lower() == "me":
            return self._caller.login
        user = self._state.find_user(value.text)
        if user is None:
            raise invalid_query(f'The value "{value.text}" isn\'t used for the {name} field.')
        return user.login

    def _said(self, issue: Issue, text: str) -> bool:
        comments = [c for c in issue.comments if reads_comment(self._caller, c) and not c.deleted]
        return any(text.lower() in c.text.lower() for c in comments)

    def _field(self, fields: list[Field], values: list[Value]) -> Predicate:
        name, kind = fields[0].name, KINDS[fields[0].kind]
        if kind.family in ("date", "moment"):
            return self._time(values, lambda i: _whole(i.fields.get(name)))
        known = {n.lower() for f in fields for n in f.values}
        wanted: set[str] = set()
        unwanted: set[str] = set()
        for value in values:
            text = value.text.lower()
            if kind.family == "user" and text == "me":
                text = self._caller.login.lower()
            if text in ("unassigned", f"no {name.lower()}"):
                text = ""
            elif value.quoted or (kind.bundled and text not in known) or self._nobody(kind.family, text):
                raise invalid_query(f'The value "{value.text}" isn\'t used for the {name} field.')
            (unwanted if value.negated else wanted).add(text)

        def matches(issue: Issue) -> bool:
            if name not in issue.fields:
                return False
            shown = _shown(issue.fields[name])
            return (not wanted or bool(shown & wanted)) and not shown & unwanted

        return matches

    def _nobody(self, family: str, text: str) -> bool:
        return family == "user" and all(text != login.lower() for login in self._state.users)


def _shown(value: Any) -> set[str]:
    """Return the names of a field's values in lower case; the empty name for no value."""
    if value in (None, ()):
        return {""}
    many = value if isinstance(value, tuple) else (value,)
    return {str(getattr(v, "name", None) or getattr(v, "login", v)).lower() for v in many}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _by_field(fields: list[Field]) -> Callable[[Issue], object]:
    order = {id(e): n for f in fields for n, e in enumerate(f.values.values())}
    name = fields[0].name

    def key(issue: Issue) -> object:
        value = issue.fields.get(name)
        if isinstance(value, Element):
            return (1, order.get(id(value), -1), "")
        if isinstance(value, int | float):
            return (1, value, "")
        return (0, 0, "") if value in (None, ()) else (1, 0, min(_shown(value)))

    return key
