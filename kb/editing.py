"""Writing a lifecycle step into a document's entries; everything else stays as it was, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import BadInputError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ._/-]*[A-Za-z0-9.]|[A-Za-z]")
_WORDS_OF_YAML = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return `text` with top-level entries set or, for `None`, removed. New ones come after `status`.

    Works on an article's front matter or on a pattern. Raises `BadInputError` for entries over several lines.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    begin, end = (1, lines.index("---", 1)) if lines[0] == "---" else (0, len(lines))
    head = lines[begin:end]
    fresh: list[str] = []
    for name, value in changes.items():
        at = next((n for n, line in enumerate(head) if line.startswith(f"{name}:")), None)
        if at is not None and at + 1 < len(head) and head[at + 1].startswith((" ", "- ")):
            raise BadInputError(
                f"The entry {name} goes over several lines.", remedy="Put it on one line, then try again."
            )
        if value is None:
            if at is not None:
                del head[at]
        elif at is not None:
            head[at] = f"{name}: {_scalar(value)}"
        else:
            fresh.append(f"{name}: {_scalar(value)}")
    place = next((n + 1 for n, line in enumerate(head) if line.startswith("status:")), len(head))
    head[place:place] = fresh
    return "\n".join([*lines[:begin], *head, *lines[end:]])


def replace_file(path: Path, text: str) -> None:
    """Write `text` in place of the file: whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _scalar(value: Any) -> str:
    if isinstance(value, date | int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS_OF_YAML:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + " ".join(escaped.split()) + '"'
