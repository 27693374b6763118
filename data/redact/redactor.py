"""Redaction of one text or one ticket: find personal values, settle overlaps, put stand-ins in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from data.redact.contact import emails, phones
from data.redact.directory import Person
from data.redact.folding import fold
from data.redact.guess import guesses
from data.redact.identifiers import bics, cards, ibans, labelled, national_ids
from data.redact.index import DirectoryIndex
from data.redact.names import FIRST_INITIAL, FULL, INITIAL_LAST, LAST_COMMA_FIRST, LAST_FIRST
from data.redact.span import Match, Redaction, Span, settle
from data.redact.surrogates import Surrogates
from data.ticket import Ticket

REDACTION_VERSION = "redact-1"
"""Part of every dataset's hash; raised whenever the same text would redact differently."""

_DIGIT = re.compile(r"\d")
_WHOLE_NAMES = (FULL, LAST_FIRST, LAST_COMMA_FIRST, INITIAL_LAST, FIRST_INITIAL)


class Redactor:
    """Redacts with one directory and one salt. Pure: same input, same output; safe to share."""

    def __init__(self, directory: Sequence[Person], *, salt: bytes) -> None:
        """Build the automata. `salt` needs at least 16 bytes (`ValueError` otherwise)."""
        self._index = DirectoryIndex(directory)
        self._surrogates = Surrogates(salt, self._index.known)
        self._stand_in = lru_cache(maxsize=50_000)(self._choose)

    def redact(self, text: str, *, country: str | None = None, beside: Sequence[str] = ()) -> Redaction:
        """Redact `text`; `country` (alpha-2) of the ticket switches on its national numbers and phones.

        Who is named in full in one of the texts `beside` is known by a part of the name here.
        """
        named = self._mentioned(text).union(*(self._mentioned(other) for other in beside))
        return self._redact(text, country, named)

    def redact_ticket(self, ticket: Ticket) -> tuple[Ticket, Redaction, Redaction]:
        """Redact subject and description together: who is named in one is known in the other."""
        named = self._mentioned(ticket.summary) | self._mentioned(ticket.description)
        summary = self._redact(ticket.summary, ticket.country, named)
        description = self._redact(ticket.description, ticket.country, named)
        redacted = replace(ticket, summary=summary.text, description=description.text)
        return redacted, summary, description

    def find(self, text: str, *, country: str | None = None) -> list[Match]:
        """Return the settled matches of `text`, in order, without replacing anything."""
        return self._find(text, country, self._mentioned(text))

    def _mentioned(self, text: str) -> frozenset[str]:
        hits = self._index.phrases(text, fold(text))
        return frozenset(m.canonical for m in hits if m.kind == "person" and m.form in _WHOLE_NAMES)

    def _find(self, text: str, country: str | None, mentioned: frozenset[str]) -> list[Match]:
        folded = fold(text)
        found = [*self._index.phrases(text, folded), *self._index.parts(text, folded, mentioned)]
        found += emails(text)
        found += guesses(text)
        if _DIGIT.search(text):
            found += self._index.identifiers(text, folded)
            found += ibans(text)
            found += cards(text)
            found += national_ids(text, country)
            found += phones(text, country)
            found += labelled(text)
            if self._index.employee_id_shape is not None:
                found += [
                    Match("employee_id", m.start(), m.end(), _bare(m.group()), 3)
                    for m in self._index.employee_id_shape.finditer(text)
                ]
        found += bics(text)
        return settle(found)

    def _redact(self, text: str, country: str | None, mentioned: frozenset[str]) -> Redaction:
        pieces: list[str] = []
        spans: list[Span] = []
        done = 0
        for match in self._find(text, country, mentioned):
            original = text[match.start : match.end]
            surrogate = self._stand_in(replace(match, start=0, end=0), original)
            pieces += [text[done : match.start], surrogate]
            spans.append(Span(match.kind, match.start, match.end, surrogate))
            done = match.end
        pieces.append(text[done:])
        return Redaction("".join(pieces), tuple(spans))

    def _choose(self, match: Match, original: str) -> str:
        who = match.canonical
        if match.kind == "email":
            who = self._index.by_email.get(who, who)
        return self._surrogates.surrogate(match, original, who, self._index.name_of.get(who, who))


def _bare(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", value).upper()
