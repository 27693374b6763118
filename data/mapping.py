"""How this desk's tracker names what we mean: fields, values, states, our own accounts. Pure.

Installations differ in all of these. Inside the product a ticket has taxonomy keys (`payslip_missing`,
`critical`); the tracker's words are met only where a ticket is read and where fields are written, and
this is the dictionary used there. The defaults are the sandbox desk's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.errors import SettingsError

TRANSLATED = ("issue_type", "category", "priority", "team", "client", "country", "language")
"""Fields whose values may be called differently in the tracker."""
NAMED = (*TRANSLATED, "state")
PRIORITY = "priority"
_REMEDY = "Correct mapping.toml, or let `firstline connect --write` propose a new one."

Words = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class TrackerMapping:
    """Names of the project's custom fields, and what their values mean.

    A field name that is empty says that the desk has no such field. `values` holds, per field and key,
    the tracker's words: the first is written, every one is read as that key. A key without an entry is
    called by its own name, a priority by its capitalised name. `state_events` names the event of a state
    machine that leads to a state. `sla` are names of timers. `duplicate_link` are the words for the link
    from a duplicate to its original (empty: there is none), `duplicate_states` the states that say so,
    too.
    """

    issue_type: str = "Issue type"
    category: str = "Category"
    priority: str = "Priority"
    team: str = "Team"
    state: str = "State"
    client: str = "Client"
    country: str = "Country"
    language: str = "Language"
    sla: tuple[str, ...] = ()
    values: Words = field(default_factory=dict)
    resolved_states: frozenset[str] = frozenset({"Resolved"})
    duplicate_link: str = "duplicates"
    duplicate_states: frozenset[str] = frozenset({"Duplicate"})
    state_events: Mapping[str, str] = field(default_factory=dict)
    service_accounts: frozenset[str] = frozenset({"svc-firstline"})
    default_priority: str = "normal"
    _keys: Mapping[tuple[str, str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the words. Raises `SettingsError` naming every contradiction."""
        problems = _contradictions(self)
        if problems:
            raise SettingsError(
                "The mapping to the tracker contradicts itself:\n  - " + "\n  - ".join(problems),
                remedy=_REMEDY,
            )
        index = {
            (name, word.casefold()): key
            for name, table in self.values.items()
            for key, words in table.items()
            for word in words
        }
        object.__setattr__(self, "_keys", index)

    def named(self, name: str) -> str:
        """Return what the tracker calls our field `name`; empty where it has none."""
        return str(getattr(self, name))

    def value_of(self, name: str, key: str) -> str:
        """Return the word to write into our field `name` for `key`."""
        words = self.values.get(name, {}).get(key)
        return words[0] if words else _own_word(name, key)

    def key_of(self, name: str, word: str | None) -> str | None:
        """Return the key that `word` means in our field `name`; an unknown word stays as it is."""
        if word is None:
            return None
        known = self._keys.get((name, word.casefold()))
        if known is not None:
            return known
        return word.lower() if name == PRIORITY else word

    def words_of(self, name: str, key: str) -> tuple[str, ...]:
        """Return every word that is read as `key` in our field `name`, the one to write first."""
        return self.values.get(name, {}).get(key) or (_own_word(name, key),)

    def used_fields(self) -> dict[str, str]:
        """Return our field name -> the tracker's, for every field that the desk has."""
        return {n: self.named(n) for n in NAMED if self.named(n)}


def _own_word(name: str, key: str) -> str:
    return key.capitalize() if name == PRIORITY else key


def _contradictions(mapping: TrackerMapping) -> list[str]:
    found = _twice({n: mapping.named(n) for n in NAMED if mapping.named(n)})
    for name in ("issue_type", "priority", "state"):
        if not mapping.named(name):
            found.append(f"the field {name} must have a name: without it nothing can be triaged")
    for name, table in mapping.values.items():
        if name not in TRANSLATED:
            found.append(f"values of {name!r}: that is none of {', '.join(TRANSLATED)}")
            continue
        owner: dict[str, str] = {}
        for key, words in table.items():
            if not words:
                found.append(f"values of {name}: {key!r} has no word")
            for word in words:
                other = owner.setdefault(word.casefold(), key)
                if other != key:
                    found.append(f"values of {name}: {word!r} is used for {other!r} and for {key!r}")
    if not mapping.resolved_states:
        found.append("there is no resolved state: nothing could be learnt from what people closed")
    return found


