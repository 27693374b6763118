"""`/api/articles` and `/api/admin/projects/{id}/articles`."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.access import in_team, is_staff, reads_project
from data.sandbox.youtrack.articles.drafts import ARTICLES
from data.sandbox.youtrack.articles.knowledge import Knowledge
from data.sandbox.youtrack.articles.model import (
    Article,
    ArticleActivity,
    ArticleFile,
    readable_files,
)
from data.sandbox.youtrack.articles.search import found
from data.sandbox.youtrack.articles.talk import Talk
from data.sandbox.youtrack.call import Call, number
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Project
from data.sandbox.youtrack.multipart import parse_parts
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.visibility import entity_id, parse_visibility
from data.sandbox.youtrack.writes import find_tag, named_project, only

_ARTICLE_ATTRIBUTES = {
    *("id", "$type", "idReadable", "project", "summary", "content", "parentArticle", "visibility"),
    *("usesMarkdown", "ordinal", "hasStar", "tags"),
}


def article_table(knowledge: Knowledge) -> Table:
    """Return path -> method -> what it does."""
    desk = _Desk(knowledge)
    talk = Talk(knowledge, desk.article)
    one = "/articles/{article}"
    return [
        ("/articles", {"get": desk.listed, "post": desk.create}),
        (one, {"get": desk.article, "post": desk.update, "delete": desk.remove}),
        (f"{one}/parentArticle", {"get": desk.parent}),
        (f"{one}/childArticles", {"get": desk.children, "post": desk.adopt}),
        (
            f"{one}/childArticles/{{child}}",
            {"get": desk.child, "post": desk.update_child, "delete": desk.disown},
        ),
        *talk.table(one),
        (f"{one}/attachments", {"get": desk.files, "post": desk.attach}),
        (f"{one}/attachments/{{file}}", {"get": desk.file, "post": desk.rename_file, "delete": desk.detach}),
        (f"{one}/tags", {"get": lambda c: c.page(desk.article(c).tags), "post": desk.add_tag}),
        (f"{one}/tags/{{tag}}", {"get": desk.tag, "delete": desk.remove_tag}),
        (f"{one}/activities", {"get": lambda c: c.page(desk.feed(c))}),
        (f"{one}/activitiesPage", {"get": desk.feed_page}),
        ("/admin/projects/{project}/articles", {"get": desk.of_project}),
    ]


class _Desk:
    """The handlers. A body is checked as a whole before anything of it is applied."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._base = knowledge

    # -- articles

    def listed(self, call: Call) -> list[Article]:
        projects = [p for p in call.state.projects.values() if reads_project(call.state, call.caller, p)]
        every = [a for a in self._base.articles.values() if a.project in projects and a.permits(call.caller)]
        return call.page(found(every, call.request.query_params.get("query", ""), projects))

    def of_project(self, call: Call) -> list[Article]:
        project = call.project()
        every = self._base.articles.values()
        return call.page([a for a in every if a.project is project and a.permits(call.caller)])

    def article(self, call: Call, article_id: str | None = None) -> Article:
        wanted = article_id or call.path("article")
        article = self._base.find(wanted)
        known = article is not None and reads_project(call.state, call.caller, article.project)
        if article is None or not known or not article.permits(call.caller):
            raise entity_not_found(wanted)
        return article

    def create(self, call: Call, parent: Article | None = None) -> Article:
        body = only(ARTICLES.published(call), _ARTICLE_ATTRIBUTES, Article)
        if parent is None and body.get("parentArticle") is not None:
            parent = self.article(call, entity_id(body["parentArticle"]))
        if "project" in body or parent is None:
            project = named_project(call.state, body.get("project"), call.caller)
        else:
            project = parent.project
        if not (in_team(call.caller, project) if project.helpdesk else is_staff(call.caller)):
            raise forbidden("You do not have permission to create articles in this project.")
        _check_parent(None, parent, project)
        visibility = parse_visibility(call.state, body.get("visibility"))
        summary, content = _summary(body), _content(body)
        tags = [find_tag(call.state, tag) for tag in body.get("tags") or []]
        made = self._base.create(
            project, call.caller, call.at, summary, content, parent=parent, visibility=visibility
        )
        for tag in tags:
            self._base.tag(made, call.caller, call.at, tag, on=True)
        return made

    def update(self, call: Call, article: Article | None = None) -> Article:
        article, body = (
            article or self._writable(call),
            only(call.object_body(), _ARTICLE_ATTRIBUTES, Article),
        )
        target = (
            named_project(call.state, body["project"], call.caller) if "project" in body else article.project
        )
        parent = article.parent if target is article.project else None
        if "parentArticle" in body:
            given = body["parentArticle"]
            parent = None if given is None else self.article(call, entity_id(given))
        _check_parent(article, parent, target)
        texts = {"summary": _summary(body)} if "summary" in body else {}
        visibility = parse_visibility(call.state, body.get("visibility"))
        self._base.move(article, call.caller, call.at, target)
        self._base.set_parent(article, call.caller, call.at, parent)
        for attribute, text in texts.items():
            self._base.set_text(article, call.caller, call.at, attribute, text)
        if "content" in body:
            self._base.set_text(article, call.caller, call.at, "content", _content(body))
        if "visibility" in body:
            self._base.limit(article, call.caller, call.at, visibility)
        if "ordinal" in body:
            article.ordinal = int(body["ordinal"])
        if "hasStar" in body:
            (article.stars.add if body["hasStar"] else article.stars.discard)(call.caller.login)
        return article

    def remove(self, call: Call) -> None:
        self._base.remove(self._writable(call))

    def parent(self, call: Call) -> Article:
        parent = self.article(call).parent
        if parent is None or not parent.permits(call.caller):
            raise entity_not_found("null")
        return parent

    def children(self, call: Call) -> list[Article]:
        return call.page([a for a in self.article(call).children if a.permits(call.caller)])

    def child(self, call: Call) -> Article:
        child = self.article(call, call.path("child"))
        if child.parent is not self.article(call):
            raise entity_not_found(call.path("child"))
        return child

    def update_child(self, call: Call) -> Article:
        child = self.child(call)
        _check_writer(call, child)
        return self.update(call, child)

    def disown(self, call: Call) -> None:
        """Hang a child at the top; it is not deleted."""
        self._writable(call)
        self._base.set_parent(self.child(call), call.caller, call.at, None)

    def adopt(self, call: Call) -> Article:
        """Create a child, or hang an article that exists (`{"id": ...}`) below this one."""
        parent, body = self._writable(call), call.object_body()
        if "id" not in body:
            return self.create(call, parent)
        child = self.article(call, entity_id(body))
        _check_parent(child, parent, child.project)
        self._base.set_parent(child, call.caller, call.at, parent)
        return child

    def _writable(self, call: Call) -> Article:
        article = self.article(call)
        _check_writer(call, article)
        return article

    # -- files, tags, feed

    def files(self, call: Call) -> list[ArticleFile]:
        return call.page(readable_files(self.article(call), call.caller))

    def file(self, call: Call) -> ArticleFile:
        for file in readable_files(self.article(call), call.caller):
            if file.id == call.path("file"):
                return file
        raise entity_not_found(call.path("file"))

    def attach(self, call: Call) -> list[ArticleFile]:
        """Take the files of a multipart body; what is kept of them is their metadata."""
        article, content_type = self._writable(call), call.request.headers.get("content-type", "")
        parts = [p for p in parse_parts(content_type, call.raw) if p.file_name]
        if not parts:
            raise bad_request("No file in the request")
        files = [(p.file_name, p.mime_type, len(p.content)) for p in parts]
        return self._base.attach(article, call.caller, call.at, files)

    def detach(self, call: Call) -> None:
        self._writable(call)
        self._base.detach(self.file(call), call.caller, call.at)

    def rename_file(self, call: Call) -> ArticleFile:
        self._writable(call)
        file, body = self.file(call), call.object_body()
        visibility = parse_visibility(call.state, body.get("visibility"))
        if not isinstance(body.get("name", ""), str):
            raise bad_request("name must be a text")
        file.name = body.get("name") or file.name
        file.visibility = visibility if "visibility" in body else file.visibility
        file.updated = call.at
        return file

    def tag(self, call: Call) -> Any:
        tag = find_tag(call.state, {"id": call.path("tag")})
        if tag not in self.article(call).tags:
            raise entity_not_found(call.path("tag"))
        return tag

    def add_tag(self, call: Call) -> Any:
        article, tag = self._writable(call), find_tag(call.state, call.object_body())
        self._base.tag(article, call.caller, call.at, tag, on=True)
        return tag

    def remove_tag(self, call: Call) -> None:
        article, tag = self._writable(call), find_tag(call.state, {"id": call.path("tag")})
        self._base.tag(article, call.caller, call.at, tag, on=False)

    def feed(self, call: Call) -> list[ArticleActivity]:
        article, params = self.article(call), call.request.query_params
        if not params.get("categories"):
            raise ApiError(400, "Bad Request", "No requested categories specified as a filter parameter")
        wanted = set(params["categories"].split(","))
        rows = [
            a
            for a in self._base.activities
            if a.article is article
            and a.category in wanted
            and (a.comment is None or a.comment.permits(call.caller))
        ]
        return rows[::-1] if params.get("reverse") == "true" else rows

    def feed_page(self, call: Call) -> dict[str, Any]:
        """One page of the article's feed with the cursor behind it."""
        rows, params = self.feed(call), call.request.query_params
        ids, cursor = [a.id for a in rows], params.get("cursor")
        if cursor and cursor not in ids:
            raise bad_request(f"Unknown cursor {cursor}")
        first = ids.index(cursor) + 1 if cursor else 0
        page = rows[first : first + max(1, number(params.get("$top"), default=42))]
        return {
            "id": page[-1].id if page else cursor,
            "reverse": params.get("reverse") == "true",
            "activities": page,
            "beforeCursor": page[0].id if page else cursor,
            "afterCursor": page[-1].id if page else cursor,
            "hasBefore": first > 0,
            "hasAfter": first + len(page) < len(rows),
            "$type": "ActivityCursorPage",
        }


def _check_writer(call: Call, article: Article) -> None:
    if not article.may_change(call.caller):
        raise forbidden("You do not have permission to update this article.")


def _summary(body: dict[str, Any]) -> str:
    summary = body.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        raise ApiError(400, "Field required", "Summary is required", error_field="summary")
    return summary


def _content(body: dict[str, Any]) -> str | None:
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        raise bad_request("content must be a text")
    return content or None


def _check_parent(article: Article | None, parent: Article | None, project: Project) -> None:
    if parent is None:
        return
    if parent.project is not project:
        raise bad_request("The parent article must be in the same project")
    above: Article | None = parent
    while above is not None:
        if above is article:
            raise bad_request("An article cannot be below itself")
        above = above.parent
