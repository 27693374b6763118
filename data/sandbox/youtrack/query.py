"""The part of the search language that clients of this stand-in need.

`attribute: value, value` (OR within, AND between), `-value`, `{a value}`, `#Resolved`, `#Unresolved`,
ranges `a .. b` with `*`, `issue id:`, `tag:`, `has:`, `sort by:`; a plain word or an unknown attribute is
a text search. Traps are kept: a range without spaces is refused, an unknown value of a known
attribute is refused, an unknown attribute finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from data.clock import to_millis
from data.sandbox.youtrack.access import reader, reads_project
from data.sandbox.youtrack.errors import invalid_query
from data.sandbox.youtrack.model import Element, Field, Issue, User
from data.sandbox.youtrack.state import TrackerState

_KEPT = 8
Predicate = Callable[[Issue], bool]
SortKey = tuple[Callable[[Issue], object], bool]

_TOKEN = re.compile(r'"[^"]*"|\{[^}]*\}|\.\.|[^\s,:{}"]+(?:(?<!\.)\.(?!\.)[^\s,:{}"]+)*|[,:]')
_NAMES = ("issue id", "sort by", "order by", "resolved date")
_TIMES = {"created": "created", "updated": "updated", "resolved date": "resolved"}
_SORTABLE: dict[str, Callable[[Issue], object]] = {
    "updated": lambda i: i.updated,
    "created": lambda i: i.created,
    "resolved date": lambda i: i.resolved or 0,
    "issue id": lambda i: i.number,
    "summary": lambda i: i.summary,
    "comments": lambda i: len(i.comments),
    "votes": lambda i: 0,
}


def search(state: TrackerState, text: str, caller: User, now: datetime) -> list[Issue]:
    """Return the issues that match, in the order asked for (default: newest update first); not a copy.

    Raises `ApiError` 400 where the language refuses the query.
    """
    # Relative dates are rounded to the hour.
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = (text, caller.login, state.version, len(state.lost), hour)
    if key not in state.searches:
        if len(state.searches) >= _KEPT:
            state.searches.clear()
        state.searches[key] = _searched(state, text, caller, now)
    return state.searches[key]


def _searched(state: TrackerState, text: str, caller: User, now: datetime) -> list[Issue]:
    predicates, keys = _Parser(state, text, caller, now).parse()
    may_read = reader(state, caller)
    found = [i for i in state.issues.values() if may_read(i) and all(p(i) for p in predicates)]
    for key, descending in reversed(keys or [(_SORTABLE["updated"], True)]):
        found.sort(key=key, reverse=descending)  # type: ignore[arg-type]
    return found


class _Parser:
    def __init__(self, state: TrackerState, text: str, caller: User, now: datetime) -> None:
        self._state, self._caller, self._now = state, caller, now
        self._fields: dict[str, list[Field]] = {}
        for project in state.projects.values():
            for field in project.fields.values():
                self._fields.setdefault(field.name.lower(), []).append(field)
        spaced = [*_NAMES, *(n for n in self._fields if " " in n)]
        for name in spaced:  # `issue id:` is one word to us
            text = re.sub(rf"(?i)\b{re.escape(name)}\s*:", "{" + name + "}:", text)
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def parse(self) -> tuple[list[Predicate], list[SortKey]]:
        predicates: list[Predicate] = []
        keys: list[SortKey] = []
        while self._at < len(self._tokens):
            token = self._take()
            if token.lower() == "and":
                continue
            if self._peek() == ":":
                self._at += 1
                name = _bare(token).lower()
                if name in ("sort by", "order by"):
                    keys = self._sort_keys()
                else:
                    predicates.append(self._attribute(name))
            elif token.lower() in ("#resolved", "#unresolved"):
                wanted = token.lower() == "#resolved"
                predicates.append(_resolved(wanted))
            elif token.startswith("#") and self._state.find_issue(token[1:]):
                predicates.append(_called(token[1:].upper()))
            else:
                predicates.append(_text(_bare(token.lstrip("#"))))
        return predicates, keys

    def _attribute(self, name: str) -> Predicate:
        if name in _TIMES:
            return self._time(_TIMES[name])
        values = self._values()
        if name in ("project", "in"):
            return self._projects(values)
        if name == "issue id":
            wanted = {v.upper() for v in values}
            return lambda i: i.readable_id in wanted
        if name == "tag":
            return lambda i: any(t.name.lower() in {v.lower() for v in values} for t in i.tags)
        if name in ("reporter", "by"):
            logins = {self._caller.login if v.lower() == "me" else v for v in values}
            return lambda i: i.reporter.login in logins
        if name in self._fields:
            return self._field(self._fields[name], values)
        if name in ("summary", "description"):
            return lambda i: all(v.lower() in (getattr(i, name) or "").lower() for v in values)
        return lambda i: False  # an unknown attribute is a text search that finds nothing

    def _projects(self, values: list[str]) -> Predicate:
        wanted = []
        for value in values:
            hits = [
                p
                for p in self._state.projects.values()
                if value.lower() in (p.short_name.lower(), p.name.lower())
                and reads_project(self._state, self._caller, p)
            ]
            if not hits:
                raise invalid_query(f'The value "{value}" isn\'t used for the project field.')
            wanted += hits
        return lambda i: i.project in wanted

    def _field(self, fields: list[Field], values: list[str]) -> Predicate:
        name = fields[0].name
        known = {n.lower() for f in fields for n in f.values}
        bundled = any(f.values for f in fields)
        wanted: set[str] = set()
        excluded: set[str] = set()
        empty = False
        for value in values:
            bare = value.removeprefix("-").lower()
            if bare in ("unassigned", f"no {name.lower()}"):
                empty = True
            elif bundled and bare not in known:
                raise invalid_query(f'The value "{value}" isn\'t used for the {name} field.')
            else:
                bare = self._caller.login.lower() if bare == "me" and not bundled else bare
                (excluded if value.startswith("-") else wanted).add(bare)

        def matches(issue: Issue) -> bool:
            value = issue.fields.get(name)
            if value is None:
                return empty or (not wanted and bool(excluded))
            shown = _shown(value).lower()
            return shown in wanted if wanted else shown not in excluded and not empty

        return matches

    def _time(self, attribute: str) -> Predicate:
        first = self._take_value()
        low, high = self._moment(first, end=False), self._moment(first, end=True)
        if self._peek() == "..":
            self._at += 1
            high = self._moment(self._take_value(), end=True)

        def matches(issue: Issue) -> bool:
            at = getattr(issue, attribute)
            return at is not None and (low is None or at >= low) and (high is None or at < high)

        return matches

    def _moment(self, text: str, *, end: bool) -> int | None:
        """Return the bound in ms; None for `*`."""
        text = _bare(text)
        if text == "*":
            return None
        if minus := re.fullmatch(r"(?i)minus (\d+)([hdw])", text):
            unit = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[
                minus[2].lower()
            ]
            moment = (self._now - int(minus[1]) * unit).replace(minute=0, second=0, microsecond=0)
            return to_millis(moment + timedelta(hours=1) if end else moment)
        if text.lower() in ("today", "yesterday"):
            day = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
            day -= timedelta(days=int(text.lower() == "yesterday"))
            return to_millis(day + timedelta(days=1) if end else day)
        for shape, unit in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%dT%H:%M", timedelta(minutes=1))):
            try:
                moment = datetime.strptime(text, shape).replace(tzinfo=UTC)
            except ValueError:
                continue
            return to_millis(moment + unit if end else moment)
        raise invalid_query(f'The value "{text}" isn\'t used for the date field.')

    def _sort_keys(self) -> list[SortKey]:
        keys: list[SortKey] = []
        while self._peek() is not None:
            name = _bare(self._take()).lower()
            if name not in _SORTABLE and name not in self._fields:
                raise invalid_query("Sort field is expected.")
            descending = (self._peek() or "").lower() == "desc"
            if (self._peek() or "").lower() in ("asc", "desc"):
                self._at += 1
            keys.append((_SORTABLE.get(name) or _by_field(self._fields[name][0]), descending))
            if self._peek() != ",":
                break
            self._at += 1
        if not keys:
            raise invalid_query("Sort field is expected.")
        return keys

    def _values(self) -> list[str]:
        values = [_bare(self._take_value())]
        while self._peek() == ",":
            self._at += 1
            values.append(_bare(self._take_value()))
        return values

    def _take_value(self) -> str:
        token = self._take()
        if token == "" or token in (",", ":"):
            raise invalid_query("A value is expected.")
        if token == "-" and self._peek() is not None:
            return "-" + _bare(self._take())
        return token

    def _take(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        self._at += 1
        return token

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None


def _bare(token: str) -> str:
    return token[1:-1].strip() if token[:1] in '{"' and len(token) > 1 else token


def _shown(value: object) -> str:
    return str(getattr(value, "name", None) or getattr(value, "login", value))


def _text(word: str) -> Predicate:
    wanted = word.lower()
    return lambda i: wanted in i.summary.lower() or wanted in (i.description or "").lower()


def _resolved(wanted: bool) -> Predicate:
    return lambda i: (i.resolved is not None) == wanted


def _called(readable_id: str) -> Predicate:
    return lambda i: i.readable_id == readable_id


def _by_field(field: Field) -> Callable[[Issue], object]:
    order = {name: n for n, name in enumerate(field.values)}

    def key(issue: Issue) -> object:
        value = issue.fields.get(field.name)
        return order.get(value.name, -1) if isinstance(value, Element) else -1

    return key
