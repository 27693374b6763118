"""Taking tickets into the store: record, field changes, outcome and ledger rows in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from data import ledger as ledger_rules
from data.clock import to_millis
from data.labels import DeskRules, outcome_of, rules_of
from data.mapping import TrackerMapping
from data.outcome import Outcome
from data.store import absence, ledger, outcomes, staging, tickets, verdicts
from data.taken_back import taken_back
from data.taxonomy import load_taxonomy
from data.ticket import Comment, FieldChange, TicketRecord
from data.youtrack.wire import Activity, id_order


@dataclass(frozen=True, slots=True)
class Desk:
    """What must be known about a desk beside its tickets: its names, and the labels it can teach."""

    rules: DeskRules
    issue_types: frozenset[str]


@dataclass(slots=True)
class Tally:
    """What a synchronisation did so far. `ids` are the tickets that differ now, in order.

    `missing` and `moved` are tickets that the tracker did not show, or shows in another project; they are
    noted with the next `keep`.
    """

    read: int = 0
    activities: int = 0
    ids: dict[str, None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)


def desk_of(mapping: TrackerMapping) -> Desk:
    """Return the desk with these names and the shipped taxonomy."""
    return Desk(rules_of(mapping), _issue_types())


@cache
def _issue_types() -> frozenset[str]:
    return frozenset(load_taxonomy().labels)


def keep(conn: Connection, records: Sequence[TicketRecord], now: datetime, desk: Desk, tally: Tally) -> None:
    """Store tickets with the changes staged for them, their outcomes and ledger rows."""
    ids = [r.ticket.id for r in records]
    staged = staging.of(conn, ids)
    stored = {r.ticket.id: r for r in tickets.find_all(conn, ids)}
    merged = [_merged(r, stored.get(r.ticket.id), staged.get(r.ticket.id, ())) for r in records]
    changed = set(tickets.upsert_ids(conn, merged, seen_at=now))
    differing = [r for r in merged if r.ticket.id in changed]
    tally.ids |= dict.fromkeys(r.ticket.id for r in differing)
    judge(conn, differing, now, desk)
    staging.drop(conn, ids)
    absence.seen(conn, ids, now)
    absence.missed(conn, tally.missing, now)
    absence.bury(conn, tally.moved, absence.MOVED, now)
    tally.missing.clear()
    tally.moved.clear()


def judge(conn: Connection, records: Sequence[TicketRecord], now: datetime, desk: Desk) -> None:
    """Write the outcomes and ledger rows of these tickets, from what is known of them."""
    closed = {r.ticket.id: outcome_of(r, desk.rules) for r in records}
    outcomes.replace(conn, list(closed), [o for o in closed.values() if o is not None])
    undone = holding_undone(conn, [r for r in records if closed[r.ticket.id] is not None], desk.rules)
    rows = [
        entry
        for r in records
        for entry in ledger_rules.entries_of(
            r, closed[r.ticket.id], desk.issue_types, taken_back=r.ticket.id in undone
        )
    ]
    ledger.record(conn, rows, now=now)
    _withdraw(conn, closed, now)


def holding_undone(conn: Connection, records: Sequence[TicketRecord], rules: DeskRules) -> set[str]:
    """Return the ids of those tickets that hold a label of ours which a person took back."""
    said = verdicts.of(conn, records, rules.names)
    labels = (rules.names.issue_type, rules.names.priority)
    mine = [r for r in records if r.ticket.id in said]
    return {r.ticket.id for r in mine if taken_back(r, said[r.ticket.id], labels, rules.service_accounts)}


def _withdraw(conn: Connection, closed: Mapping[str, Outcome | None], now: datetime) -> None:
    """Reject rows whose ticket is open again, or was closed differently the last time."""
    again = [i for i, o in closed.items() if o is None]
    machine = [i for i, o in closed.items() if o is not None and not o.by_human]
    causeless = [i for i, o in closed.items() if o is not None and not o.root_cause]
    ledger.withdraw(conn, again, ledger_rules.REOPENED, now=now)
    ledger.withdraw(conn, machine, ledger_rules.NOT_BY_HUMAN, now=now, kind=ledger_rules.RESOLUTION)
    ledger.withdraw(conn, causeless, ledger_rules.NO_ROOT_CAUSE, now=now, kind=ledger_rules.ROOT_CAUSE)


def by_ticket(items: Iterable[Activity]) -> dict[str, list[FieldChange]]:
    """Group the field changes among feed entries by ticket id."""
    found: dict[str, list[FieldChange]] = {}
    for a in items:
        if a.change is not None:
            found.setdefault(a.ticket_id, []).append(a.change)
    return found


def _merged(read: TicketRecord, stored: TicketRecord | None, staged: Iterable[FieldChange]) -> TicketRecord:
    """Join what was read with the history known so far; what is stored wins where it is newer."""
    base = stored if stored is not None and stored.updated > read.updated else read
    unique = {c.id: c for c in (*(stored.changes if stored else ()), *read.changes, *staged)}
    if stored is not None and stored.readable_id != base.readable_id:
        moved = _renamed(stored, base)
        unique[moved.id] = moved
    ordered = sorted(unique.values(), key=lambda c: (c.at, id_order(c.id), c.id))
    base = replace(base, comments=_kept(base.comments, stored.comments if stored else ()))
    return replace(base, changes=_scrubbed(ordered, {c.id for c in base.comments if not c.deleted}))


def _kept(now: Sequence[Comment], before: Sequence[Comment]) -> tuple[Comment, ...]:
    """Keep the place of comments that were deleted for good or hidden from us, not their text."""
    shown = {c.id for c in now}
    away = [replace(c, text="", deleted=True) for c in before if c.id not in shown]
    return tuple(sorted((*now, *away), key=lambda c: (c.created, id_order(c.id)))) if away else tuple(now)


def _renamed(stored: TicketRecord, now: TicketRecord) -> FieldChange:
    """Note the old readable id, which the tracker forgets when a ticket is moved."""
    name = f"local-{to_millis(now.updated)}-{now.readable_id}"
    facts = (stored.readable_id, now.readable_id, "readable_id", None)
    return FieldChange(name, "", now.updated, "readable_id", *facts)


def _scrubbed(changes: Iterable[FieldChange], readable: set[str]) -> tuple[FieldChange, ...]:
    """Take earlier texts of comments that are deleted, or hidden from us, out of the history."""
    return tuple(
        replace(c, removed=None, added=None) if c.kind == "comment_text" and c.subject not in readable else c
        for c in changes
    )
