"""Ledger rows: exactly one per human-resolved ticket and per L3 root-cause closure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, not_, or_, select, update

from data.ledger import CANDIDATE, REJECTED, RESOLUTION, ROOT_CAUSE, TRAINED_IN, LedgerEntry
from data.store.schema import ledger, outcomes, tickets
from data.store.statements import one_writer, portions


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """The ledger's state against what the store holds.

    `counts[kind][state]` are rows; `reasons[reason]` the rejected ones. `expected[kind]` is how many
    rows there must be, `missing[kind]` the readable ids (at most `LISTED`) of tickets that lack one and
    `missing_total[kind]` how many lack one; `withdrawn` counts rows whose ticket is open again.
    """

    counts: dict[str, dict[str, int]]
    reasons: dict[str, int]
    expected: dict[str, int]
    missing: dict[str, list[str]]
    missing_total: dict[str, int]
    withdrawn: int

    @property
    def complete(self) -> bool:
        """True where no row is missing: 100 %."""
        return not any(self.missing_total.values())


LISTED = 20


def record(conn: Connection, entries: Sequence[LedgerEntry], *, now: datetime) -> None:
    """Insert or correct rows. What was trained on stays `trained_in`: that is a fact."""
    if not entries:
        return
    one_writer(conn, ledger)
    known = _known(conn, [e.ticket_id for e in entries])
    fresh: list[dict[str, object]] = []
    for entry in {(e.ticket_id, e.kind): e for e in entries}.values():
        facts = {"state": entry.state, "reason": entry.reason, "resolved_at": entry.resolved_at}
        old = known.get((entry.ticket_id, entry.kind))
        if old is None:
            key = {"tenant": entry.tenant, "ticket_id": entry.ticket_id, "kind": entry.kind}
            stamps = {"recorded_at": now, "changed_at": now, "dataset": None, "model": None}
            fresh.append({**key, **facts, **stamps})
        elif old.state != TRAINED_IN and any(getattr(old, n) != v for n, v in facts.items()):
            conn.execute(update(ledger).where(_key(old)).values(**facts, changed_at=now))
    if fresh:
        conn.execute(insert(ledger), fresh)


def withdraw(
    conn: Connection, ticket_ids: Sequence[str], reason: str, *, now: datetime, kind: str | None = None
) -> None:
    """Reject rows (of one `kind`, or all) of tickets that no longer are what the row says.

    What was trained on stays `trained_in`.
    """
    for some in portions(ticket_ids):
        stale = and_(ledger.c.state != TRAINED_IN, ledger.c.reason.is_distinct_from(reason))
        mine = and_(ledger.c.ticket_id.in_(some), stale)
        if kind is not None:
            mine = and_(mine, ledger.c.kind == kind)
        values = {"state": REJECTED, "reason": reason, "changed_at": now}
        conn.execute(update(ledger).where(mine).values(values))


def mark_trained(
    conn: Connection, ticket_ids: Sequence[str], dataset: str, model: str, *, at: datetime | None = None
) -> int:
    """Note that these tickets' resolutions were trained on; return how many rows that are.

    Rejected rows stay rejected. A row trained on before names the newest dataset and model.
    """
    marked = 0
    values: dict[str, object] = {"state": TRAINED_IN, "dataset": dataset, "model": model}
    if at is not None:
        values["changed_at"] = at
    for some in portions(ticket_ids):
        mine = and_(ledger.c.ticket_id.in_(some), ledger.c.kind == RESOLUTION, ledger.c.state != REJECTED)
        marked += conn.execute(update(ledger).where(mine).values(values)).rowcount
    return marked


def iterate(conn: Connection, *, kind: str | None = None, state: str | None = None) -> Iterator[LedgerEntry]:
    """Yield rows ordered by tenant, ticket id and kind."""
    query = select(ledger).order_by(ledger.c.tenant, ledger.c.ticket_id, ledger.c.kind)
    if kind is not None:
        query = query.where(ledger.c.kind == kind)
    if state is not None:
        query = query.where(ledger.c.state == state)
    for row in conn.execute(query):
        yield LedgerEntry(
            tenant=row.tenant,
            ticket_id=row.ticket_id,
            kind=row.kind,
            state=row.state,
            reason=row.reason,
            resolved_at=row.resolved_at,
            dataset=row.dataset,
            model=row.model,
        )


def ids(conn: Connection, kind: str) -> set[str]:
    """Return the database ids of the tickets that have a row of this kind."""
    return set(conn.execute(select(ledger.c.ticket_id).where(ledger.c.kind == kind)).scalars())


def of_ticket(conn: Connection, ticket_id: str) -> list[dict[str, Any]]:
    """Return the rows of one ticket, by database id, with all their facts."""
    query = select(ledger).where(ledger.c.ticket_id == ticket_id).order_by(ledger.c.kind)
    return [dict(row) for row in conn.execute(query).mappings()]


def status(conn: Connection, *, listed: int | None = LISTED) -> LedgerStatus:
    """Count the rows and reconcile them with the resolved tickets in the store.

    At most `listed` missing tickets are named per kind, or all of them with `None`.
    """
    by_state: dict[str, dict[str, int]] = {
        kind: dict.fromkeys((CANDIDATE, REJECTED, TRAINED_IN), 0) for kind in (RESOLUTION, ROOT_CAUSE)
    }
    reasons: dict[str, int] = {}
    grouped = (ledger.c.kind, ledger.c.state, ledger.c.reason)
    for kind, state, reason, n in conn.execute(
        select(*grouped, func.count()).group_by(*grouped).order_by(*grouped)
    ):
        by_state[kind][state] += n
        if state == REJECTED:
            reasons[reason] = reasons.get(reason, 0) + n
    wanted = {RESOLUTION: outcomes.c.by_human, ROOT_CAUSE: outcomes.c.root_cause}
    expected, missing, totals = {}, {}, {}
    for kind, condition in wanted.items():
        expected[kind], missing[kind], totals[kind] = _reconciled(conn, kind, condition, listed)
    open_again = select(func.count()).select_from(ledger.join(tickets)).where(tickets.c.resolved.is_(None))
    return LedgerStatus(by_state, reasons, expected, missing, totals, conn.execute(open_again).scalar_one())


def _reconciled(conn: Connection, kind: str, condition: Any, limit: int | None) -> tuple[int, list[str], int]:
    # A resolved ticket without an outcome was never judged: that is a shortfall of `resolution`, too.
    same = and_(ledger.c.tenant == tickets.c.tenant, ledger.c.ticket_id == tickets.c.ticket_id)
    has_row = select(ledger.c.kind).where(same, ledger.c.kind == kind).exists()
    due = condition.is_(True)
    if kind == RESOLUTION:
        due = or_(due, outcomes.c.ticket_id.is_(None))
    source = tickets.outerjoin(outcomes)
    resolved = tickets.c.resolved.is_not(None)
    query = select(func.count()).select_from(source).where(resolved, due)
    expected = conn.execute(query).scalar_one()
    total = conn.execute(query.where(not_(has_row))).scalar_one()
    ids = select(tickets.c.readable_id).select_from(source).where(resolved, due, not_(has_row))
    listed = (
        conn.execute(ids.order_by(tickets.c.created, tickets.c.ticket_id).limit(limit)).scalars().all()
        if total
        else []
    )
    return expected, list(listed), total


def _known(conn: Connection, ticket_ids: Sequence[str]) -> dict[tuple[str, str], Row[Any]]:
    found: dict[tuple[str, str], Row[Any]] = {}
    for some in portions(ticket_ids):
        for row in conn.execute(select(ledger).where(ledger.c.ticket_id.in_(some))):
            found[row.ticket_id, row.kind] = row
    return found


def _key(row: Row[Any]) -> Any:
    return and_(ledger.c.tenant == row.tenant, ledger.c.ticket_id == row.ticket_id, ledger.c.kind == row.kind)
