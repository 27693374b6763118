"""Articles: Markdown with YAML front matter, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from data.errors import BadInputError
from data.taxonomy import Taxonomy
from kb.fields import FieldReader, refusal

ArticleKind = Literal["faq", "runbook", "compliance"]
KINDS: tuple[ArticleKind, ...] = ("faq", "runbook", "compliance")
ARTICLES = Path(__file__).parent / "articles"
_FIELDS = frozenset(
    [
        *("id", "title", "kind", "issue_types", "clients", "countries", "valid_from", "valid_to", "source"),
        *("approved_by", "version"),
    ]
)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Article:
    """What the desk tells. Empty `clients` or `countries` mean all; no `valid_to` means no end."""

    id: str
    title: str
    kind: ArticleKind
    issue_types: tuple[str, ...]
    clients: tuple[str, ...]
    countries: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    source: str
    approved_by: str
    version: int
    body: str


def parse_article(path: Path, text: str, taxonomy: Taxonomy) -> Article:
    """Read one article. Raises `BadInputError` with every problem found; `path` names it."""
    raw, body = _parts(path, text)
    fields = FieldReader(raw)
    fields.only(_FIELDS)
    begin, end = fields.validity()
    article = Article(
        id=fields.identity("id", path.stem),
        title=fields.text("title"),
        kind=cast(ArticleKind, fields.choice("kind", KINDS)),
        issue_types=fields.texts("issue_types", least=1),
        clients=fields.clients(),
        countries=fields.countries(),
        valid_from=begin,
        valid_to=end,
        source=fields.text("source"),
        approved_by=fields.text("approved_by"),
        version=raw["version"] if type(raw.get("version")) is int else 0,
        body=body,
    )
    fields.placeholders("text", body)
    problems = fields.problems
    problems += [f"issue type {t!r} is unknown" for t in article.issue_types if t not in taxonomy.issue_types]
    if "version" in raw and article.version < 1:
        problems.append("version must be a whole number from 1")
    if article.kind == "compliance" and not article.countries:
        problems.append("a compliance article must name its countries")
    if not body:
        problems.append("there is no text after the front matter")
    if problems:
        raise _refused(path, problems)
    return article


def _parts(path: Path, text: str) -> tuple[dict[str, Any], str]:
    """Split into front matter and text."""
    parts = _FRONT_MATTER.match(text.replace("\r\n", "\n"))
    if parts is None:
        raise _refused(path, ["it must start with front matter between two lines of ---"])
    try:
        raw = yaml.safe_load(parts.group(1))
    except yaml.YAMLError as error:
        raise _refused(path, [f"the front matter is not YAML: {error}"]) from None
    if not isinstance(raw, dict):
        raise _refused(path, ["the front matter is not a mapping"])
    return raw, parts.group(2).strip()


def read_articles(directory: Path, taxonomy: Taxonomy) -> list[Article]:
    """Read every `*.md` in `directory`, by id. Raises `BadInputError` with the problems of all files."""
    articles, problems = [], []
    for path in sorted(directory.glob("*.md")):
        try:
            articles.append(parse_article(path, path.read_text(encoding="utf-8"), taxonomy))
        except (BadInputError, UnicodeDecodeError) as error:
            problems.append(error.message if isinstance(error, BadInputError) else f"{path}: not UTF-8")
    if problems:
        raise BadInputError("\n".join(problems), remedy="Correct these articles.")
    return articles


def _refused(path: Path, problems: list[str]) -> BadInputError:
    return BadInputError(refusal(path, problems), remedy="Correct these entries in the article.")
