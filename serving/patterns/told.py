"""Values in a reply: what may be told, and how it is written so that it stays text. Pure.

A value comes from a client system or from the ticket. It must not bring a link, a mention, a command, HTML
or formatting with it. What is close to one of these is refused, not repaired: a person looks at it.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

MOST = 200
_SUSPECT = re.compile(
    r"://|www\.|@|＠|<|\]\s*\(|\]\s*:|javascript:|mailto:|data:|&#?\w+;|\{\{|\}\}",
    re.IGNORECASE,
)
_HOST = re.compile(r"[^\W_][\w-]*\.(?!(?:xlsx?|csv|pdf|txt|xml|docx?)\b)[^\W\d_]{2,}", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_\[\]#~|!])")
_STARTS = ("/", "-", "+", ">", "=")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def told(value: object) -> str | None:
    """Return how a value is written in a reply, or `None` where it may not stand in one."""
    if isinstance(value, date):
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if not isinstance(value, str):
        return None
    month = _MONTH.fullmatch(value)
    if month:
        return f"{_MONTHS[int(month[2]) - 1]} {month[1]}"
    plain = unicodedata.normalize("NFKC", value)
    if any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp") for c in plain):
        return None
    words = " ".join(plain.split())
    if not 0 < len(words) <= MOST or words.startswith(_STARTS):
        return None
    if _SUSPECT.search(words) or _HOST.search(words):
        return None
    return _MARKDOWN.sub(r"\\\1", words)
