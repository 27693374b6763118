"""Checks that articles and patterns share. Each notes problems with their line; none raises."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kb.document import Document
from kb.problem import Problem

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


@dataclass
class FieldReader:
    """Reads the entries of one document (or, with `prefix`, of a mapping in it) and collects problems."""

    document: Document
    raw: Mapping[str, Any]
    prefix: str = ""
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document) -> FieldReader:
        """Return a reader of the document's top level."""
        return cls(document, document.raw)

    def inner(self, name: str) -> FieldReader:
        """Return a reader of the mapping under `name`; its problems land here as well."""
        value = self.raw.get(name, {})
        if not isinstance(value, dict):
            self.note(name, f"{name} must be a mapping", "Write its entries as `name: value`, indented.")
            value = {}
        return FieldReader(self.document, value, f"{self.prefix}{name}.", self.problems)

    def inners(self, name: str, *, least: int = 0) -> list[FieldReader]:
        """Return a reader of each mapping in the list under `name`."""
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            self.note(name, f"{name} must be a list of mappings", "Begin each with `- name: value`.")
            return []
        if len(value) < least:
            self.note(name, f"{name} needs at least {least}", "Add what is missing.")
        return [
            FieldReader(self.document, item, f"{self.prefix}{name}.{n}.", self.problems)
            for n, item in enumerate(value)
        ]

    def note(self, name: str, what: str, remedy: str) -> None:
        """Note a problem at the line of the entry `name`."""
        line = self.document.line_of(f"{self.prefix}{name}".rstrip("."))
        self.problems.append(Problem(str(self.document.path), line, f"{self.prefix}{what}", remedy))

    def note_text(self, words: str, what: str, remedy: str) -> None:
        """Note a problem at the line of the body on which `words` stand."""
        self.problems.append(
            Problem(str(self.document.path), self.document.line_of_text(words), what, remedy)
        )

    def only(self, wanted: Collection[str], optional: Collection[str] = ()) -> None:
        """Note missing and unknown entries."""
        for name in sorted(set(wanted) - self.raw.keys()):
            self.note(name, f"{name} is missing", f"Add the entry `{name}:`.")
        for unknown in sorted(str(u) for u in self.raw.keys() - set(wanted) - set(optional)):
            self.note(unknown, f"{unknown} is unknown", "Remove it, or correct its name.")

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a text, stripped; a missing one is empty (`only` has noted it)."""
        value = self.raw.get(name, "")
        if not isinstance(value, str) or (name in self.raw and not value.strip() and not empty):
            self.note(name, f"{name} must be a text{'' if empty else ' that is not empty'}", "Write a text.")
            return ""
        return value.strip()

    def identity(self, name: str, expected: str) -> str:
        """Return an id, which must be kebab-case and the file's name."""
        value = self.text(name)
        if value and not _ID.fullmatch(value):
            self.note(name, f"{name} {value!r} is not lower-case words joined by hyphens", "Rename it.")
        elif value and value != expected:
            self.note(
                name, f"{name} {value!r} is not the file's name", f"Write {expected!r}, or rename the file."
            )
        return value

    def choice(self, name: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """Return one of `allowed`; what is missing or wrong becomes `default` or the first."""
        value = self.raw.get(name)
        fallback = default if default is not None else next(iter(allowed))
        if name in self.raw and value not in allowed:
            self.note(name, f"{name} {value!r} is none of {', '.join(allowed)}", "Choose one of these.")
        return str(value) if value in allowed else fallback

    def whole(self, name: str) -> int:
        """Return a whole number from 1."""
        value = self.raw.get(name)
        if type(value) is int and value >= 1:
            return value
        if name in self.raw:
            self.note(name, f"{name} must be a whole number from 1", "Count versions 1, 2, 3.")
        return 1

    def texts(self, name: str, *, least: int = 0) -> tuple[str, ...]:
        """Return a list of texts that are not empty."""
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
            self.note(name, f"{name} must be a list of texts", "Write [one, two], or one `- text` a line.")
            return ()
        if name in self.raw and len(value) < least:
            self.note(name, f"{name} needs at least {least}", "Add what is missing.")
        return tuple(v.strip() for v in value)

    def known(self, name: str, allowed: Collection[str], what: str, *, least: int = 0) -> tuple[str, ...]:
        """Return a list of texts, each one of `allowed`."""
        values = self.texts(name, least=least)
        for number, value in enumerate(values):
            if value not in allowed:
                self.note(f"{name}.{number}", f"{name}: {what} {value!r} is unknown", f"Use a known {what}.")
        return values

    def clients(self) -> tuple[str, ...]:
        """Return the clients' keys; empty means every client."""
        return self._shaped("clients", _ID, "a client's key")

    def countries(self) -> tuple[str, ...]:
        """Return ISO 3166 alpha-2 codes; empty means every country."""
        return self._shaped("countries", _COUNTRY, "a country code like DE")

    def releases(self) -> tuple[str, ...]:
        """Return releases such as 5.2; empty means every release."""
        return self._shaped("releases", _RELEASE, "a release like 5.2 (in quotes)")

    def language(self) -> str:
        """Return an ISO 639-1 code."""
        value = self.text("language")
        if value and not _LANGUAGE.fullmatch(value):
            self.note("language", f"language {value!r} is not a code like en", "Write the two letters.")
        return value

    def day(self, name: str) -> date | None:
        """Return a date, or `None` where there is none."""
        value = self.raw.get(name)
        if value is None:
            return None
        if type(value) is not date:
            self.note(name, f"{name} must be a date", "Write it like 2026-01-31, without quotes.")
            return None
        return value

    def validity(self) -> tuple[date, date | None]:
        """Return the first and the last day (`None`: no end)."""
        begin, end = self.day("valid_from") or date.min, self.day("valid_to")
        if end is not None and end < begin:
            self.note("valid_to", f"valid_to {end} is before valid_from {begin}", "Exchange or correct them.")
        return begin, end

    def placeholders(self, name: str, text: str, filled: Collection[str]) -> None:
        """Note placeholders that nothing fills, and stray braces."""
        for used in dict.fromkeys(PLACEHOLDER.findall(text)):
            if used not in filled:
                self.note(
                    name, f"{name}: nothing fills {{{{{used}}}}}", "Let a check give it, or write without it."
                )
        if _BRACES.search(PLACEHOLDER.sub("", text)):
            self.note(name, f"{name}: braces that do not close", "Write {{slot}} with two on each side.")

    def _shaped(self, name: str, shape: re.Pattern[str], what: str) -> tuple[str, ...]:
        values = self.texts(name)
        for number, value in enumerate(values):
            if not shape.fullmatch(value):
                self.note(f"{name}.{number}", f"{name}: {value!r} is not {what}", "Correct it.")
        return values
