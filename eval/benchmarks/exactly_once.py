"""Was every intended effect found in the tracker exactly once? Told by what the tracker shows alone.

An effect is one comment and the changes of fields that the decision wanted. It is lost where one of
these is missing, and doubled where one of them is there twice: comments are counted by the marker of the
operation and by their words, deleted ones too, field changes by the tracker's own record of changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MARK = "firstline:op="
_MARKED = re.compile(r"firstline:op=([A-Za-z0-9]+)")
Changes = Mapping[str, Mapping[str, list[str | None]]]
"""By ticket id and by name of the field: what it was changed to, in order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One intended effect: the operation's id (`None`: any), the fields in the end, those that change."""

    op_id: str | None
    fields: Mapping[str, str]
    changed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Account:
    """Ids of tickets by what is wrong with the effect on them; and how much was right."""

    comments: int = 0
    changes: int = 0
    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)


def account(
    wanted: Mapping[str, Wanted], tickets: Iterable[Mapping[str, Any]], changes: Changes | None = None
) -> Account:
    """Compare; `tickets` as the tracker shows them. Without `changes` only what fields hold is compared."""
    found, left = Account(), set(wanted)
    for ticket in tickets:
        ours = [c for c in ticket["comments"] if MARK in (c["text"] or "")]
        if ticket["id"] not in left:
            found.doubled |= {ticket["id"]} if len(ours) > 1 else set()
            continue
        left.discard(ticket["id"])
        _comments(found, ticket["id"], wanted[ticket["id"]], ticket["comments"])
        _fields(found, ticket, wanted[ticket["id"]])
        if changes is not None:
            _changes(found, ticket["id"], wanted[ticket["id"]], changes.get(ticket["id"], {}))
    found.lost |= left
    return found


def _comments(found: Account, ticket: str, wanted: Wanted, comments: Iterable[Mapping[str, Any]]) -> None:
    texts = [(str(c["text"] or ""), bool(c.get("deleted"))) for c in comments]
    marked = [(m[1], gone) for text, gone in texts if (m := _MARKED.search(text))]
    standing = [op for op, gone in marked if not gone and wanted.op_id in (None, op)]
    words = Counter(_MARKED.sub("", text) for text, _ in texts if text)
    found.comments += bool(standing)
    if not standing:
        found.lost.add(ticket)
    if len(marked) > 1 or any(n > 1 for n in words.values()):
        found.doubled.add(ticket)
    if any(wanted.op_id not in (None, op) for op, _ in marked):
        found.wrong.add(ticket)


def _fields(found: Account, ticket: Mapping[str, Any], wanted: Wanted) -> None:
    shown = {f["name"]: (f["value"] or {}).get("name") for f in ticket["customFields"] if _single(f)}
    if any(shown.get(n) != v for n, v in wanted.fields.items()):
        found.wrong.add(ticket["id"])


def _changes(found: Account, ticket: str, wanted: Wanted, changes: Mapping[str, list[str | None]]) -> None:
    if changes.keys() - wanted.changed:
        found.wrong.add(ticket)
    for name in wanted.changed:
        seen = changes.get(name, [])
        found.changes += seen == [wanted.fields[name]]
        if not seen:
            found.lost.add(ticket)
        if len(seen) > 1:
            found.doubled.add(ticket)


def _single(shown: Mapping[str, Any]) -> bool:
    return shown["value"] is None or isinstance(shown["value"], dict)
