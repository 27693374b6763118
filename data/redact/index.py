"""The tenant directory as automata: every known value is found in one pass over the text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import ahocorasick

from data.redact.directory import Person
from data.redact.folding import Folded, key, squeeze, squeezed_key
from data.redact.names import (
    FIRST,
    FULL,
    LAST,
    LAST_COMMA_FIRST,
    LAST_FIRST,
    split_name,
    stands_alone,
    variants,
)
from data.redact.span import Kind, Match

_WORD = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_LEAST_IDENTIFIER = 4
_LONGEST_NAME = 80
_REORDERED = (LAST_FIRST, LAST_COMMA_FIRST)
_LEAST_NUMERIC_IDENTIFIER = 7
_IDENTIFIERS: tuple[Kind, ...] = ("iban", "national_id", "phone", "employee_id")


class DirectoryIndex:
    """Finds the values of `people` in text. Immutable after construction."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._people = list(dict.fromkeys(people))
        self._keys = [person_key(p) for p in self._people]
        self._parts = [split_name(p.name) for p in self._people]
        self.name_of = {k: parts.full for k, parts in zip(self._keys, self._parts, strict=True)}
        self.by_email = {p.email.lower(): k for p, k in zip(self._people, self._keys, strict=True) if p.email}
        self._phrases = _automaton(self._phrase_entries())
        self._identifiers = _automaton(self._identifier_entries())
        self._words = self._word_entries()
        self.known = self._known_values()
        self.employee_id_shape = _learned_shape([p.employee_id for p in self._people if p.employee_id])

    def _phrase_entries(self) -> dict[str, tuple[Kind, str, str]]:
        entries: dict[str, tuple[Kind, str, str]] = {}
        for person, who in zip(self._people, self._keys, strict=True):
            for text, form in variants(person.name).items():
                entries.setdefault(text, ("person", who, form))
            address = key(person.address)
            if len(address) >= 6:
                entries[address] = ("address", address, "")
                entries.setdefault(address.replace(",", ""), ("address", address, ""))
        return entries

    def _identifier_entries(self) -> dict[str, tuple[Kind, str, str]]:
        entries: dict[str, tuple[Kind, str, str]] = {}
        for person in self._people:
            for kind in _IDENTIFIERS:
                value = squeezed_key(getattr(person, kind))
                least = _LEAST_NUMERIC_IDENTIFIER if value.isdigit() else _LEAST_IDENTIFIER
                if len(value) >= least:
                    entries.setdefault(value, (kind, value.upper(), ""))
                if kind == "phone" and len(value) >= 10:
                    # The same number without its country prefix, with a trunk zero.
                    for cut in (1, 2, 3):
                        entries.setdefault("0" + value[cut:], (kind, value.upper(), ""))
        return entries

    def _word_entries(self) -> dict[str, list[tuple[int, str]]]:
        words: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for i, parts in enumerate(self._parts):
            for word, form in ((parts.first, FIRST), (parts.last, LAST)):
                if len(word) >= 2:
                    words[word].append((i, form))
                    tail = word.split()[-1]
                    if tail != word:
                        words[tail].append((i, form))
        return dict(words)

    def _known_values(self) -> frozenset[str]:
        values = {squeezed_key(getattr(p, kind)) for p in self._people for kind in _IDENTIFIERS}
        values |= {p.full for p in self._parts} | {p.email.lower() for p in self._people}
        return frozenset(v for v in values if v)

    def phrases(self, text: str, folded: Folded) -> Iterator[Match]:
        """Find complete names and addresses."""
        phrases = list(_hits(self._phrases, folded, text, 4))
        natural = sorted((m for m in phrases if m.form == FULL), key=lambda m: m.start)
        yield from (m for m in phrases if m.form not in _REORDERED or not _crosses(m, natural))

    def identifiers(self, text: str, folded: Folded) -> Iterator[Match]:
        """Find the directory's identifiers, whatever their spacing."""
        return _hits(self._identifiers, squeeze(folded), text, 4)

    def parts(self, text: str, folded: Folded, mentioned: frozenset[str]) -> Iterator[Match]:
        """Find first names and surnames alone: of persons `mentioned` in full, or by context."""
        for found in _WORD.finditer(folded.text):
            entries = self._words.get(found.group())
            if not entries:
                continue
            start, end = folded.span(found.start(), found.end(), text)
            named = [(i, form) for i, form in entries if self._keys[i] in mentioned]
            capital = text[start].isupper()
            if (named and capital) or (
                (capital or len(found.group()) > 3) and stands_alone(text, start, found.group())
            ):
                i, form = (named or entries)[0]
                sole = named or len({e[0] for e in entries}) == 1
                canonical = self._keys[i] if sole else f"word:{found.group()}"
                yield Match("person", start, end, canonical, 2, form)


def person_key(person: Person) -> str:
    """Return what identifies a person: the client with the employee id, the e-mail or the name."""
    who = person.employee_id or person.email.lower() or split_name(person.name).full
    return f"{person.client}/{who}"


def _automaton(entries: dict[str, tuple[Kind, str, str]]) -> ahocorasick.Automaton | None:
    if not entries:
        return None
    automaton = ahocorasick.Automaton()
    for text, (kind, canonical, form) in entries.items():
        automaton.add_word(text, (len(text), kind, canonical, form))
    automaton.make_automaton()
    return automaton


def _hits(automaton: ahocorasick.Automaton | None, folded: Folded, text: str, weight: int) -> Iterator[Match]:
    if automaton is None:
        return
    for last, (length, kind, canonical, form) in automaton.iter(folded.text):
        start, end = folded.span(last + 1 - length, last + 1, text)
        if _bounded(text, start, end, kind):
            yield Match(kind, start, end, canonical, weight, form)


def _crosses(match: Match, others: Sequence[Match]) -> bool:
    """True where `match` cuts through one of `others`: in "Lee Wei, Ann Lee" nobody is "Wei, Ann"."""
    first = bisect_left(others, match.start - _LONGEST_NAME, key=lambda o: o.start)
    last = bisect_left(others, match.end, key=lambda o: o.start)
    return any(
        o.start < match.start < o.end < match.end or match.start < o.start < match.end < o.end
        for o in others[first:last]
    )


def _bounded(text: str, start: int, end: int, kind: Kind) -> bool:
    if start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        return False
    if kind == "person" and text[end : end + 1] in ("s", "S"):  # "Annas" without its apostrophe
        end += 1
    return not (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())


def _learned_shape(ids: Sequence[str]) -> re.Pattern[str] | None:
    """Return the pattern of the directory's employee ids; bare digits alone are too common to match."""
    shapes: Counter[str] = Counter()
    for value in ids:
        pieces = re.findall(r"\d+|[A-Za-z]+|[^A-Za-z\d]+", value)
        if any(p[0].isalpha() for p in pieces) and any(p.isdigit() for p in pieces):
            shapes["".join(_generalised(p) for p in pieces)] += 1
    least = max(3, len(ids) // 50)
    common = [shape for shape, count in sorted(shapes.items()) if count >= least]
    if not common:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(common)})(?![A-Za-z0-9])", re.IGNORECASE)


def _generalised(piece: str) -> str:
    if piece.isdigit():
        return rf"\d{{{len(piece)}}}"
    return re.escape(piece) if piece.isalpha() else r"[ .\-/]?"
