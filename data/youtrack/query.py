"""Words from outside on their way into a request: search queries and paths. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from data.youtrack.faults import NotFoundError


def query_value(text: str) -> str:
    """Return `text` as a value of the search language: what could end the value is dropped."""
    kept = re.sub(r'[{}":#\\]|[\x00-\x1f]', " ", text).strip()
    return kept if re.fullmatch(r"[A-Za-z0-9_-]+", kept) else "{" + kept + "}"


def ids_query(readable_ids: Sequence[str]) -> str:
    """Return the query for these readable ids; anything that is not one is refused."""
    for i in readable_ids:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-\d+", i):
            raise NotFoundError(f"{i!r} is not a ticket id.", remedy="Use ids such as PAY-17.")
    return f"issue id: {', '.join(readable_ids)}"


def path_part(entity_id: str) -> str:
    """Return an id as one part of a path. Raises `NotFoundError` for one that cannot be an id."""
    if entity_id in ("", ".", ".."):
        raise NotFoundError("The id is empty.", remedy="Give the id of a ticket or project.")
    return quote(entity_id, safe="")
