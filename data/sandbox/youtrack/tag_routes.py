"""Tags: on issues, by themselves, and of a user."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack import unverified, writes
from data.sandbox.youtrack.call import Call, found
from data.sandbox.youtrack.errors import bad_request, entity_not_found, forbidden
from data.sandbox.youtrack.model import Issue, Tag
from data.sandbox.youtrack.table import Table, Told


def tag_table() -> Table:
    """Return the routes."""
    table: Table = [
        (
            "/issues/{issue}/tags",
            {"get": lambda c: c.page(c.issue().tags), "post": Told("updated", _add_tag)},
        ),
        ("/issues/{issue}/tags/{tag}", {"get": _issue_tag, "delete": Told("updated", _remove_tag)}),
        ("/users/{user}/tags", {"get": _of_user}),
    ]
    for path in ("/tags", "/issueTags") if unverified.OLD_TAG_PATHS else ("/tags",):
        table.append((path, {"get": _tags, "post": _create_tag}))
        table.append((path + "/{tag}", {"get": _tag, "post": _rename_tag, "delete": _delete_tag}))
        table.append((path + "/{tag}/issues", {"get": _tagged}))
    return table


def _of_user(call: Call) -> list[Any]:
    user = call.caller if call.path("user") == "me" else call.state.find_user(call.path("user"))
    if user is None:
        raise entity_not_found(call.path("user"))
    return call.page([t for t in call.state.tags.values() if t.owner is user and _sees(call, t)])


def _add_tag(call: Call) -> tuple[Issue, Any]:
    issue, tag = call.issue(), writes.find_tag(call.state, call.object_body())
    call.state.add_tag(issue, call.caller, call.at, tag)
    return issue, tag


def _remove_tag(call: Call) -> tuple[Issue, Any]:
    issue, tag = call.issue(), writes.find_tag(call.state, {"id": call.path("tag")})
    call.state.remove_tag(issue, call.caller, call.at, tag)
    return issue, None


def _issue_tag(call: Call) -> Tag:
    tag = _tag(call)
    if tag not in call.issue().tags:
        raise entity_not_found(tag.id)
    return tag


def _sees(call: Call, tag: Tag) -> bool:
    return tag.shared is None or tag.owner is call.caller or tag.shared.has(call.caller)


def _tags(call: Call) -> list[Any]:
    query = call.request.query_params.get("query", "").lower()
    every = [t for t in call.state.tags.values() if _sees(call, t)]
    return call.page([t for t in every if t.name.lower().startswith(query)])


def _tag(call: Call) -> Tag:
    tag: Tag = writes.find_tag(call.state, {"id": call.path("tag")})
    if not _sees(call, tag):
        raise entity_not_found(tag.id)
    return tag


def _create_tag(call: Call) -> Tag:
    name = call.object_body().get("name")
    if not isinstance(name, str) or not name.strip():
        raise bad_request("Tag name is required")
    if name in call.state.tags:
        raise bad_request(f"Tag with the name {name} already exists")
    tag = call.state.tag(name)
    tag.owner = call.caller
    return tag


def _own_tag(call: Call) -> Tag:
    tag = _tag(call)
    if tag.owner is not None and tag.owner is not call.caller:
        raise forbidden("You do not have permission to change this tag.")
    return tag


def _rename_tag(call: Call) -> Tag:
    tag, name = _own_tag(call), call.object_body().get("name")
    if isinstance(name, str) and name.strip():
        call.state.tags.pop(tag.name)
        tag.name = name
        call.state.tags[name] = tag
    return tag


def _delete_tag(call: Call) -> None:
    tag = _own_tag(call)
    for issue in [i for i in call.state.issues.values() if tag in i.tags]:
        call.state.remove_tag(issue, call.caller, call.at, tag)
    call.state.tags.pop(tag.name)


def _tagged(call: Call) -> list[Any]:
    tag = _tag(call)
    return call.page([i for i in found(call, "") if tag in i.tags])
