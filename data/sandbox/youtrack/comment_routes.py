"""Comments and the reactions to them."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import writes
from data.sandbox.youtrack.access import in_team
from data.sandbox.youtrack.call import Call, listed_comments
from data.sandbox.youtrack.drafts import published_comment
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import REACTION, Issue, Reaction
from data.sandbox.youtrack.table import Table, Told


def comment_table() -> Table:
    """Return the routes."""
    return [
        (
            "/issues/{issue}/comments",
            {
                "get": lambda c: c.page(listed_comments(c)),
                "post": Told("commented", _add_comment),
            },
        ),
        (
            "/issues/{issue}/comments/{comment}",
            {
                "get": lambda c: c.comment(),
                "post": Told("commented", _update_comment),
                "delete": Told("commented", _remove_comment),
            },
        ),
        (
            "/issues/{issue}/comments/{comment}/reactions",
            {"get": lambda c: c.page(c.comment().reactions), "post": Told("commented", _react)},
        ),
        (
            "/issues/{issue}/comments/{comment}/reactions/{reaction}",
            {"get": _reaction, "delete": Told("commented", _unreact)},
        ),
    ]


def _add_comment(call: Call) -> tuple[Issue, Any]:
    issue = call.issue()
    return issue, writes.add_comment(call.state, issue, published_comment(call), call.caller, call.at)


def _update_comment(call: Call) -> tuple[Issue, Any]:
    comment = call.comment()
    writes.update_comment(call.state, comment, call.object_body(), call.caller, call.at)
    return comment.issue, comment


def _remove_comment(call: Call) -> tuple[Issue, Any]:
    comment = call.comment()
    if comment.author is not call.caller and not in_team(call.caller, comment.issue.project):
        raise forbidden("You do not have permission to delete this comment.")
    call.state.remove_comment(comment, call.caller, call.at)
    return comment.issue, None


def _reaction(call: Call) -> Reaction:
    for reaction in call.comment().reactions:
        if reaction.id == call.path("reaction"):
            return reaction
    raise entity_not_found(call.path("reaction"))


def _react(call: Call) -> tuple[Issue, Any]:
    comment, name = call.comment(), call.object_body().get("reaction")
    if not isinstance(name, str) or not name:
        raise bad_request("reaction is required")
    made = Reaction(call.state.next_id(REACTION), name, call.caller)
    _record(call, [made], [])
    comment.reactions.append(made)
    return comment.issue, made


def _unreact(call: Call) -> tuple[Issue, Any]:
    comment, reaction = call.comment(), _reaction(call)
    if reaction.author is not call.caller:
        raise forbidden("You do not have permission to remove this reaction.")
    _record(call, [], [reaction])
    comment.reactions.remove(reaction)
    return comment.issue, None


def _record(call: Call, added: list[Reaction], removed: list[Reaction]) -> None:
    comment = call.comment()
    call.state.touch(comment.issue)
    call.state.record(
        comment.issue,
        call.caller,
        call.at,
        "CommentReactionCategory",
        comment=comment,
        added=added,
        removed=removed,
    )
