"""The whole knowledge base: read once, with every problem that only shows when documents meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from posixpath import normpath

from data.taxonomy import Taxonomy
from kb.article import Article, collect_articles
from kb.claims import double_claims
from kb.pattern import Pattern, collect_patterns
from kb.problem import DUE, DocumentsError, Problem
from kb.terms import read_terms

ROOT = Path(__file__).parent
Entry = Article | Pattern


@dataclass(frozen=True)
class Library:
    """Articles and patterns that can be read, by id, and the problems of those that cannot.

    `terms` has, for an issue type, words under which people ask for it.
    """

    root: Path
    articles: tuple[Article, ...]
    patterns: tuple[Pattern, ...]
    unreadable: tuple[Problem, ...]
    terms: Mapping[str, str]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Articles, then patterns."""
        return (*self.articles, *self.patterns)

    def find(self, entry_id: str) -> Entry | None:
        """Return what has this id."""
        return next((e for e in self.entries if e.id == entry_id), None)


def read_library(root: Path, taxonomy: Taxonomy) -> Library:
    """Read `articles/`, `patterns/` and `terms.yaml` in `root`.

    What cannot be read is in `unreadable`; `DocumentsError` is raised only if neither folder is there.
    """
    folders = root / "articles", root / "patterns"
    if not any(f.is_dir() for f in folders):
        raise DocumentsError(
            [
                Problem(
                    str(root), 1, "there are no articles and no patterns", "Point --kb to the right folder."
                )
            ]
        )
    articles, bad_articles = collect_articles(folders[0], taxonomy)
    patterns, bad_patterns = collect_patterns(folders[1], taxonomy)
    try:
        terms = read_terms(root / "terms.yaml", taxonomy)
    except DocumentsError as error:
        terms, bad_patterns = {}, [*bad_patterns, *error.problems]
    return Library(root, tuple(articles), tuple(patterns), (*bad_articles, *bad_patterns), terms)


def problems_of(library: Library, on: date | None) -> list[Problem]:
    """Return every problem, by file and line; those of the calendar only with a day `on`."""
    found = [
        *library.unreadable,
        *_doubled_ids(library),
        *_dead_links(library),
        *_pattern_references(library),
    ]
    found += _claims(library)
    if on is not None:
        found += calendar_problems(library, on)
    return sorted(found)


def calendar_problems(library: Library, on: date) -> list[Problem]:
    """Return what is overdue for review or past its last day on the day `on`."""
    found = []
    for entry in library.entries:
        if entry.record.status == "retired":
            continue
        last = last_day(entry)
        if last is not None and last < on:
            name = "valid_to" if isinstance(entry, Article) else "applies_to.valid_to"
            remedy = "Renew it from its source and have it approved, or retire it (`firstline kb retire`)."
            found.append(_problem(entry, name, f"{entry.id} was valid until {last}", remedy, DUE))
        if entry.record.review_by < on:
            what = f"{entry.id} was due for review on {entry.record.review_by}"
            remedy = f"{entry.record.owner} reads it again, corrects it, and sets review_by."
            found.append(_problem(entry, "review_by", what, remedy, DUE))
    return found


def last_day(entry: Entry) -> date | None:
    """Return the last day on which an entry may be used."""
    return entry.valid_to if isinstance(entry, Article) else entry.applies_to.valid_to


def _doubled_ids(library: Library) -> Iterator[Problem]:
    seen: dict[str, Entry] = {}
    for entry in library.entries:
        first = seen.setdefault(entry.id, entry)
        if first is not entry:
            what = f"the id {entry.id} is taken by {first.document.path}"
            yield _problem(entry, "id", what, "Give one of the two another id and file name.")


def _dead_links(library: Library) -> Iterator[Problem]:
    """Links between articles must lead to one that is there and in use."""
    by_path: Mapping[str, Article] = {normpath(a.document.path.as_posix()): a for a in library.articles}
    for article in library.articles:
        for link in dict.fromkeys(article.links):
            if "://" in link or link.startswith(("#", "mailto:")):
                continue
            path = normpath((article.document.path.parent / link.partition("#")[0]).as_posix())
            target = by_path.get(path)
            line = article.document.line_of_text(f"]({link})")
            if target is None:
                what, remedy = f"the link {link} leads nowhere", "Correct or remove it."
            elif target.record.status == "retired" and article.record.status != "retired":
                what, remedy = f"the link {link} leads to a retired article", "Link to what replaces it."
            else:
                continue
            yield Problem(str(article.document.path), line, what, remedy)


def _pattern_references(library: Library) -> Iterator[Problem]:
    articles = {a.id: a for a in library.articles}
    patterns = {p.id for p in library.patterns}
    for pattern in library.patterns:
        for name in pattern.plan.prepare.articles:
            article = articles.get(name)
            if article is None or article.record.status == "retired":
                what = f"there is no article {name} in use"
                yield _problem(pattern, "actions", what, "Name an article that is there.")
            elif pattern.record.status == "approved" and article.record.status != "approved":
                what = f"it is approved and its article {name} is not"
                yield _problem(pattern, "actions", what, "Have the article approved first.")
        for name in pattern.yields_to:
            if name not in patterns:
                yield _problem(pattern, "yields_to", f"there is no pattern {name}", "Correct the id.")


def _claims(library: Library) -> Iterator[Problem]:
    for one, other in double_claims(library.patterns):
        yield _problem(
            other,
            "checks",
            f"{other.id} and {one.id} can both claim one case",
            "Add a check in which they differ, or let one yield (`yields_to`).",
        )


def _problem(entry: Entry, name: str, what: str, remedy: str, kind: str = "wrong") -> Problem:
    return Problem(str(entry.document.path), entry.document.line_of(name), what, remedy, kind)
