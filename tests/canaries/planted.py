"""Canaries: secrets and personal data that fixtures plant, and how to find them in what comes out.

A canary is found as it is, in JSON's and in URLs' spelling, and in groups of four where it is a number of
an account. Keys and tokens are found by their shape too, so those that a test makes for itself count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import ahocorasick

from data.settings import SANDBOX_SECRET, SANDBOX_TOKEN

TRACKER_TOKEN = "perm:c3VpdGU=.Y2FuYXJ5.cN7-tracker-token-of-the-suite"
WEBHOOK_SECRET = "cN7-webhook-signing-key-of-the-suite-0123456789"
WEBHOOK_SECRET_NEXT = "nN7-webhook-next-key-of-the-suite-9876543210"
WEBHOOK_TOKEN = "cN7-vendor-webhook-token-of-the-suite-24680"
DATABASE_PASSWORD = "cN7-database-password"

NAME = "Zyphora Quillenbach"
EMAIL = "zyphora.quillenbach@canary.example"
IBAN = "DE02120300000000202051"
PHONE = "+49 1523 7790641"
NATIONAL_ID = "86095742719"
SENTENCE = "my late aunt's lighthouse allowance went to somebody else's account"
SIGNATURE = f"{NAME}, {EMAIL}, {PHONE}, IBAN {IBAN}, tax id {NATIONAL_ID}"
WRITTEN = f"{SENTENCE}. Regards, {SIGNATURE}"
"""What a planted ticket says."""

SECRETS = {
    "tracker token": TRACKER_TOKEN,
    "tracker token of the sandbox": SANDBOX_TOKEN,
    "webhook secret": WEBHOOK_SECRET,
    "next webhook secret": WEBHOOK_SECRET_NEXT,
    "webhook secret of the sandbox": SANDBOX_SECRET,
    "vendor's webhook token": WEBHOOK_TOKEN,
    "database password": DATABASE_PASSWORD,
}
PERSONAL = {
    "name": NAME,
    "e-mail": EMAIL,
    "IBAN": IBAN,
    "phone number": PHONE,
    "national id": NATIONAL_ID,
    "ticket text": SENTENCE,
}
SHAPES = {
    "API key": re.compile(r"fl_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}"),
    "tracker token (by shape)": re.compile(r"perm[:-][\w=+/]{4,}\.[\w=+/]{2,}\.[\w-]{4,}"),
}


class Canaries:
    """Finds what is planted in texts; `plant` adds more."""

    def __init__(self) -> None:
        # Two, because planting makes an automaton anew: thousands of people must not cost that each time.
        self._few, self._many = _Finder(), _Finder()
        for label, value in (SECRETS | PERSONAL).items():
            self.plant(label, value)

    def plant(self, label: str, value: str) -> None:
        """Look for `value` too, under the name `label`."""
        self._few.add(label, value)

    def plant_people(self, world: Any) -> None:
        """Look for everybody of a sandbox world."""
        for directory in world.directories.values():
            for person in directory.people:
                for label, value in _identifiers(person):
                    self._many.add(f"{label} of the sandbox", value)

    def within(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield (label, surroundings) of what is planted in `text`, each label once."""
        yield from self._few.within(text)
        yield from self._many.within(text)
        for label, shape in SHAPES.items():
            hit = shape.search(text)
            if hit is not None:
                yield label, _around(text, *hit.span(), label)


class _Finder:
    def __init__(self) -> None:
        self._found: Any = ahocorasick.Automaton()
        self._ready = False

    def add(self, label: str, value: str) -> None:
        for spelling in _spellings(value):
            self._found.add_word(spelling, (label, spelling))
            # Files are read as Latin-1, where other letters look otherwise.
            as_bytes = spelling.encode().decode("latin-1")
            self._found.add_word(as_bytes, (label, as_bytes))
        self._ready = False

    def within(self, text: str) -> Iterator[tuple[str, str]]:
        if len(self._found) == 0:
            return
        if not self._ready:
            self._found.make_automaton()
            self._ready = True
        seen: set[str] = set()
        for end, (label, spelling) in self._found.iter(text):
            if label not in seen and _stands_alone(text, end - len(spelling) + 1, end + 1):
                seen.add(label)
                yield label, _around(text, end - len(spelling) + 1, end + 1, label)


def _identifiers(person: Any) -> Iterable[tuple[str, str]]:
    named = (("name", "name"), ("e-mail", "email"), ("phone number", "phone"), ("IBAN", "iban"))
    for label, attribute in (*named, ("national id", "national_id")):
        value = getattr(person, attribute, None)
        if isinstance(value, str) and len(value) >= 8:
            yield label, value


def _spellings(value: str) -> set[str]:
    spellings = {value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value), escape(value)}
    compact = value.replace(" ", "")
    if re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", compact):
        spellings |= {compact, " ".join(compact[i : i + 4] for i in range(0, len(compact), 4))}
    return spellings


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether neither neighbour continues the word: `Ann Lee` is not in `Joann Leeds`."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (
        after.isalnum() and text[end - 1].isalnum()
    )


def _around(text: str, start: int, end: int, label: str) -> str:
    """Return the surroundings of a find, without it: what reports a leak must not leak."""
    before, after = text[max(0, start - 60) : start], text[end : end + 40]
    return " ".join(f"{before}<{label}>{after}".split())
