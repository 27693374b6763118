"""The command language: fields by name, states, people, tags, links; anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from data.sandbox.youtrack.access import in_team
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.links import link
from data.sandbox.youtrack.model import Field, Issue, Link, Period, User, Value
from data.sandbox.youtrack.regard import star, vote
from data.sandbox.youtrack.state import TrackerState
from data.sandbox.youtrack.values import parse_minutes, possible_events


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a command: what it does in words, and the deed; `error`: it cannot be done."""

    description: str
    apply: Callable[[User, int], None] | None
    error: bool = False


def read_command(state: TrackerState, issue: Issue, text: str, caller: User) -> list[Step]:
    """Return the steps of a command for one issue; the first that makes no sense is the last."""
    steps: list[Step] = []
    rest = text.strip()
    while rest:
        step, rest = _Reader(state, issue, caller).next(rest)
        steps.append(step)
        if step.error:
            break
    return steps


class _Reader:
    def __init__(self, state: TrackerState, issue: Issue, caller: User) -> None:
        self._state, self._issue, self._caller = state, issue, caller
        self._fields = issue.project.fields

    def next(self, text: str) -> tuple[Step, str]:
        """Return the step at the beginning and what is left."""
        for reading in (self._tag, self._regard, self._link, self._field, self._bare):
            found = reading(text)
            if found is not None:
                return found
        return Step(f"Unknown command: {text}", None, True), ""

    def _tag(self, text: str) -> tuple[Step, str] | None:
        for word, adds in (("tag", True), ("untag", False), ("remove tag", False)):
            if (rest := _after(text, word)) is None:
                continue
            known = _longest(rest, list(self._state.tags))
            name = known or rest.split(" ")[0]
            if not name or (not adds and known is None):
                return Step(f"Unknown tag: {rest}", None, True), ""
            apply = partial(_tagged, self._state, self._issue, name, adds)
            return Step(f"{'Add' if adds else 'Remove'} tag {name}", apply), rest[len(name) :].strip()
        return None

    def _regard(self, text: str) -> tuple[Step, str] | None:
        state, issue = self._state, self._issue
        for word, on in (("vote", True), ("unvote", False), ("star", True), ("unstar", False)):
            rest = _after(text, word)
            if rest is None:
                continue
            change = _voted if "vote" in word else _starred
            return Step(word.capitalize(), partial(change, state, issue, on)), rest
        return None

    def _link(self, text: str) -> tuple[Step, str] | None:
        for kind in self._state.link_types:
            for phrase, outward in ((kind.outward, True), (kind.inward, False)):
                rest = (_after(text, phrase + ":") or _after(text, phrase)) if phrase else None
                if rest is None:
                    continue
                named = rest.split(" ")[0]
                other = self._state.find_issue(named)
                if other is None or other is self._issue:
                    return Step(f"Issue {named} not found", None, True), ""
                wanted = Link(kind, outward and kind.directed, other)
                apply = partial(link, self._state, self._issue, wanted=wanted)
                return Step(f"{phrase} {named}", apply), rest[len(named) :].strip()
        return None

    def _field(self, text: str) -> tuple[Step, str] | None:
        names = {**{n: n for n in self._fields}, "for": "Assignee"}
        name = _longest(text, list(names))
        field = self._fields.get(names[_exact(name, names)]) if name else None
        if name is None or field is None:
            return None
        rest = text[len(name) :].strip().removeprefix(":").strip()
        return self._valued(field, rest)

    def _valued(self, field: Field, rest: str) -> tuple[Step, str]:
        options = self._options(field, rest)
        word = _longest(rest, list(options))
        if word is None:
            return Step(f"Unknown value for {field.name}: {rest}", None, True), ""
        value = options[_exact(word, options)]
        if KINDS[field.kind].many and value is not None:
            held = self._issue.fields[field.name]
            held = held if isinstance(held, tuple) else ()
            value = held if value in held else (*held, value)
        return self._step(field, word, value), rest[len(word) :].strip()

    def _bare(self, text: str) -> tuple[Step, str] | None:
        for field in self._fields.values():
            if KINDS[field.kind].bundled and _longest(text, list(self._options(field, text))):
                return self._valued(field, text)
        return None

    def _options(self, field: Field, rest: str) -> dict[str, Any]:
        """Return what may stand behind a field's name."""
        family, word = KINDS[field.kind].family, rest.split(" ")[0]
        if field.machine:
            events = possible_events(field, self._issue)
            return {n: field.values[e.target] for e in events for n in (e.presentation, e.id)}
        if family == "user":
            people = [u for u in self._state.users.values() if in_team(u, self._issue.project)]
            found: dict[str, Any] = {u.login: u for u in people}
            return {**found, "me": self._caller, "Unassigned": None}
        if family == "group":
            return {g.name: g for g in self._state.groups.values()}
        if KINDS[field.kind].bundled:
            return {n: e for n, e in field.values.items() if not e.archived}
        if family == "string" and word:
            return {word: word}
        if family == "integer" and word.lstrip("-").isdigit():
            return {word: int(word)}
        if family == "period" and parse_minutes(word) is not None:
            return {word: Period(parse_minutes(word) or 0)}
        return {}

    def _step(self, field: Field, word: str, value: Value) -> Step:
        state, issue = self._state, self._issue

        def apply(author: User, at: int) -> None:
            state.set_field(issue, author, at, field.name, value)

        return Step(f"{field.name}: {word}", apply)


def _tagged(state: TrackerState, issue: Issue, name: str, adds: bool, author: User, at: int) -> None:
    # Only now: a command that is merely looked at, or refused, makes no tag.
    (state.add_tag if adds else state.remove_tag)(issue, author, at, state.tag(name))


def _voted(state: TrackerState, issue: Issue, on: bool, author: User, at: int) -> None:
    vote(state, issue, author, at, on)


def _starred(state: TrackerState, issue: Issue, on: bool, author: User, at: int) -> None:
    star(state, issue, author, author, at, on)


def _after(text: str, phrase: str) -> str | None:
    """Return what follows a phrase at the beginning, None where it is not there."""
    if text.lower() == phrase.lower():
        return ""
    return text[len(phrase) :].strip() if text.lower().startswith(phrase.lower() + " ") else None


def _longest(text: str, names: list[str]) -> str | None:
    """Return the longest of the names that the text begins with, as it is written there."""
    for name in sorted(names, key=len, reverse=True):
        end = text[len(name) : len(name) + 1]
        if text.lower().startswith(name.lower()) and end in ("", " ", ":"):
            return text[: len(name)]
    return None


def _exact(word: str | None, names: dict[str, Any]) -> str:
    return next(n for n in names if n.lower() == (word or "").lower())
