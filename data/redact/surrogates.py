"""Stand-ins: what a personal value is replaced with.

The choice depends on HMAC-SHA-256(salt, kind and canonical value) alone, so one value gets one stand-in
wherever the salt is the same, in any order of tickets, and nobody without the salt can go from the
stand-in back or test a guess.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from data.redact import names
from data.redact.folding import key, squeezed_key
from data.redact.identifiers import mod97
from data.redact.national import RULES, check_of, luhn, pattern_of
from data.redact.span import Match

_LISTS = Path(__file__).with_name("standins.json")
_TRIES = 40
_SHAPE_TRIES = 400


@cache
def _lists() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = json.loads(_LISTS.read_text(encoding="utf-8"))
    return loaded


class Surrogates:
    """Chooses stand-ins with one salt. `taken` are real values (folded) that must not appear as one."""

    def __init__(self, salt: bytes, taken: frozenset[str]) -> None:
        if len(salt) < 16:
            raise ValueError("the salt needs at least 16 bytes")
        self._salt = salt
        self._taken = taken

    def surrogate(self, match: Match, original: str, who: str, name: str) -> str:
        """Return the stand-in of `original`, a value of the person `who`, really called `name` (folded)."""
        if match.kind == "person":
            return self._person(match, original, who, name)
        if match.kind == "email":
            return self._email(match, who, name)
        if match.kind == "address":
            return self._address(match)
        if match.kind == "birth_date":
            return self._birth_date(match, original)
        return self._shaped(match, original)

    def _rng(self, *parts: str) -> random.Random:
        digest = hmac.new(self._salt, "\x1f".join(parts).encode(), hashlib.sha256).digest()
        return random.Random(int.from_bytes(digest))

    def _name(self, who: str, avoid: str) -> tuple[str, str]:
        """Return the stand-in's first name and surname; no part of it occurs in `avoid` (folded)."""
        rng, lists = self._rng("person", who), _lists()
        words = set(re.findall(r"[^\W\d_]+", avoid))
        first, last = "", ""
        for _ in range(_TRIES):
            first, last = rng.choice(lists["first"]), rng.choice(lists["last"])
            parts = {key(first), key(last)}
            if not parts & words and key(f"{first} {last}") not in self._taken:
                break
        return first, last

    def _person(self, match: Match, original: str, who: str, name: str) -> str:
        first, last = self._name(who, name)
        text = _written(first, last, match.form)
        if original.isupper() and len(original) > 2:
            return text.upper()
        return text.lower() if original.islower() else text

    def _email(self, match: Match, who: str, name: str) -> str:
        domain = self._rng("domain", match.canonical.rpartition("@")[2]).choice(_lists()["domains"])
        first, last = self._name(who, name)
        local = re.sub(r"[^a-z.]", "", f"{key(first)}.{key(last)}")
        return f"{local}@{domain}"

    def _address(self, match: Match) -> str:
        rng, lists = self._rng("address", match.canonical), _lists()
        for _ in range(_TRIES):
            street, city = rng.choice(lists["streets"]), rng.choice(lists["cities"])
            if key(street) not in match.canonical and key(city) not in match.canonical:
                break
        return f"{rng.randrange(1, 180)} {street}, {rng.randrange(10000, 99999)} {city}"

    def _birth_date(self, match: Match, original: str) -> str:
        rng = self._rng("birth_date", match.canonical)

        def other(found: re.Match[str]) -> str:
            digits = found.group()
            if len(digits) == 4:
                return str(rng.randrange(1955, 2004))
            return f"{rng.randrange(1, 13):0{len(digits)}d}"

        return self._until(lambda: re.sub(r"\d+", other, original), lambda text: text != original)

    def _shaped(self, match: Match, original: str) -> str:
        """Same shape as the original: other digits, other letters where they carry the value."""
        keep = _kept_prefix(match, original)
        valid = _validity(match, original)

        # Drawn on the bare canonical shape, so that every spelling of a value gets the same characters.
        bare = re.sub(r"[^A-Za-z0-9]", "", original)
        rng = self._rng(match.kind, match.canonical, _shape(bare))
        upper = bare.upper()

        def draw() -> str:
            drawn = "".join(
                c if i < keep else _other_char(c, rng, letters=match.kind != "employee_id")
                for i, c in enumerate(upper)
            )
            return _iban_checked(drawn) if match.kind == "iban" else drawn

        chosen = self._until(
            draw, lambda text: text != upper and squeezed_key(text) not in self._taken and valid(text)
        )
        return _poured(chosen, original)

    @staticmethod
    def _until(draw: Callable[[], str], good: Callable[[str], bool]) -> str:
        # Where no draw satisfies the checksum, the last one still hides the value: shape without checksum.
        text = draw()
        for _ in range(_SHAPE_TRIES):
            if good(text):
                break
            text = draw()
        return text


def _written(first: str, last: str, form: str) -> str:
    return {
        names.FULL: f"{first} {last}",
        names.LAST_FIRST: f"{last} {first}",
        names.LAST_COMMA_FIRST: f"{last}, {first}",
        names.INITIAL_LAST: f"{first[0]}. {last}",
        names.FIRST_INITIAL: f"{first} {last[0]}.",
        names.FIRST: first,
        names.LAST: last,
    }[form or names.FULL]


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "0", text))


def _other_char(char: str, rng: random.Random, *, letters: bool) -> str:
    if char.isdigit():
        return str(rng.randrange(10))
    return rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if letters and char.isalpha() else char


def _kept_prefix(match: Match, original: str) -> int:
    """How many leading characters say nothing about the person: country codes and the like."""
    if match.kind == "iban":
        return 2
    if match.kind == "phone" and "+" in original[:2]:
        return 2
    if match.kind == "card":
        return 1
    return 3 if match.kind == "national_id" and match.canonical.startswith("AE:784") else 0


def _validity(match: Match, original: str) -> Callable[[str], bool]:
    if match.kind == "iban":
        return mod97
    if match.kind == "card":
        return luhn
    country, _, _ = match.canonical.partition(":")
    if match.kind == "national_id" and len(country) == 2:
        rules = [r for r in RULES if r.country == country and pattern_of(r).fullmatch(original)]
        if rules:
            check, pattern = check_of(rules[0]), pattern_of(rules[0])
            return lambda text: bool(pattern.fullmatch(_poured(text, original))) and check(text)
    return lambda _text: True


def _iban_checked(iban: str) -> str:
    number = int("".join(str(int(c, 36)) for c in iban[4:] + iban[:2] + "00"))
    return f"{iban[:2]}{98 - number % 97:02d}{iban[4:]}"


def _poured(characters: str, original: str) -> str:
    """Put `characters` where the letters and digits of `original` were, keeping its spacing and case."""
    rest: Sequence[str] = list(characters)
    out, i = [], 0
    lower = original.islower()
    for c in original:
        if c.isascii() and c.isalnum():
            out.append(rest[i].lower() if lower else rest[i])
            i += 1
        else:
            out.append(c)
    return "".join(out)
