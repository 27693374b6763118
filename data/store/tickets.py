"""Tickets with their comments and field changes. A stored record comes back exactly as it went in."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, or_, select, update

from data.stamps import Stamp
from data.store import Store
from data.store.columns import clean, from_micros, to_micros
from data.store.schema import changes, comments, outbox, tickets
from data.store.statements import one_writer, portions
from data.ticket import Attachment, Comment, FieldChange, Link, Ticket, TicketRecord

Values = dict[str, Any]


def upsert(conn: Connection, records: Sequence[TicketRecord], *, seen_at: datetime) -> int:
    """Store `records`; return how many were new or differ from what is stored. See `upsert_ids`."""
    return len(upsert_ids(conn, records, seen_at=seen_at))


def upsert_ids(conn: Connection, records: Sequence[TicketRecord], *, seen_at: datetime) -> list[str]:
    """Store `records`; return the ids of those that were new or differ from what is stored.

    A record older (`updated`) than the stored one is ignored: it was read before somebody else's. A
    ticket whose client changed moves to its new tenant with everything about it.
    """
    latest = {r.ticket.id: r for r in records}
    if not latest:
        return []
    one_writer(conn, tickets)
    known = _known(conn, list(latest))
    changed: list[str] = []
    fresh: dict[Table, list[Values]] = {tickets: [], comments: [], changes: []}
    for ticket_id, record in latest.items():
        row, its_comments, its_changes = _rows(record, seen_at)
        old = known.get(ticket_id)
        if old is None:
            fresh[tickets].append(row)
        elif old.content_hash == row["content_hash"] or record.updated < old.updated:
            continue
        else:
            _replace(conn, old, row)
        changed.append(ticket_id)
        fresh[comments] += its_comments
        fresh[changes] += its_changes
    for table, values in fresh.items():
        if values:
            conn.execute(insert(table), values)
    return changed


def get(conn: Connection, tenant: str, ticket_id: str) -> TicketRecord | None:
    """Return one ticket of one tenant, by database id."""
    mine = and_(tickets.c.tenant == tenant, tickets.c.ticket_id == ticket_id)
    row = conn.execute(select(tickets).where(mine)).first()
    return None if row is None else _records(conn, [row])[0]


def find_of(conn: Connection, tenant: str, ticket_id: str) -> TicketRecord | None:
    """Return one ticket of one tenant, by database id or readable id."""
    named = or_(tickets.c.ticket_id == ticket_id, tickets.c.readable_id == ticket_id)
    row = conn.execute(select(tickets).where(tickets.c.tenant == tenant, named)).first()
    return None if row is None else _records(conn, [row])[0]


def find(conn: Connection, ticket_id: str) -> TicketRecord | None:
    """Return a ticket whatever its tenant, by database id or readable id."""
    return next(iter(find_all(conn, [ticket_id])), None)


def find_all(conn: Connection, ticket_ids: Sequence[str]) -> list[TicketRecord]:
    """Return the tickets with these database or readable ids, oldest first; unknown ids are left out."""
    rows: list[Row[Any]] = []
    for some in portions(ticket_ids):
        wanted = or_(tickets.c.ticket_id.in_(some), tickets.c.readable_id.in_(some))
        rows += conn.execute(select(tickets).where(wanted)).all()
    rows.sort(key=lambda r: (r.created, r.ticket_id))
    return _records(conn, rows)


def present(conn: Connection, ticket_ids: Sequence[str]) -> set[str]:
    """Return those of these database ids that are stored and were not missed in the tracker since."""
    found: set[str] = set()
    for some in portions(ticket_ids):
        mine = and_(tickets.c.ticket_id.in_(some), tickets.c.missing_since.is_(None))
        found.update(conn.execute(select(tickets.c.ticket_id).where(mine)).scalars())
    return found


def stamps(conn: Connection, project: str, since: datetime | None) -> list[Stamp]:
    """Return the stamps of a project's tickets that are not gone, of those created from `since` on."""
    names = ("ticket_id", "readable_id", "created", "updated", "resolved")
    mine = and_(tickets.c.project == project, tickets.c.gone_at.is_(None))
    query = select(*(tickets.c[n] for n in names)).where(mine)
    if since is not None:
        query = query.where(tickets.c.created >= since)
    return [Stamp(*row) for row in conn.execute(query)]


