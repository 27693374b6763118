"""Tokens of the search language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAMES = ("issue id", "sort by", "order by", "resolved date", "updated by", "customer groups", "visible to")
_TOKEN = re.compile(
    r'(?P<quote>"[^"]*")'
    r"|(?P<broken>[#-]?\{[^}]*\}\.\.\S*)"
    r"|(?P<brace>[#-]?\{[^}]*\})"
    r"|(?P<range>\.\.(?=\s|$))"
    r"|(?P<date>\d{4}-\d\d-\d\dT[^\s,()]+)"
    r'|(?P<word>[^\s,:(){}"]+)'
    r"|(?P<mark>[,:()])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: word, brace (a value with spaces), quote (a text), date, range, mark, or broken."""

    kind: str
    text: str
    sign: str = ""
    """`#` or `-` in front."""


def tokens(text: str, names: Iterable[str]) -> list[Token]:
    """Split a query; `names` are attributes of several words, which stand without braces."""
    for name in sorted({*_NAMES, *names}, key=len, reverse=True):
        if " " in name:
            text = re.sub(rf"(?i)(?<![\w{{]){re.escape(name)}\s*:", "{" + name + "}:", text)
    found = []
    for match in _TOKEN.finditer(text):
        kind, word, sign = str(match.lastgroup), match[0], ""
        if kind in ("word", "brace") and word[0] in "#-" and len(word) > 1:
            sign, word = word[0], word[1:]
        if kind in ("brace", "quote"):
            word = word[1:-1].strip()
        found.append(Token(kind, word, sign))
    return found
