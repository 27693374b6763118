"""One ticket as patterns see it: what is known, what was asked, what was looked up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket with its decision. `facts` are typed facts by name (`kb.vocabulary`), `names` what they are
    called in a reply (`requester`, `client`, `country`).

    `text` is everything that the requester wrote; only words are looked for in it. `asked` are facts that
    were asked for before, `waiting` those of a question that is open. `day`: today in UTC.
    """

    ticket_id: str
    tenant: str
    issue_type: str
    text: str
    day: date
    facts: Mapping[str, str]
    names: Mapping[str, str]
    release: str | None = None
    lang: str | None = None
    asked: frozenset[str] = frozenset()
    waiting: tuple[str, ...] = ()

    @property
    def country(self) -> str | None:
        return self.facts.get("country")


@dataclass(frozen=True, slots=True)
class Look:
    """One look-up with its arguments, sorted by name."""

    read: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NoRecord:
    """The client system has nothing under this look-up, or does not tell it."""


Seen = Mapping[Look, Any]
"""What was looked up: a record of `data.client_system`, or `NoRecord`."""
