"""Replies: a pattern's own words, filled from facts and checks that held. Pure.

The text is plain with a small part of Markdown (paragraphs, lists with `-`, `**strong**`). A `Reply` with
an open slot, a link, HTML, a mention or a command cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.article import Article
from kb.fields import PLACEHOLDER
from kb.pattern import Pattern
from serving.patterns.case import Case
from serving.patterns.told import told

_FORBIDDEN = re.compile(
    r"\{\{|\}\}|</?[a-z!]|!\[|(?<!\\)\]\s*\(|://|www\.|(?<!\w)@\w|^\s*/\w|^\s{0,3}#|```|\x00", re.I | re.M
)
_GREETING = re.compile(r"\AHello \{\{\s*requester\s*\}\},")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the requester reads. `sources`: titles of articles they may read. Raises `ValueError` for a
    text that may not be sent."""

    text: str
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip() or _FORBIDDEN.search(self.text):
            raise ValueError("this text may not be sent")

    @property
    def whole(self) -> str:
        """The text with its sources below."""
        if not self.sources:
            return self.text
        return "\n".join([self.text, "", "More in our help centre:", *(f"- {s}" for s in self.sources)])


@dataclass(frozen=True, slots=True)
class Unfilled:
    """The slots for which there is no fact that may be told: nothing can be sent."""

    slots: tuple[str, ...]


def compose(
    pattern: Pattern, case: Case, given: Mapping[str, object], articles: Sequence[Article]
) -> Reply | Unfilled:
    """Fill the pattern's reply. `given`: slot -> value, from checks that held."""
    text = pattern.reply_template
    values = _facts(case) | {name: told(value) for name, value in given.items()}
    if values.get("requester") is None:  # who has no name on record, or a strange one, is greeted without
        text = _GREETING.sub("Hello,", text)
    missing = sorted({s for s in PLACEHOLDER.findall(text) if values.get(s) is None})
    if missing:
        return Unfilled(tuple(missing))
    filled = PLACEHOLDER.sub(lambda m: values[m.group(1)] or "", text)
    try:
        return Reply(filled.strip(), sources(pattern, case, articles))
    except ValueError:
        return Unfilled(("the text itself",))


def question(pattern: Pattern, case: Case) -> Reply:
    """Return the pattern's one question as a message."""
    name = _facts(case).get("requester")
    return Reply(f"Hello{f' {name}' if name else ''},\n\n{pattern.question}")


def sources(pattern: Pattern, case: Case, articles: Sequence[Article]) -> tuple[str, ...]:
    """Return the titles of the pattern's articles that this requester may read today."""
    wanted = pattern.plan.prepare.articles
    readable = [a for a in articles if a.id in wanted and _readable(a, case)]
    titles = [told(a.title) for a in sorted(readable, key=lambda a: wanted.index(a.id))]
    return tuple(t for t in titles if t is not None)


def _readable(article: Article, case: Case) -> bool:
    return (
        article.audience == "requester"
        and article.record.status == "approved"
        and article.valid_from <= case.day <= (article.valid_to or case.day)
        and (not article.clients or case.tenant in article.clients)
        and (not article.countries or case.country in article.countries)
        and (not article.releases or case.release in article.releases)
    )


def _facts(case: Case) -> dict[str, str | None]:
    """Facts by their names; a person is never told as the client system knows them, only by their name."""
    values = {name: told(value) for name, value in case.facts.items() if name != "requester"}
    return values | {name: told(value) for name, value in case.names.items()}
