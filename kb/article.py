"""Articles: Markdown with YAML front matter, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, cast

from data.taxonomy import Taxonomy
from kb.document import Document, markdown_document, read_text
from kb.fields import PLACEHOLDER, FieldReader
from kb.lifecycle import FIELDS, RECORDS, Record, read_record
from kb.problem import DocumentsError, Problem
from kb.sections import check_sections

ArticleKind = Literal["resolution", "faq", "runbook", "compliance"]
Audience = Literal["requester", "agent"]
KINDS: tuple[ArticleKind, ...] = ("resolution", "faq", "runbook", "compliance")
AUDIENCES: tuple[Audience, ...] = ("requester", "agent")
ARTICLES = Path(__file__).parent / "articles"
_FIELDS = (
    *("id", "title", "kind", "issue_types", "audience", "clients", "countries", "language"),
    *("valid_from", "sources", *FIELDS),
)
_OPTIONAL = ("releases", "valid_to", *RECORDS)
WORDINGS = frozenset(
    [
        *("requester", "employee", "manager", "client", "country", "month", "prev_month", "pay_date", "date"),
        "ticket_ref",
    ]
)
"""What a suggested wording may leave open. Identifiers, accounts and amounts are not among them."""
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Article:
    """What the desk tells. Empty `clients`, `countries`, `releases` mean all; no `valid_to`: no end."""

    id: str
    title: str
    kind: ArticleKind
    issue_types: tuple[str, ...]
    audience: Audience
    clients: tuple[str, ...]
    countries: tuple[str, ...]
    releases: tuple[str, ...]
    language: str
    valid_from: date
    valid_to: date | None
    sources: tuple[str, ...]
    record: Record
    document: Document

    @property
    def body(self) -> str:
        """The Markdown below the front matter."""
        return self.document.body

    @property
    def links(self) -> tuple[str, ...]:
        """Where its links point, in order."""
        return tuple(_LINK.findall(self.body))


def parse_article(path: Path, text: str, taxonomy: Taxonomy) -> Article:
    """Read one article. Raises `DocumentsError` with every problem found; `path` names it."""
    document = markdown_document(path, text)
    fields = FieldReader.of(document)
    fields.only(_FIELDS, _OPTIONAL)
    begin, end = fields.validity()
    article = Article(
        id=fields.identity("id", path.stem),
        title=fields.text("title"),
        kind=cast(ArticleKind, fields.choice("kind", KINDS)),
        issue_types=fields.known("issue_types", taxonomy.issue_types, "issue type", least=1),
        audience=cast(Audience, fields.choice("audience", AUDIENCES, default="agent")),
        clients=fields.clients(),
        countries=fields.countries(),
        releases=fields.releases(),
        language=fields.language(),
        valid_from=begin,
        valid_to=end,
        sources=fields.texts("sources", least=1),
        record=read_record(fields),
        document=document,
    )
    _check_kind(article, fields, taxonomy)
    if fields.problems:
        raise DocumentsError(fields.problems)
    return article


def _check_kind(article: Article, fields: FieldReader, taxonomy: Taxonomy) -> None:
    """Note what the kind asks for and the article lacks, and wordings that leave open what they must not."""
    for whole, used in {m.group(0): m.group(1) for m in PLACEHOLDER.finditer(article.body)}.items():
        if used not in WORDINGS:
            what = f"the wording leaves {{{{{used}}}}} open"
            fields.note_text(whole, what, f"Write without it, or use {', '.join(sorted(WORDINGS))}.")
    check_sections(fields, article.audience, compliance=article.kind == "compliance")
    if article.record.owner and article.record.owner not in taxonomy.teams:
        fields.note(
            "owner", f"owner {article.record.owner!r} is no team", f"Use: {', '.join(taxonomy.teams)}."
        )
    if article.kind == "compliance":
        if not article.countries:
            fields.note("countries", "a compliance reference must name its countries", "Add their codes.")
        if article.valid_to is None:
            fields.note(
                "valid_to", "a compliance reference must have an end", "Add the day it must be renewed by."
            )
    if article.kind == "runbook" and not article.clients:
        fields.note("clients", "a runbook must name its clients", "Add their keys, or make it a resolution.")
    if article.kind in ("runbook", "compliance", "resolution") and article.audience != "agent":
        fields.note("audience", f"a {article.kind} is for agents", "Make it a faq, or the audience agent.")


def read_articles(directory: Path, taxonomy: Taxonomy) -> list[Article]:
    """Read every `*.md` in `directory`, by id. Raises `DocumentsError` with the problems of all files."""
    articles, problems = collect_articles(directory, taxonomy)
    if problems:
        raise DocumentsError(problems)
    return articles


def collect_articles(directory: Path, taxonomy: Taxonomy) -> tuple[list[Article], list[Problem]]:
    """Return the articles that can be read, by id, and the problems of the others."""
    articles: list[Article] = []
    problems: list[Problem] = []
    for path in sorted(directory.rglob("*.md")):
        try:
            articles.append(parse_article(path, read_text(path), taxonomy))
        except DocumentsError as error:
            problems += error.problems
    return articles, problems