def distrust(conn: Connection, ticket_ids: Sequence[str]) -> None:
    """Have these tickets written anew when they are read next, whatever their digest says."""
    for some in portions(ticket_ids):
        conn.execute(update(tickets).where(tickets.c.ticket_id.in_(some)).values(content_hash=""))


def iterate(
    conn: Connection, *, resolved_only: bool = False, before: datetime | None = None, batch: int = 500
) -> Iterator[TicketRecord]:
    """Yield tickets ordered by tenant and id, `batch` at a time.

    `before` keeps what was resolved (with `resolved_only`) or created strictly before that moment.
    """
    last: TicketRecord | None = None
    while True:
        page = _page(conn, last, resolved_only, before, batch)
        yield from page
        if len(page) < batch:
            return
        last = page[-1]


def stream(
    store: Store, *, resolved_only: bool = False, before: datetime | None = None, batch: int = 500
) -> Iterator[TicketRecord]:
    """Yield what `iterate` does with one short read per batch, so that slow work holds up no writer.

    Each ticket is consistent in itself; one that changes meanwhile shows up as it was when its batch was
    read.
    """
    last: TicketRecord | None = None
    while True:
        with store.read() as conn:
            page = _page(conn, last, resolved_only, before, batch)
        yield from page
        if len(page) < batch:
            return
        last = page[-1]


def _page(
    conn: Connection, last: TicketRecord | None, resolved_only: bool, before: datetime | None, batch: int
) -> list[TicketRecord]:
    key = (tickets.c.tenant, tickets.c.ticket_id)
    query = select(tickets).order_by(*key).limit(batch)
    if resolved_only:
        query = query.where(tickets.c.resolved.is_not(None))
    if before is not None:
        query = query.where((tickets.c.resolved if resolved_only else tickets.c.created) < before)
    if last is not None:
        after = and_(key[0] == last.tenant, key[1] > last.ticket.id)
        query = query.where(or_(key[0] > last.tenant, after))
    return _records(conn, conn.execute(query).all())


def counts(conn: Connection) -> dict[str, int]:
    """Return how many `tickets`, `resolved`, `open`, `comments` and `changes` are stored.

    `gone` and `gone_resolved` are those among them that the tracker no longer shows.
    """
    total, resolved = conn.execute(select(func.count(), func.count(tickets.c.resolved))).one()
    away = select(func.count(), func.count(tickets.c.resolved)).where(tickets.c.gone_at.is_not(None))
    gone, gone_resolved = conn.execute(away).one()
    return {
        "tickets": total,
        "resolved": resolved,
        "open": total - resolved - (gone - gone_resolved),
        "gone": gone,
        "gone_resolved": gone_resolved,
        "comments": conn.execute(select(func.count()).select_from(comments)).scalar_one(),
        "changes": conn.execute(select(func.count()).select_from(changes)).scalar_one(),
    }


def by_tenant(conn: Connection) -> dict[str, int]:
    """Return the number of tickets per tenant, by tenant name."""
    query = select(tickets.c.tenant, func.count()).group_by(tickets.c.tenant).order_by(tickets.c.tenant)
    return {row[0]: row[1] for row in conn.execute(query)}


def _known(conn: Connection, ticket_ids: list[str]) -> dict[str, Any]:
    wanted = (tickets.c.ticket_id, tickets.c.tenant, tickets.c.content_hash, tickets.c.updated)
    found: dict[str, Any] = {}
    for some in portions(ticket_ids):
        for row in conn.execute(select(*wanted).where(tickets.c.ticket_id.in_(some))):
            found[row.ticket_id] = row
    return found


def _replace(conn: Connection, old: Row[Any], row: Values) -> None:
    was = and_(tickets.c.tenant == old.tenant, tickets.c.ticket_id == old.ticket_id)
    conn.execute(update(tickets).where(was).values(row))
    if old.tenant != row["tenant"]:  # everything with a foreign key followed by itself
        mine = and_(outbox.c.tenant == old.tenant, outbox.c.ticket_id == old.ticket_id)
        conn.execute(update(outbox).where(mine).values(tenant=row["tenant"]))
    for table in (comments, changes):
        mine = and_(table.c.tenant == row["tenant"], table.c.ticket_id == old.ticket_id)
        conn.execute(delete(table).where(mine))


