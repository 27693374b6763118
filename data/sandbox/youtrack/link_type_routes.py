"""Types of links as an administrator makes, changes and removes them."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.links import unlink
from data.sandbox.youtrack.model import LINK_TYPE, LinkType
from data.sandbox.youtrack.settings import administrators_only, named
from data.sandbox.youtrack.table import Table


def link_type_table() -> Table:
    """Return the routes."""
    return [
        ("/issueLinkTypes", {"get": lambda c: c.page(list(c.state.link_types)), "post": _create}),
        ("/issueLinkTypes/{type}", {"get": _found, "post": _change, "delete": _remove}),
    ]


def _found(call: Call) -> LinkType:
    for known in call.state.link_types:
        if known.id == call.path("type"):
            return known
    raise entity_not_found(call.path("type"))


def _create(call: Call) -> LinkType:
    administrators_only(call)
    name, outward, inward = _texts(call, call.object_body(), None)
    made = LinkType(call.state.next_id(LINK_TYPE), name, outward, inward)
    call.state.link_types.append(made)
    return made


def _change(call: Call) -> LinkType:
    administrators_only(call)
    known = _found(call)
    name, outward, inward = _texts(call, call.object_body(), known)
    in_use = any(k.type is known for i in call.state.issues.values() for k in i.links)
    if bool(inward) != known.directed and in_use:
        raise bad_request("The direction of a link type in use cannot be changed")
    known.name, known.outward, known.inward = name, outward, inward
    return known


def _texts(call: Call, body: dict[str, Any], known: LinkType | None) -> tuple[str, str, str]:
    """Return name, outward and inward phrase of a body; what it lacks is as it was."""
    name = named(body) if known is None or "name" in body else known.name
    if any(t.name.casefold() == name.casefold() and t is not known for t in call.state.link_types):
        raise ApiError(400, "Bad Request", f"The link type {name} already exists", error_field="name")
    outward = body.get("sourceToTarget", known.outward if known else None)
    inward = body.get("targetToSource", known.inward if known else None) or ""
    directed = body.get("directed", known.directed if known else bool(inward))
    if not isinstance(outward, str) or not outward.strip():
        raise ApiError(400, "Field required", "Outward name is required", error_field="sourceToTarget")
    if not isinstance(inward, str) or (directed and not inward):
        raise ApiError(400, "Field required", "Inward name is required", error_field="targetToSource")
    return name, outward, inward if directed else ""


def _remove(call: Call) -> None:
    administrators_only(call)
    gone = _found(call)
    for issue in call.state.issues.values():
        for link in [k for k in issue.links if k.type is gone]:
            unlink(call.state, issue, call.caller, call.at, link)
    call.state.link_types.remove(gone)
