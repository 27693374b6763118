"""Comments on articles, and the reactions to them."""

from __future__ import annotations

from collections.abc import Callable

from data.sandbox.youtrack.articles.knowledge import Knowledge
from data.sandbox.youtrack.articles.model import Article, ArticleComment, readable_comments
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import REACTION, Reaction
from data.sandbox.youtrack.table import Table
from data.sandbox.youtrack.visibility import parse_visibility
from data.sandbox.youtrack.writes import only

_COMMENT_ATTRIBUTES = {"id", "$type", "text", "visibility", "deleted", "usesMarkdown", "pinned"}


class Talk:
    """The handlers; `article(call)` is the article in the path."""

    def __init__(self, knowledge: Knowledge, article: Callable[[Call], Article]) -> None:
        self._base, self._article = knowledge, article

    def table(self, one: str) -> Table:
        """Return the routes below an article's path."""
        comment = f"{one}/comments/{{comment}}"
        return [
            (f"{one}/comments", {"get": self.comments, "post": self.add_comment}),
            (comment, {"get": self.comment, "post": self.update_comment, "delete": self.remove_comment}),
            (
                comment + "/reactions",
                {"get": lambda c: c.page(self.comment(c).reactions), "post": self.react},
            ),
            (comment + "/reactions/{reaction}", {"get": self.reaction, "delete": self.unreact}),
        ]

    def comments(self, call: Call) -> list[ArticleComment]:
        return call.page(readable_comments(self._article(call), call.caller))

    def comment(self, call: Call) -> ArticleComment:
        for comment in readable_comments(self._article(call), call.caller):
            if comment.id == call.path("comment"):
                return comment
        raise entity_not_found(call.path("comment"))

    def add_comment(self, call: Call) -> ArticleComment:
        article, body = self._article(call), only(call.object_body(), _COMMENT_ATTRIBUTES, ArticleComment)
        if not isinstance(body.get("text"), str) or not body["text"]:
            raise bad_request("Comment text is required")
        visibility = parse_visibility(call.state, body.get("visibility"))
        return self._base.comment(article, call.caller, call.at, body["text"], visibility)

    def update_comment(self, call: Call) -> ArticleComment:
        comment, body = self._own_comment(call), only(call.object_body(), _COMMENT_ATTRIBUTES, ArticleComment)
        visibility = parse_visibility(call.state, body.get("visibility"))
        if "visibility" in body:
            comment.visibility = visibility
        if "text" in body and body["text"] != comment.text:
            self._base.edit_comment(comment, call.caller, call.at, str(body["text"]))
        if "deleted" in body:
            self._base.hide_comment(comment, call.caller, call.at, bool(body["deleted"]))
        comment.pinned = bool(body.get("pinned", comment.pinned))
        return comment

    def remove_comment(self, call: Call) -> None:
        self._base.remove_comment(self._own_comment(call), call.caller, call.at)

    def _own_comment(self, call: Call) -> ArticleComment:
        comment = self.comment(call)
        if comment.author is not call.caller and not comment.article.may_change(call.caller):
            raise forbidden("You do not have permission to update this comment.")
        return comment

    # -- reactions

    def reaction(self, call: Call) -> Reaction:
        for reaction in self.comment(call).reactions:
            if reaction.id == call.path("reaction"):
                return reaction
        raise entity_not_found(call.path("reaction"))

    def react(self, call: Call) -> Reaction:
        comment, name = self.comment(call), call.object_body().get("reaction")
        if not isinstance(name, str) or not name:
            raise bad_request("reaction is required")
        made = Reaction(call.state.next_id(REACTION), name, call.caller)
        comment.reactions.append(made)
        return made

    def unreact(self, call: Call) -> None:
        reaction = self.reaction(call)
        if reaction.author is not call.caller:
            raise forbidden("You do not have permission to remove this reaction.")
        self.comment(call).reactions.remove(reaction)