def _rows(record: TicketRecord, seen_at: datetime) -> tuple[Values, list[Values], list[Values]]:
    ticket = record.ticket
    key = {"tenant": record.tenant, "ticket_id": ticket.id}
    row: Values = {
        **key,
        "readable_id": record.readable_id,
        "project": record.project,
        "summary": ticket.summary,
        "description": ticket.description,
        "client": ticket.client,
        "country": ticket.country,
        "lang": ticket.lang,
        "ticket_created": ticket.created,
        **{name: getattr(record, name) for name in _PLAIN},
        "tags": [clean(t) for t in record.tags],
        "fields": [[clean(n), clean(v)] for n, v in record.fields],
        "links": [[clean(getattr(k, n)) for n in _LINK] for k in record.links],
        "attachments": [
            [
                a.id,
                clean(a.name),
                a.size,
                clean(a.mime_type),
                None if a.created is None else to_micros(a.created),
            ]
            for a in record.attachments
        ],
    }
    its_comments = [
        {**key, "comment_id": c.id, "position": i, **{n: getattr(c, n) for n in _COMMENT}}
        for i, c in enumerate(record.comments)
    ]
    its_changes = [
        {**key, "change_id": c.id, "position": i, **{n: getattr(c, n) for n in _CHANGE}}
        for i, c in enumerate(record.changes)
    ]
    facts = json.dumps([row, its_comments, its_changes], default=to_micros, ensure_ascii=True)
    row["content_hash"] = hashlib.sha256(facts.encode()).hexdigest()
    return {**row, "raw_hash": record.raw_hash, "seen_at": seen_at}, its_comments, its_changes


def _records(conn: Connection, rows: Sequence[Row[Any]]) -> list[TicketRecord]:
    said: dict[tuple[str, str], list[Comment]] = defaultdict(list)
    done: dict[tuple[str, str], list[FieldChange]] = defaultdict(list)
    for some in portions(rows):
        tenants, ids = {r.tenant for r in some}, [r.ticket_id for r in some]
        for table in (comments, changes):
            # Both columns: the key's index starts with the tenant.
            mine = and_(table.c.tenant.in_(tenants), table.c.ticket_id.in_(ids))
            query = select(table).where(mine).order_by(table.c.tenant, table.c.ticket_id, table.c.position)
            for r in conn.execute(query):
                key = (r.tenant, r.ticket_id)
                if table is comments:
                    said[key].append(Comment(r.comment_id, *(getattr(r, n) for n in _COMMENT)))
                else:
                    done[key].append(FieldChange(r.change_id, *(getattr(r, n) for n in _CHANGE)))
    return [_record(r, said[r.tenant, r.ticket_id], done[r.tenant, r.ticket_id]) for r in rows]


def _record(row: Row[Any], its_comments: list[Comment], its_changes: list[FieldChange]) -> TicketRecord:
    return TicketRecord(
        ticket=Ticket(
            id=row.ticket_id,
            summary=row.summary,
            description=row.description,
            client=row.client,
            country=row.country,
            lang=row.lang,
            created=row.ticket_created,
        ),
        project=row.project,
        readable_id=row.readable_id,
        **{name: getattr(row, name) for name in _PLAIN},
        tags=tuple(row.tags),
        fields=tuple((n, v) for n, v in row.fields),
        links=tuple(Link(*k) for k in row.links),
        attachments=tuple(
            Attachment(i, name, size, mime, None if at is None else from_micros(at))
            for i, name, size, mime, at in row.attachments
        ),
        comments=tuple(its_comments),
        changes=tuple(its_changes),
        raw_hash=row.raw_hash,
    )


_PLAIN = (
    "reporter",
    "created",
    "updated",
    "resolved",
    "state",
    "issue_type",
    "category",
    "priority",
    "team",
)
_COMMENT = ("author", "text", "created", "internal", "deleted")
_LINK = ("type", "direction", "relation", "target_id", "target")
_CHANGE = ("author", "at", "field", "removed", "added", "kind", "subject")
