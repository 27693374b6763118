"""What the knowledge base holds, and what each kind of entity shows. Times are epoch milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from data.sandbox.youtrack.access import in_team, is_staff, permits
from data.sandbox.youtrack.model import Project, Reaction, Tag, User
from data.sandbox.youtrack.model import Visibility as Limits
from data.sandbox.youtrack.shapes import Visibility
from data.sandbox.youtrack.views import PAGE

ARTICLE, ARTICLE_COMMENT, ARTICLE_FILE, ARTICLE_ACTIVITY = "167", "168", "169", "170"

Shows = Mapping[str, Callable[[Any, User], object]]


@dataclass(slots=True, eq=False)
class Article:
    """A page of the knowledge base. `content` is Markdown; `ordinal` is its place among its siblings."""

    TYPE: ClassVar[str] = "Article"
    SHOWS: ClassVar[Shows]

    id: str
    number: int
    project: Project
    summary: str
    content: str | None
    reporter: User
    created: int
    updated: int
    updated_by: User
    ordinal: int = 0
    parent: Article | None = None
    children: list[Article] = field(default_factory=list)
    visibility: Limits | None = None
    comments: list[ArticleComment] = field(default_factory=list)
    files: list[ArticleFile] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    stars: set[str] = field(default_factory=set)

    @property
    def readable_id(self) -> str:
        return f"{self.project.short_name}-A-{self.number}"

    def permits(self, user: User) -> bool:
        """Tell whether the user may read it, given that the user knows of the project."""
        return self.reporter is user or permits(user, self.visibility)

    def may_change(self, user: User) -> bool:
        """Tell whether the user may change it."""
        return in_team(user, self.project) if self.project.helpdesk else is_staff(user)


@dataclass(slots=True, eq=False)
class ArticleComment:
    """A comment on an article."""

    TYPE: ClassVar[str] = "ArticleComment"
    SHOWS: ClassVar[Shows]

    id: str
    article: Article
    author: User
    text: str
    created: int
    visibility: Limits | None = None
    updated: int | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: list[Reaction] = field(default_factory=list)

    def permits(self, user: User) -> bool:
        """Tell whether the user may read it, given that the user reads the article."""
        return self.author is user or permits(user, self.visibility)


@dataclass(slots=True, eq=False)
class ArticleFile:
    """A file on an article: its metadata only."""

    TYPE: ClassVar[str] = "ArticleAttachment"
    SHOWS: ClassVar[Shows]

    id: str
    article: Article
    author: User
    name: str
    size: int
    mime_type: str
    created: int
    updated: int
    visibility: Limits | None = None


@dataclass(slots=True, eq=False)
class ArticleActivity:
    """One change of an article. `added` and `removed` as in the feed of issues."""

    SHOWS: ClassVar[Shows]

    id: str
    at: int
    author: User
    category: str
    article: Article
    comment: ArticleComment | None = None
    added: object = None
    removed: object = None

    @property
    def TYPE(self) -> str:  # noqa: N802 - a constant of the other kinds
        return self.category.removesuffix("Category") + "ActivityItem"


def readable(articles: list[Article], viewer: User) -> list[Article]:
    """Return those that the viewer may read."""
    return [a for a in articles if a.permits(viewer)]


def readable_comments(article: Article, viewer: User) -> list[ArticleComment]:
    """Return the comments that the viewer may read, oldest first."""
    return [c for c in article.comments if c.permits(viewer)]


def readable_files(article: Article, viewer: User) -> list[ArticleFile]:
    """Return the files that the viewer may read."""
    return [f for f in article.files if f.author is viewer or permits(viewer, f.visibility)]


def _parent(article: Article, viewer: User) -> Article | None:
    return article.parent if article.parent is not None and article.parent.permits(viewer) else None


Article.SHOWS = {
    "id": lambda a, v: a.id,
    "idReadable": lambda a, v: a.readable_id,
    "numberInProject": lambda a, v: a.number,
    "summary": lambda a, v: a.summary,
    "content": lambda a, v: a.content,
    "contentPreview": lambda a, v: a.content or "",
    "usesMarkdown": lambda a, v: True,
    "project": lambda a, v: a.project,
    "parentArticle": _parent,
    "childArticles": lambda a, v: readable(a.children, v)[:PAGE],
    "hasChildren": lambda a, v: bool(readable(a.children, v)),
    "ordinal": lambda a, v: a.ordinal,
    "reporter": lambda a, v: a.reporter,
    "updatedBy": lambda a, v: a.updated_by,
    "created": lambda a, v: a.created,
    "updated": lambda a, v: a.updated,
    "attachments": lambda a, v: readable_files(a, v)[:PAGE],
    "comments": lambda a, v: readable_comments(a, v)[:PAGE],
    "commentsCount": lambda a, v: len(readable_comments(a, v)),
    "pinnedComments": lambda a, v: [c for c in readable_comments(a, v) if c.pinned][:PAGE],
    "tags": lambda a, v: a.tags[:PAGE],
    "visibility": lambda a, v: Visibility(a.visibility),
    "externalArticle": lambda a, v: None,
    "hasStar": lambda a, v: v.login in a.stars,
    "hasUnpublishedChanges": lambda a, v: False,
}
ArticleComment.SHOWS = {
    "id": lambda c, v: c.id,
    "text": lambda c, v: c.text,
    "textPreview": lambda c, v: c.text,
    "author": lambda c, v: c.author,
    "created": lambda c, v: c.created,
    "updated": lambda c, v: c.updated,
    "deleted": lambda c, v: c.deleted,
    "pinned": lambda c, v: c.pinned,
    "article": lambda c, v: c.article,
    "attachments": lambda c, v: [],
    "reactions": lambda c, v: c.reactions[:PAGE],
    "visibility": lambda c, v: Visibility(c.visibility),
}
ArticleFile.SHOWS = {
    "id": lambda f, v: f.id,
    "name": lambda f, v: f.name,
    "author": lambda f, v: f.author,
    "created": lambda f, v: f.created,
    "updated": lambda f, v: f.updated,
    "size": lambda f, v: f.size,
    "extension": lambda f, v: f.name.rpartition(".")[2] if "." in f.name else "",
    "mimeType": lambda f, v: f.mime_type,
    "charset": lambda f, v: None,
    "metaData": lambda f, v: None,
    "draft": lambda f, v: False,
    "removed": lambda f, v: False,
    "url": lambda f, v: None,
    "thumbnailURL": lambda f, v: None,
    "article": lambda f, v: f.article,
    "visibility": lambda f, v: Visibility(f.visibility),
}
ArticleActivity.SHOWS = {
    "id": lambda a, v: a.id,
    "timestamp": lambda a, v: a.at,
    "author": lambda a, v: a.author,
    "category": lambda a, v: {"id": a.category, "$type": "ActivityCategory"},
    "target": lambda a, v: a.comment if a.comment is not None else a.article,
    "targetMember": lambda a, v: None,
    "field": lambda a, v: None,
    "added": lambda a, v: a.added,
    "removed": lambda a, v: a.removed,
}