def _twice(names: Mapping[str, str]) -> list[str]:
    owner: dict[str, str] = {}
    found = []
    for ours, theirs in names.items():
        other = owner.setdefault(theirs.casefold(), ours)
        if other != ours:
            found.append(f"{theirs!r} is used for {other} and for {ours}")
    return found


def as_tables(mapping: TrackerMapping) -> dict[str, Any]:
    """Return the mapping as the tables of `mapping.toml`."""
    return {
        "fields": {n: mapping.named(n) for n in NAMED} | {"sla": list(mapping.sla)},
        "values": {
            name: {key: words[0] if len(words) == 1 else list(words) for key, words in table.items()}
            for name, table in mapping.values.items()
            if table
        },
        "states": {"resolved": sorted(mapping.resolved_states), "events": dict(mapping.state_events)},
        "duplicates": {"link": mapping.duplicate_link, "states": sorted(mapping.duplicate_states)},
        "desk": {
            "service_accounts": sorted(mapping.service_accounts),
            "default_priority": mapping.default_priority,
        },
    }


def from_tables(raw: Mapping[str, Any]) -> TrackerMapping:
    """Inverse of `as_tables`; what is left out has its default. Raises `SettingsError` with every problem."""
    reader = _Reader(raw)
    given: dict[str, Any] = {}
    for name, value in reader.table("fields", {*NAMED, "sla"}).items():
        given[name] = reader.words(f"fields.{name}", value) if name == "sla" else reader.text(name, value)
    values = {
        name: {
            key: reader.words(f"values.{name}.{key}", v) for key, v in reader.inner("values", name).items()
        }
        for name in reader.table("values", set(TRANSLATED))
    }
    states = reader.table("states", {"resolved", "events"})
    desk = reader.table("desk", {"service_accounts", "default_priority"})
    if "resolved" in states:
        given["resolved_states"] = frozenset(reader.words("states.resolved", states["resolved"]))
    if "events" in states:
        events = reader.inner("states", "events")
        given["state_events"] = {k: reader.text(f"states.events.{k}", v) for k, v in events.items()}
    duplicates = reader.table("duplicates", {"link", "states"})
    if "link" in duplicates:
        given["duplicate_link"] = reader.text("duplicates.link", duplicates["link"])
    if "states" in duplicates:
        given["duplicate_states"] = frozenset(reader.words("duplicates.states", duplicates["states"]))
    if "service_accounts" in desk:
        given["service_accounts"] = frozenset(reader.words("desk.service_accounts", desk["service_accounts"]))
    if "default_priority" in desk:
        given["default_priority"] = reader.text("desk.default_priority", desk["default_priority"])
    reader.unknown(set(raw) - {"fields", "values", "states", "duplicates", "desk"})
    if reader.problems:
        raise SettingsError(
            "The mapping to the tracker has problems:\n  - " + "\n  - ".join(reader.problems), remedy=_REMEDY
        )
    return TrackerMapping(**given, values=values)


class _Reader:
    """Reads tables and collects what is wrong with them."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.problems: list[str] = []

    def table(self, name: str, known: set[str]) -> dict[str, Any]:
        found = self._raw.get(name, {})
        if not isinstance(found, dict):
            self.problems.append(f"{name} must be a table")
            return {}
        self.unknown({f"{name}.{key}" for key in set(found) - known})
        return {k: v for k, v in found.items() if k in known}

    def inner(self, name: str, key: str) -> dict[str, Any]:
        found = self._raw[name][key]
        if isinstance(found, dict):
            return found
        self.problems.append(f"{name}.{key} must be a table")
        return {}

    def text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            self.problems.append(f"{name} must be a text")
        return str(value)

    def words(self, name: str, value: Any) -> tuple[str, ...]:
        every = [value] if isinstance(value, str) else value
        if isinstance(every, list) and all(isinstance(v, str) for v in every):
            return tuple(every)
        self.problems.append(f"{name} must be a text or a list of texts")
        return ("",)

    def unknown(self, keys: set[str]) -> None:
        self.problems += [f"unknown key {key!r}" for key in sorted(keys)]
