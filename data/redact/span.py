"""What redaction found, and where."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "iban",
    "bank_account",
    "card",
    "bic",
    "national_id",
    "phone",
    "email",
    "employee_id",
    "person",
    "address",
    "birth_date",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Match:
    """A personal value at `text[start:end]`.

    `canonical` names the value independent of how it was written; equal canonical values get equal
    stand-ins. `weight` breaks ties between matches of equal length: the higher is the better evidence.
    `form` says how a person's name is written (see `data.redact.names`), empty for everything else.
    """

    kind: Kind
    start: int
    end: int
    canonical: str
    weight: int = 0
    form: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A replaced stretch of the original text, `original[start:end]`, and its stand-in."""

    kind: Kind
    start: int
    end: int
    surrogate: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """Redacted text and the spans (of the original text) that were replaced, in order."""

    text: str
    spans: tuple[Span, ...]

    def positions(self) -> list[tuple[int, int]]:
        """Return where each span's stand-in lies in `text`, in order of the spans."""
        found, shift = [], 0
        for span in self.spans:
            start = span.start + shift
            found.append((start, start + len(span.surrogate)))
            shift += len(span.surrogate) - (span.end - span.start)
        return found


def settle(matches: Iterable[Match]) -> list[Match]:
    """Return non-overlapping matches in text order: the longest wins, then evidence, then the first."""
    ranked = sorted(matches, key=lambda m: (m.start - m.end, -m.weight, m.start, m.kind))
    starts: list[int] = []
    taken: list[Match] = []
    for match in ranked:
        at = bisect_left(starts, match.start)
        clear_before = at == 0 or taken[at - 1].end <= match.start
        if clear_before and (at == len(taken) or match.end <= taken[at].start):
            starts.insert(at, match.start)
            taken.insert(at, match)
    return taken
