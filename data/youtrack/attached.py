"""What hangs on a ticket: links to others, and files. Of files the metadata only. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.clock import from_millis
from data.store.columns import clean
from data.ticket import Attachment, Link
from data.youtrack.shape import id_order, need

# Never `url`: it is a signed link that opens the file for whoever has it.
ATTACHMENT_FIELDS = "id,name,size,mimeType,created"
LINK_FIELDS = "id,direction,linkType(id,name,sourceToTarget,targetToSource),issues(id,idReadable)"
_DIRECTIONS = {"OUTWARD": "outward", "INWARD": "inward", "BOTH": "both"}


def parse_attachments(raw: Iterable[Any]) -> tuple[Attachment, ...]:
    """Turn files into ours, oldest first, each id once."""
    found = {}
    for a in raw:
        created = need(a, "created", int, null=True)
        found[need(a, "id", str)] = Attachment(
            id=need(a, "id", str),
            name=clean(need(a, "name", str, null=True) or ""),
            size=need(a, "size", int, null=True),
            mime_type=clean(need(a, "mimeType", str, null=True) or ""),
            created=None if created is None else from_millis(created),
        )
    return tuple(sorted(found.values(), key=lambda a: id_order(a.id)))


def parse_links(raw: Iterable[Any]) -> tuple[Link, ...]:
    """Turn the lists of links, one per type and direction, into one link per other ticket, sorted."""
    found = set()
    for entry in raw:
        kind = need(entry, "linkType", dict)
        direction = _DIRECTIONS.get(str(need(entry, "direction", str)), "both")
        words = kind.get("targetToSource" if direction == "inward" else "sourceToTarget")
        for other in need(entry, "issues", list, null=True) or ():
            found.add(
                Link(
                    type=clean(need(kind, "name", str)),
                    direction=direction,
                    relation=clean(str(words or need(kind, "name", str))),
                    target_id=need(other, "id", str),
                    target=clean(str(other.get("idReadable") or "")),
                )
            )
    return tuple(sorted(found, key=lambda k: (k.relation, id_order(k.target_id))))


def told(value: Mapping[str, Any]) -> str:
    """Return a file of the feed in words: name, MIME type and size, which no later reading can tell."""
    facts = [str(value[k]) for k in ("mimeType",) if value.get(k)]
    facts += [f"{value['size']} bytes"] if isinstance(value.get("size"), int) else []
    name = clean(str(value.get("name") or value.get("id") or ""))
    return f"{name} ({'; '.join(facts)})" if facts else name
