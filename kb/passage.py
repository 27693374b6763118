"""Passages: what a search finds and a reply can cite. One per section, with where it applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from data.taxonomy import Taxonomy
from kb.article import Article
from kb.library import Entry, Library, last_day
from kb.lifecycle import Status
from kb.sections import sections_of

Kind = Literal["resolution", "faq", "runbook", "compliance", "pattern"]


@dataclass(frozen=True, slots=True)
class Applies:
    """Where, for whom and when a document may be used. Empty means everywhere."""

    audience: str
    clients: tuple[str, ...]
    countries: tuple[str, ...]
    releases: tuple[str, ...]
    first_day: date
    last_day: date
    status: Status


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of an article, or a pattern. `id` is stable: the document's id, and the section's number."""

    id: str
    document: str
    kind: Kind
    title: str
    heading: str
    text: str
    about: str
    issue_types: tuple[str, ...]
    applies: Applies


def passages_of_all(library: Library, taxonomy: Taxonomy) -> Iterator[Passage]:
    """Yield the passages of every article and pattern."""
    for entry in library.entries:
        yield from passages_of(entry, taxonomy, library.terms)


def passages_of(entry: Entry, taxonomy: Taxonomy, terms: Mapping[str, str]) -> Iterator[Passage]:
    """Yield an entry's passages. Patterns are for agents: they hold questions and drafts, not advice."""
    about = " ".join(
        f"{t.replace('_', ' ')} {taxonomy.issue_types[t].about} {terms.get(t, '')}" for t in entry.issue_types
    )
    applies = _applies(entry)
    if isinstance(entry, Article):
        for number, (heading, text) in enumerate(sections_of(entry.body).items()):
            yield Passage(
                *(f"{entry.id}#{number}", entry.id, entry.kind, entry.title, heading, text, about),
                entry.issue_types,
                applies,
            )
        return
    text = " ".join([entry.symptom, entry.question, entry.reply_template, *entry.detect.some])
    yield Passage(
        *(f"{entry.id}#0", entry.id, "pattern", entry.title, "Pattern", text, about),
        entry.issue_types,
        applies,
    )


def _applies(entry: Entry) -> Applies:
    scope = entry if isinstance(entry, Article) else entry.applies_to
    return Applies(
        audience=entry.audience if isinstance(entry, Article) else "agent",
        clients=scope.clients,
        countries=scope.countries,
        releases=scope.releases,
        first_day=scope.valid_from,
        last_day=last_day(entry) or date.max,
        status=entry.record.status,
    )
