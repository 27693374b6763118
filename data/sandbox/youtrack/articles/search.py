"""The small search language of articles: `project:`, `parent article:`, `id:`, `tag:` and words."""

from __future__ import annotations

import re
from collections.abc import Callable

from data.sandbox.youtrack.articles.model import Article
from data.sandbox.youtrack.errors import invalid_query
from data.sandbox.youtrack.model import Project

_ATTRIBUTE = re.compile(
    r"(?i)\b(project|in|parent article|article id|id|tag|summary)\s*:\s*(\{[^}]*\}|[^\s,]+)"
)


def found(articles: list[Article], query: str, projects: list[Project]) -> list[Article]:
    """Return the articles that match every part of the query.

    Raises `ApiError` 400 for a project that is none of `projects`. What is no attribute is text; every
    word of it must be in the summary or the content.
    """
    tests: list[Callable[[Article], bool]] = []
    for name, given in _ATTRIBUTE.findall(query):
        tests.append(_test(name.lower(), given.strip("{}").strip(), projects))
    words = re.sub(r'[{}"]', " ", _ATTRIBUTE.sub(" ", query)).lower().split()
    wanted = [w for w in words if w != "and"]
    return [a for a in articles if all(t(a) for t in tests) and all(w in _text(a) for w in wanted)]


def _test(name: str, value: str, projects: list[Project]) -> Callable[[Article], bool]:
    lowered = value.lower()
    if name in ("project", "in"):
        hits = [p for p in projects if lowered in (p.short_name.lower(), p.name.lower())]
        if not hits:
            raise invalid_query(f'The value "{value}" isn\'t used for the project field.')
        return lambda a: a.project in hits
    if name == "parent article":
        return lambda a: a.parent is not None and lowered in (a.parent.id, a.parent.readable_id.lower())
    if name == "tag":
        return lambda a: any(t.name.lower() == lowered for t in a.tags)
    if name == "summary":
        return lambda a: lowered in a.summary.lower()
    return lambda a: lowered in (a.id, a.readable_id.lower())


def _text(article: Article) -> str:
    return f"{article.summary}\n{article.content or ''}".lower()
