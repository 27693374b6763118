"""Checks that articles and patterns share. Each returns or collects problems in words; none raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

PLACEHOLDERS = frozenset(
    [
        *("requester", "employee", "manager", "agent", "client", "country"),
        *("month", "prev_month", "pay_date", "date", "release", "ticket_ref"),
    ]
)
"""What a reply may be filled with. Identifiers and amounts are not among them: replies never repeat those."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CLIENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


@dataclass
class FieldReader:
    """Reads the fields of one document and collects every problem in `problems`."""

    raw: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def only(self, wanted: frozenset[str]) -> None:
        """Note missing and unknown fields."""
        missing, unknown = wanted - self.raw.keys(), self.raw.keys() - wanted
        if missing:
            self.problems.append(f"missing: {', '.join(sorted(missing))}")
        if unknown:
            self.problems.append(f"unknown: {', '.join(sorted(str(u) for u in unknown))}")

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a text field, stripped."""
        value = self.raw.get(name, "")
        if not isinstance(value, str) or (name in self.raw and not value.strip() and not empty):
            self.problems.append(f"{name} must be a text" + ("" if empty else " that is not empty"))
            return ""
        return value.strip()

    def identity(self, name: str, expected: str) -> str:
        """Return an id, which must be kebab-case and the file's name."""
        value = self.text(name)
        if value and not _ID.fullmatch(value):
            self.problems.append(f"{name} {value!r} must be lower-case words joined by hyphens")
        elif value and value != expected:
            self.problems.append(f"{name} {value!r} must be the file's name, {expected!r}")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of `allowed`."""
        value = self.raw.get(name)
        if name in self.raw and value not in allowed:
            self.problems.append(f"{name} {value!r} is none of {', '.join(allowed)}")
        return value if value in allowed else allowed[0]

    def texts(self, name: str, *, least: int = 0) -> tuple[str, ...]:
        """Return a list of texts that are not empty."""
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
            self.problems.append(f"{name} must be a list of texts")
            return ()
        if name in self.raw and len(value) < least:
            self.problems.append(f"{name} needs at least {least} entries")
        return tuple(v.strip() for v in value)

    def clients(self) -> tuple[str, ...]:
        """Return the clients' keys; empty means every client."""
        return self._shaped("clients", _CLIENT, "a client's key")

    def countries(self) -> tuple[str, ...]:
        """Return ISO 3166 alpha-2 codes; empty means every country."""
        return self._shaped("countries", _COUNTRY, "a country code like DE")

    def validity(self) -> tuple[date, date | None]:
        """Return the first and the last day (`None`: no end)."""
        first, last = self.raw.get("valid_from"), self.raw.get("valid_to")
        if "valid_from" in self.raw and type(first) is not date:
            self.problems.append("valid_from must be a date like 2026-01-31")
        if last is not None and type(last) is not date:
            self.problems.append("valid_to must be a date like 2026-12-31, or null")
        begin = first if type(first) is date else date.min
        end = last if type(last) is date else None
        if end is not None and end < begin:
            self.problems.append(f"valid_to {end} is before valid_from {begin}")
        return begin, end

    def placeholders(self, name: str, text: str) -> None:
        """Note placeholders that nothing fills, and stray braces."""
        for used in dict.fromkeys(_PLACEHOLDER.findall(text)):
            if used not in PLACEHOLDERS:
                self.problems.append(f"{name}: nothing fills {{{{{used}}}}}")
        if _BRACES.search(_PLACEHOLDER.sub("", text)):
            self.problems.append(f"{name}: braces that do not close")

    def _shaped(self, name: str, shape: re.Pattern[str], what: str) -> tuple[str, ...]:
        values = self.texts(name)
        self.problems += [f"{name}: {v!r} is not {what}" for v in values if not shape.fullmatch(v)]
        return values


def refusal(path: object, problems: list[str]) -> str:
    """Return the sentence that lists a document's problems."""
    return f"{path} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems)
