"""What a sync with the tracker's articles would do. Pure: three versions in, a list of steps out.

Each article that was synced has a base: what we sent last and what stood there then. Only one side changed:
that change travels. Both changed: a conflict, and neither side is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from posixpath import normpath, relpath
from typing import Literal

from kb.article import Article

Deed = Literal["create", "adopt", "push", "pull", "conflict", "gone_there", "retired_here", "only_there"]
WRITES: frozenset[Deed] = frozenset(["create", "adopt", "push", "pull"])
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Remote:
    """An article in the tracker. `limited`: not everybody who sees the project may read it."""

    id: str
    readable: str
    summary: str
    content: str
    updated_by: str
    limited: bool


@dataclass(frozen=True, slots=True)
class Base:
    """The last sync of one article: the tracker's id, digests of what we sent and of what stood there."""

    tracker: str
    sent: str
    seen: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or to look at. `article` is empty for what exists only in the tracker."""

    deed: Deed
    article: str
    readable: str
    why: str


def plan(articles: Iterable[Article], remotes: Iterable[Remote], bases: Mapping[str, Base]) -> list[Step]:
    """Return the steps, by article; what must be looked at is among them and changes nothing."""
    articles, there = list(articles), {r.id: r for r in remotes}
    names = readable_names(articles, there, bases)
    claimed = {b.tracker for b in bases.values()}
    free = {r.summary.casefold(): r for r in there.values() if r.id not in claimed}
    steps = []
    for article in articles:
        base = bases.get(article.id)
        content = outgoing(article, names)
        step = (
            _first_time(article, content, free)
            if base is None
            else _again(article, content, there.get(base.tracker), base)
        )
        if step is not None:
            steps.append(step)
    adopted = {s.readable for s in steps if s.deed == "adopt"}
    strangers = [r for r in there.values() if r.id not in claimed and r.readable not in adopted]
    why = "it is no article of ours; write one here if it should be found by the desk"
    return [*steps, *(Step("only_there", "", r.readable, why) for r in strangers)]


def readable_names(
    articles: Iterable[Article], there: Mapping[str, Remote], bases: Mapping[str, Base]
) -> dict[str, str]:
    """Return file path -> readable id in the tracker, for the articles that are there."""
    return {
        normpath(a.document.path.as_posix()): there[b.tracker].readable
        for a in articles
        if (b := bases.get(a.id)) is not None and b.tracker in there
    }


def outgoing(article: Article, names: Mapping[str, str]) -> str:
    """Return the body as it goes out: links between articles carry the tracker's ids where they are known."""
    folder = article.document.path.parent.as_posix()

    def link(match: re.Match[str]) -> str:
        name = names.get(normpath(f"{folder}/{match.group(1).partition('#')[0]}"))
        return match.group(0) if name is None else f"]({name})"

    return _LINK.sub(link, article.body)


def incoming(article: Article, content: str, names: Mapping[str, str]) -> str:
    """Return the tracker's text as a body of ours: its ids become paths again."""
    paths = {readable: path for path, readable in names.items()}
    folder = article.document.path.parent.as_posix()

    def link(match: re.Match[str]) -> str:
        path = paths.get(match.group(1))
        return match.group(0) if path is None else f"]({relpath(path, folder)})"

    return _LINK.sub(link, content.replace("\r\n", "\n")).strip()


def digest(summary: str, content: str) -> str:
    """Return 16 hexadecimal digits of a text, whatever its line ends and the space around it."""
    lines = [line.rstrip() for line in content.replace("\r\n", "\n").strip().split("\n")]
    return hashlib.sha256("\n".join([summary.strip(), *lines]).encode()).hexdigest()[:16]


def _first_time(article: Article, content: str, free: Mapping[str, Remote]) -> Step | None:
    if article.record.status != "approved":
        return None
    same = free.get(article.title.casefold())
    if same is None:
        return Step("create", article.id, "", "it is approved here and not there yet")
    if digest(same.summary, same.content) == digest(article.title, content):
        return Step("adopt", article.id, same.readable, "the same text stands there already")
    return Step("conflict", article.id, same.readable, "another text with this title stands there")


def _again(article: Article, content: str, remote: Remote | None, base: Base) -> Step | None:
    status = article.record.status
    if remote is None:
        return None if status == "retired" else Step("gone_there", article.id, "", "it was deleted there")
    if status == "retired":
        return Step("retired_here", article.id, remote.readable, "it is retired here: take it down there")
    theirs = digest(remote.summary, remote.content) != base.seen
    ours = digest(article.title, content) != base.sent
    if theirs and digest(remote.summary, remote.content) == digest(article.title, content):
        return Step("adopt", article.id, remote.readable, "both sides say the same")
    if theirs and (ours or status != "approved"):
        why = f"changed here ({status}) and there (by {remote.updated_by})"
        return Step("conflict", article.id, remote.readable, why)
    if theirs:
        return Step("pull", article.id, remote.readable, f"changed there by {remote.updated_by}")
    if ours and status == "approved":
        return Step("push", article.id, remote.readable, "changed here and approved")
    return None
