"""Field changes read from the tracker's feed before their ticket was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from data.store.schema import staged_changes
from data.store.statements import insert_or_ignore, portions
from data.ticket import FieldChange


def add(conn: Connection, found: Mapping[str, Sequence[FieldChange]]) -> None:
    """Keep changes per ticket id; those kept already are left out."""
    rows: list[dict[str, object]] = [
        {
            "ticket_id": ticket_id,
            "change_id": c.id,
            "author": c.author,
            "at": c.at,
            "field": c.field,
            "removed": c.removed,
            "added": c.added,
            "kind": c.kind,
            "subject": c.subject,
        }
        for ticket_id, several in found.items()
        for c in several
    ]
    insert_or_ignore(conn, staged_changes, rows)


def of(conn: Connection, ticket_ids: Sequence[str]) -> dict[str, list[FieldChange]]:
    """Return the kept changes of these tickets."""
    found: dict[str, list[FieldChange]] = defaultdict(list)
    for some in portions(ticket_ids):
        for r in conn.execute(select(staged_changes).where(staged_changes.c.ticket_id.in_(some))):
            values = (r.author, r.at, r.field, r.removed, r.added, r.kind, r.subject)
            found[r.ticket_id].append(FieldChange(r.change_id, *values))
    return found


def waiting(conn: Connection, limit: int = 1000) -> list[str]:
    """Return the ids of tickets that have kept changes."""
    query = select(staged_changes.c.ticket_id).distinct().order_by(staged_changes.c.ticket_id)
    return list(conn.execute(query.limit(limit)).scalars())


def drop(conn: Connection, ticket_ids: Sequence[str]) -> None:
    """Forget the kept changes of these tickets."""
    for some in portions(ticket_ids):
        conn.execute(delete(staged_changes).where(staged_changes.c.ticket_id.in_(some)))
