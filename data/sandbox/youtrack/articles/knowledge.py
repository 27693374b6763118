"""The knowledge base in memory; every change goes through a method here and writes its activity."""

from __future__ import annotations

from collections import Counter

from data.sandbox.youtrack.articles.model import (
    ARTICLE,
    ARTICLE_ACTIVITY,
    ARTICLE_COMMENT,
    ARTICLE_FILE,
    Article,
    ArticleActivity,
    ArticleComment,
    ArticleFile,
)
from data.sandbox.youtrack.building import permitted
from data.sandbox.youtrack.model import Project, Tag, User, Visibility
from data.sandbox.youtrack.state import TrackerState


class Knowledge:
    """All articles of all projects; people, groups and tags are the tracker's."""

    def __init__(self, state: TrackerState) -> None:
        self.state = state
        self.articles: dict[str, Article] = {}
        self.activities: list[ArticleActivity] = []
        self._numbers: Counter[str] = Counter()

    def find(self, article_id: str) -> Article | None:
        """Find by database id or readable id."""
        if article_id in self.articles:
            return self.articles[article_id]
        wanted = article_id.upper()
        return next((a for a in self.articles.values() if a.readable_id == wanted), None)

    def create(
        self,
        project: Project,
        author: User,
        at: int,
        summary: str,
        content: str | None,
        *,
        parent: Article | None = None,
        visibility: Visibility | None = None,
    ) -> Article:
        """Publish an article, the last of its siblings."""
        number = self._number(project)
        new_id = self.state.next_id(ARTICLE)
        made = Article(new_id, number, project, summary, content or None, author, at, at, author)
        made.visibility = visibility
        self.articles[made.id] = made
        self._place(made, parent)
        self._record(made, author, at, "ArticleCreatedCategory", [], [])
        return made

    def set_text(self, article: Article, author: User, at: int, attribute: str, text: str | None) -> None:
        """Change `summary` or `content`."""
        before = getattr(article, attribute)
        if before != text:
            setattr(article, attribute, text)
            name = "Summary" if attribute == "summary" else "Description"
            self._record(article, author, at, f"Article{name}Category", text, before)

    def set_parent(self, article: Article, author: User, at: int, parent: Article | None) -> None:
        """Hang an article and everything below it under another one, or at the top."""
        before = article.parent
        if before is not parent:
            self._place(article, parent)
            added, removed = [parent] if parent else [], [before] if before else []
            self._record(article, author, at, "ArticleParentCategory", added, removed)

    def move(self, article: Article, author: User, at: int, project: Project) -> None:
        """Move an article with what is below it to another project: new readable ids, no parent."""
        source = article.project
        if source is project:
            return
        self._place(article, None)
        for part in self.below(article):
            part.project, part.number = project, self._number(project)
        self._record(article, author, at, "ArticleProjectCategory", [project], [source])

    def limit(self, article: Article, author: User, at: int, visibility: Visibility | None) -> None:
        """Change who reads an article."""
        before, article.visibility = article.visibility, visibility
        added, removed = permitted(visibility), permitted(before)
        if added != removed:
            self._record(article, author, at, "ArticleVisibilityCategory", added, removed)

    def below(self, article: Article) -> list[Article]:
        """Return the article and all its descendants."""
        return [article, *(d for child in article.children for d in self.below(child))]

    def remove(self, article: Article) -> None:
        """Delete an article with what is below it and their activities."""
        gone = set(self.below(article))
        if article.parent is not None:
            article.parent.children.remove(article)
        for part in gone:
            del self.articles[part.id]
        self.activities = [a for a in self.activities if a.article not in gone]

    def comment(
        self, article: Article, author: User, at: int, text: str, visibility: Visibility | None
    ) -> ArticleComment:
        """Add a comment."""
        made = ArticleComment(self.state.next_id(ARTICLE_COMMENT), article, author, text, at, visibility)
        article.comments.append(made)
        self._record(article, author, at, "ArticleCommentsCategory", [made], [], made)
        return made

    def edit_comment(self, comment: ArticleComment, author: User, at: int, text: str) -> None:
        """Change a comment's text."""
        before, comment.text, comment.updated = comment.text, text, at
        self._record(comment.article, author, at, "ArticleCommentTextCategory", text, before, comment)

    def hide_comment(self, comment: ArticleComment, author: User, at: int, deleted: bool) -> None:
        """Soft-delete or restore a comment; it stays in the list."""
        if comment.deleted != deleted:
            comment.deleted = deleted
            added, removed = ([], [comment]) if deleted else ([comment], [])
            self._record(comment.article, author, at, "ArticleCommentsCategory", added, removed, comment)

    def remove_comment(self, comment: ArticleComment, author: User, at: int) -> None:
        """Delete a comment for good."""
        comment.article.comments.remove(comment)
        self._record(comment.article, author, at, "ArticleCommentsCategory", [], [comment], comment)

    def attach(
        self, article: Article, author: User, at: int, files: list[tuple[str, str, int]]
    ) -> list[ArticleFile]:
        """Add files given as (name, MIME type, bytes)."""
        made = [
            ArticleFile(self.state.next_id(ARTICLE_FILE), article, author, name, size, mime, at, at)
            for name, mime, size in files
        ]
        article.files += made
        self._record(article, author, at, "ArticleAttachmentsCategory", [*made], [])
        return made

    def detach(self, file: ArticleFile, author: User, at: int) -> None:
        """Remove a file."""
        file.article.files.remove(file)
        self._record(file.article, author, at, "ArticleAttachmentsCategory", [], [file])

    def tag(self, article: Article, author: User, at: int, tag: Tag, *, on: bool) -> None:
        """Put a tag on an article or take it off; doing so twice changes nothing."""
        if on and tag not in article.tags:
            article.tags.append(tag)
            self._record(article, author, at, "ArticleTagsCategory", [tag], [])
        elif not on and tag in article.tags:
            article.tags.remove(tag)
            self._record(article, author, at, "ArticleTagsCategory", [], [tag])

    def _number(self, project: Project) -> int:
        self._numbers[project.id] += 1
        return self._numbers[project.id]

    def _place(self, article: Article, parent: Article | None) -> None:
        if article.parent is not None:
            article.parent.children.remove(article)
        article.parent = parent
        if parent is not None:
            parent.children.append(article)
        top = [a for a in self.articles.values() if a.project is article.project and a.parent is None]
        siblings = parent.children if parent is not None else top
        article.ordinal = max((a.ordinal for a in siblings if a is not article), default=-1) + 1

    def _record(
        self,
        article: Article,
        author: User,
        at: int,
        category: str,
        added: object,
        removed: object,
        comment: ArticleComment | None = None,
    ) -> None:
        article.updated, article.updated_by = max(article.updated, at), author
        number = self.state.next_id(ARTICLE_ACTIVITY)
        self.activities.append(
            ArticleActivity(number, at, author, category, article, comment, added, removed)
        )
