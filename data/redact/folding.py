"""Text reduced to what matters for comparison, with the way back to the original offsets."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Letters that Unicode does not decompose, and punctuation that people use interchangeably.
_EXTRA = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h",
    "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "—": "-",
    "_": " ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is folded; character `i` of it came from `original[at[i]]`; `at` has one more entry."""

    text: str
    at: Sequence[int]

    def span(self, start: int, end: int, original: str) -> tuple[int, int]:
        """Return the offsets in `original` of `text[start:end]` (non-empty), combining marks included."""
        stop = self.at[end - 1] + 1
        while stop < len(original) and not fold_char(original[stop]):
            stop += 1
        return self.at[start], stop


@lru_cache(maxsize=4096)
def fold_char(char: str) -> str:
    """Return the folded form of one character: several letters, one, or nothing."""
    if char.isspace():
        return " "
    lowered = char.casefold()
    if lowered in _EXTRA:
        return _EXTRA[lowered]
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", lowered) if unicodedata.category(c) not in ("Mn", "Cf", "Cc")
    )
    return "".join(_EXTRA.get(c, c) for c in bare).strip(" ")


def fold(text: str) -> Folded:
    """Fold case, diacritics, look-alike punctuation and runs of white space (to one space)."""
    out: list[str] = []
    at: list[int] = []
    for i, char in enumerate(text):
        piece = fold_char(char)
        if piece == " " and out and out[-1] == " ":
            continue
        for letter in piece:
            out.append(letter)
            at.append(i)
    at.append(len(text))
    return Folded("".join(out), at)


def squeeze(folded: Folded) -> Folded:
    """Keep letters and digits only: identifiers are compared without their spacing."""
    kept = [i for i, c in enumerate(folded.text) if c.isalnum()]
    return Folded("".join(folded.text[i] for i in kept), [*(folded.at[i] for i in kept), folded.at[-1]])


def key(text: str) -> str:
    """Return the folded text without surrounding white space: how names are compared."""
    return fold(text).text.strip()


def squeezed_key(text: str) -> str:
    """Return the folded letters and digits: how identifiers are compared."""
    return squeeze(fold(text)).text
