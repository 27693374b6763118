"""What a pattern may say, worked out from the client-system interface: one source, no second list."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from data import client_system as system

KNOWN = "known"
"""In a condition: the value is there, whatever it is."""

GIVEN: Mapping[str, Any] = {"requester": system.Person, "client": system.Client}
"""Facts of every ticket."""
ASKED: Mapping[str, Any] = {
    "country": system.Country,
    "month": system.Month,
    "year": system.Year,
    "employee": system.Person,
    "ticket_ref": system.TicketRef,
    "line": system.Topic,
    "claim": system.Topic,
    "report": system.Topic,
    "day": system.Topic,
    "function": system.Topic,
}
"""Facts that a ticket may lack and the requester can be asked for."""
TELLABLE = frozenset(["requester", "client", "country", "month", "year", "ticket_ref"])
"""Facts that may stand in a reply. Words of the requester are not: they could say anything."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of what a read returns. `choices`: its values; empty where they are not enumerable."""

    name: str
    choices: tuple[str | bool, ...]
    optional: bool
    tellable: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One read or write. `takes`: argument -> type; `returns` is empty for writes."""

    name: str
    takes: Mapping[str, Any]
    returns: Mapping[str, Entry]


@cache
def reads() -> Mapping[str, Call]:
    """Return the look-ups by name."""
    return {c.name: c for c in _calls(system.Reads)}


@cache
def writes() -> Mapping[str, Call]:
    """Return the effects that a pattern may order; those that only take back are not among them."""
    return {c.name: c for c in _calls(system.Writes) if c.name in system.UNDO}


def _calls(protocol: type) -> list[Call]:
    found = []
    for name, function in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        hints = get_type_hints(function)
        result = hints.pop("return")
        takes = {k: v for k, v in hints.items() if v is not system.Key}
        found.append(Call(name, takes, {} if result is system.Done else _entries(result)))
    return found


def _entries(result: type) -> dict[str, Entry]:
    hints = get_type_hints(result)
    return {f.name: _entry(f.name, hints[f.name]) for f in fields(result)}


def _entry(name: str, hint: Any) -> Entry:
    optional = NoneType in get_args(hint)
    inner = next(a for a in get_args(hint) if a is not NoneType) if optional else hint
    if inner is bool:
        return Entry(name, (True, False), optional, tellable=False)
    if get_origin(inner) is Literal:
        return Entry(name, get_args(inner), optional, tellable=False)
    return Entry(name, (), optional, tellable=inner in (date, system.Told, system.Month))
