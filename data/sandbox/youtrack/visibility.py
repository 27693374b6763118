"""`visibility` in a body: both spellings of its `$type`, groups and users by database id."""

from __future__ import annotations

import re
from typing import Any

from data.sandbox.youtrack.errors import bad_request, entity_not_found
from data.sandbox.youtrack.model import Visibility
from data.sandbox.youtrack.state import TrackerState

_ENTITY_ID = re.compile(r"\d+-\d+")


def entity_id(given: Any) -> str:
    """Return the database id of an object in a body; any other shape is refused."""
    found = given.get("id") if isinstance(given, dict) else None
    if not isinstance(found, str):
        raise bad_request("An object with an id is expected")
    if not _ENTITY_ID.fullmatch(found):
        raise bad_request(f"Invalid structure of entity id: {found}")
    return found


def entries(body: dict[str, Any], name: str) -> list[Any]:
    """Return the array of that name in a body, empty where there is none; another shape is refused."""
    given = body.get(name) or []
    if not isinstance(given, list):
        raise bad_request(f"{name} must be an array")
    return given


def parse_visibility(state: TrackerState, given: Any) -> Visibility | None:
    """Return the limits a body asks for; None where everybody may read."""
    if given is None:
        return None
    if not isinstance(given, dict) or "$type" not in given:
        raise bad_request("visibility needs a $type")
    kind = str(given["$type"]).rpartition(".")[2].removeprefix("Command")
    if kind == "UnlimitedVisibility":
        return None
    if kind != "LimitedVisibility":
        raise bad_request(f"Unknown visibility {kind}")
    groups, users = [], []
    for entry in entries(given, "permittedGroups"):
        group = state.groups.get(entity_id(entry))
        if group is None:
            raise entity_not_found(entity_id(entry))
        groups.append(group)
    by_id = {u.id: u for u in state.users.values()}
    for entry in entries(given, "permittedUsers"):
        login = entry.get("login") if isinstance(entry, dict) else None
        user = state.users.get(str(login)) or by_id.get(entity_id(entry))
        if user is None:
            raise entity_not_found(entity_id(entry))
        users.append(user)
    return Visibility(tuple(groups), tuple(users)) if groups or users else None
