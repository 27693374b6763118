"""Categorize: how a ticket becomes the text that the encoder reads.

One function for training and serving. `TASK_VERSION` is stored in every bundle; a bundle made with
another version refuses to serve, because the same ticket would read differently.
"""

from __future__ import annotations

import re
import unicodedata

from data.ticket import Ticket

TASK_VERSION = "categorize-1"
MAX_CHARS = 2000
"""Longest text handed to the tokenizer; a longer ticket keeps its beginning and its end."""

_HEAD_SHARE = 0.75
_QUOTED_LINE = re.compile(r"^\s*>.*$", re.MULTILINE)
_REPLY_HEADER = re.compile(r"^\s*(On .{5,120} wrote:|-{2,} ?Original Message ?-{2,}).*$", re.MULTILINE)
_SIGNATURE = re.compile(r"\n-- ?\n.*\Z", re.DOTALL)
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")


def clean(text: str) -> str:
    """Return `text` NFC-normalised, without control and invisible characters, spaces collapsed."""
    # The cap keeps a 100 kB paste from costing regular expressions anything; the end still counts.
    text = _ends(text, 20 * MAX_CHARS)
    text = unicodedata.normalize("NFC", text)
    text = "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else " " for c in text
    )
    return _BLANK_LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def _without_quotes(text: str) -> str:
    """Drop quoted mail lines and a signature, unless nothing else would be left."""
    bare = _REPLY_HEADER.sub("", _QUOTED_LINE.sub("", _SIGNATURE.sub("", text))).strip()
    return bare or text


def _ends(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = int(limit * _HEAD_SHARE)
    return text[:head] + "\n" + text[-(limit - head) :]


def render(ticket: Ticket) -> str:
    """Return the model's input: subject, newline, body. Empty only where the ticket has no text."""
    summary = clean(ticket.summary)
    body = _without_quotes(clean(ticket.description))
    text = f"{summary}\n{body}".strip() if summary else body
    return _ends(text, MAX_CHARS)
