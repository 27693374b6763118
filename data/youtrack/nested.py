"""Lists inside a ticket, which the tracker cuts without a word: read to their ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from data.youtrack.attached import ATTACHMENT_FIELDS, LINK_FIELDS
from data.youtrack.query import path_part
from data.youtrack.shape import need

COMMENT_FIELDS = "id,text,created,deleted,author(login),visibility($type)"
PAGE = 42
_LISTS = {"comments": COMMENT_FIELDS, "links": LINK_FIELDS, "attachments": ATTACHMENT_FIELDS}


def whole(raw: dict[str, Any], listing: Callable[[str, str], Iterator[Any]]) -> dict[str, Any]:
    """Return the issue with complete lists; `listing(path, fields)` reads all of a collection."""
    path = f"/issues/{path_part(need(raw, 'id', str))}"
    for name, fields in _LISTS.items():
        if len(need(raw, name, list, null=True) or ()) >= PAGE:
            raw = raw | {name: list(listing(f"{path}/{name}", fields))}
    for entry in raw["links"] or ():
        if len(need(entry, "issues", list, null=True) or ()) >= PAGE:
            part = f"{path}/links/{path_part(need(entry, 'id', str))}/issues"
            entry["issues"] = list(listing(part, "id,idReadable"))
    return raw
