"""One step in a document's life, from the file to the file: checked as it would be, then written."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import BadInputError
from data.taxonomy import Taxonomy
from kb.article import Article, parse_article
from kb.document import read_text
from kb.editing import edited, replace_file
from kb.library import Entry, Library, problems_of, read_library
from kb.pattern import parse_pattern
from kb.problem import DocumentsError

Step = Callable[[Entry], Mapping[str, Any]]


def take_step(root: Path, entry_id: str, step: Step, taxonomy: Taxonomy, *, on: date | None) -> Entry:
    """Move one document on and return it as it is now. Raises `BadInputError` and then changes nothing.

    With a day `on` the result must pass the whole check, calendar included: what is approved is fit for use.
    """
    library = read_library(root, taxonomy)
    entry = find(library, entry_id)
    path = entry.document.path
    text = edited(read_text(path), step(entry))
    fresh: Entry = (
        parse_article(path, text, taxonomy)
        if isinstance(entry, Article)
        else parse_pattern(path, text, taxonomy)
    )
    if on is not None:
        after = _exchanged(library, entry, fresh)
        mine = [p for p in problems_of(after, on) if p.file == str(path)]
        if mine:
            raise DocumentsError(mine)
    replace_file(path, text)
    return fresh


def find(library: Library, entry_id: str) -> Entry:
    """Return what has this id. Raises `BadInputError` with the nearest ids, or with why it cannot be read."""
    entry = library.find(entry_id)
    if entry is not None:
        return entry
    broken = [p for p in library.unreadable if Path(p.file).stem == entry_id]
    if broken:
        raise DocumentsError(broken)
    near = difflib.get_close_matches(entry_id, [e.id for e in library.entries], n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Look it up: `firstline kb search WORDS`."
    raise BadInputError(f"There is no article or pattern {entry_id!r}.", remedy=hint)


def _exchanged(library: Library, old: Entry, new: Entry) -> Library:
    return replace(
        library,
        articles=tuple(new if a is old and isinstance(new, Article) else a for a in library.articles),
        patterns=tuple(new if p is old and not isinstance(new, Article) else p for p in library.patterns),
    )
