"""The sweep: what the tracker lists against what the store holds, repaired by reading anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice

from data import ledger as ledger_rules
from data import removals
from data.backfill import STATE_KEY, read_each
from data.clock import Clock
from data.intake import Desk, Tally, by_ticket, desk_of, judge, keep
from data.labels import ROOT_CAUSE_TAG
from data.stamps import Difference, Stamp, compare
from data.store import (
    Store,
    absence,
    alerts,
    audit,
    ledger,
    reconciliations,
    staging,
    sync_state,
    tickets,
)
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError
from data.youtrack.query import query_value
from data.youtrack.wire import Activity

EVERY = timedelta(days=1)
_BATCH = 50
_NAMED = 50
UNREPAIRED, SHORTFALL = "tickets_not_repaired", "ledger_shortfall"


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep found and did. The lists are readable ids where known, `_NAMED` at most.

    `repaired` counts tickets read anew; `missed` those that the tracker did not show (a second look
    decides); `held` those of which too many are missing at once to be believed (`data.removals`);
    `removed` those that a person confirmed to be gone; `unrepaired` are those that still differ.
    """

    project: str
    tracker_tickets: int
    stored_tickets: int
    days: int
    days_differing: list[str]
    repaired: int
    missed: int
    unrepaired: list[str]
    held: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """The ledger against the tracker's own counts. `missing` are readable ids, `_NAMED` at most."""

    project: str
    tracker_resolved: int | None
    stored_resolved: int
    resolution_rows: int
    tracker_root_causes: int
    root_cause_rows: int
    missing: list[str]
    missing_total: int


def daily(
    client: YouTrackClient, store: Store, clock: Clock, project: str
) -> tuple[SweepReport, LedgerReport] | None:
    """Sweep where the last one is a day old, or there was none; `None` while it is not yet time.

    A step for the worker: nothing happens before the first synchronisation has finished.
    """
    with store.read() as conn:
        state = sync_state.get(conn, STATE_KEY)
        last = reconciliations.latest(conn, reconciliations.LEDGER, project)
    if state is None or state["stage"] != "following":
        return None
    if last is not None and clock.now() - last.at < EVERY:
        return None
    return sweep(client, store, clock, project), check_ledger(client, store, clock, project)


def sweep(
    client: YouTrackClient,
    store: Store,
    clock: Clock,
    project: str,
    *,
    since: datetime | None = None,
    desk: Desk | None = None,
    accept_removals: bool = False,
) -> SweepReport:
    """Compare the tickets created from `since` on (default: all), read anew what differs, keep the result.

    With `accept_removals` what the tracker does not show, when asked for it by id as well, is gone at
    once: a person says so.
    """
    theirs = list(client.stamps(_query(project), since))
    with store.read() as conn:
        ours = tickets.stamps(conn, project, since)
    found = compare(theirs, ours)
    missing, known = _missing(store, clock, project, theirs, found)
    held = [] if accept_removals or not removals.too_many(len(missing), known) else missing
    tally, known_desk = Tally(), desk or desk_of(client.names)
    wanted = [*found.absent, *found.stale, *(() if held else found.vanished)]
    missed, removed = _repair(client, store, clock, project, wanted, known_desk, tally, sure=accept_removals)
    left = _left(client, store, project, since, found)
    report = SweepReport(
        project=project,
        tracker_tickets=len(theirs),
        stored_tickets=len(ours),
        days=len(found.days),
        days_differing=[d.day.isoformat() for d in found.days if not d.agree],
        repaired=tally.read,
        missed=missed,
        unrepaired=left[:_NAMED],
        held=len(held),
        removed=removed,
    )
    _keep_sweep(store, report, left, held, known, clock.now(), whole=since is None)
    return report


def _missing(
    store: Store, clock: Clock, project: str, theirs: Sequence[Stamp], found: Difference
) -> tuple[list[str], int]:
    """Return (tickets that were missed before or are now, how many are known); listed ones are there."""
    listed = {s.id for s in theirs}
    with store.read() as conn:
        noted, known = absence.noted(conn, project), absence.known(conn, project)
    if back := [i for i in noted if i in listed]:
        with store.write() as conn:
            absence.seen(conn, back, clock.now())
    return list(dict.fromkeys([*(i for i in noted if i not in listed), *found.vanished])), known


def _keep_sweep(
    store: Store,
    report: SweepReport,
    left: Sequence[str],
    held: Sequence[str],
    known: int,
    now: datetime,
    *,
    whole: bool,
) -> None:
    """Write down what came of a sweep: result, audit, alerts. Only a `whole` one can give the all-clear."""
    project, kind = report.project, reconciliations.TICKETS
    with store.write() as conn:
        complete = not left and not held
        reconciliations.put(conn, kind, project, now, complete=complete, facts=asdict(report))
        if report.repaired or report.missed:
            facts = {"read": report.repaired, "missed": report.missed, "removed": report.removed}
            audit.record(
                conn, actor="sync", action="reconcile.repaired", subject=project, at=now, facts=facts
            )
        if held:
            absence.missed(conn, held, now)
            removals.warn(conn, project, held, known, now)
        elif whole:
            removals.all_clear(conn, project, now)
        if left:
            facts_left = {"tickets": list(left[:_NAMED]), "n": len(left)}
            alerts.warn(conn, UNREPAIRED, project, facts_left, now)
        elif whole:
            alerts.close(conn, UNREPAIRED, project, now)


def _repair(
    client: YouTrackClient,
    store: Store,
    clock: Clock,
    project: str,
    wanted: Sequence[str],
    desk: Desk,
    tally: Tally,
    *,
    sure: bool,
) -> tuple[int, int]:
    """Read these anew; return how many were missed, and how many of these buried because it is `sure`."""
    missed = removed = 0
    for some in _batches(wanted):
        records = read_each(client, some, project, tally)
        gone = list(tally.missing)
        missed += len(gone) + len(tally.moved)
        earlier = [a for r in records for a in _history(client, r.ticket.id)]
        with store.write() as conn:
            staging.add(conn, by_ticket(earlier))
            tickets.distrust(conn, some)
            keep(conn, records, clock.now(), desk, tally)
            if sure:
                removed += absence.bury(conn, gone, absence.NOT_FOUND, clock.now(), actor="cli")
        tally.read += len(records)
    return missed, removed


def _history(client: YouTrackClient, ticket_id: str) -> list[Activity]:
    try:
        return client.history(ticket_id)
    except NotFoundError:  # gone between two requests: the next sweep will tell
        return []


def _left(
    client: YouTrackClient, store: Store, project: str, since: datetime | None, found: Difference
) -> list[str]:
    """Return the tickets that differ even now; those that vanished are the second look's business."""
    suspects = {*found.absent, *found.stale}
    if not suspects:
        return []
    with store.read() as conn:
        ours = {s.id: s for s in tickets.stamps(conn, project, since)}
    again = compare(
        [s for s in client.stamps(_query(project), since) if s.id in suspects],
        [s for i, s in ours.items() if i in suspects],
    )
    names = {i: s.readable_id for i, s in ours.items()}
    return [names.get(i, i) for i in (*again.absent, *again.stale)]


def check_ledger(
    client: YouTrackClient, store: Store, clock: Clock, project: str, desk: Desk | None = None
) -> LedgerReport:
    """Compare the ledger with the tracker's counts; judge anew what lacks a row; alert on what stays."""
    query = f"{_query(project)} #Resolved"
    counted = client.count(query)
    tagged = _tagged(client, f"{query} tag: {query_value(ROOT_CAUSE_TAG)}")
    _judge_missing(store, clock, desk or desk_of(client.names))
    with store.read() as conn:
        ours = {s.id for s in tickets.stamps(conn, project, None) if s.resolved}
        status = ledger.status(conn, listed=_NAMED)
        rows = {kind: ledger.ids(conn, kind) for kind in (ledger_rules.RESOLUTION, ledger_rules.ROOT_CAUSE)}
    unseen = [s.readable_id for s in tagged if s.id not in rows[ledger_rules.ROOT_CAUSE]]
    if counted is not None and counted > len(ours):
        unseen += [s.readable_id for s in client.stamps(query, None) if s.id not in ours]
    named = list(dict.fromkeys([*unseen, *(i for some in status.missing.values() for i in some)]))
    report = LedgerReport(
        project=project,
        tracker_resolved=counted,
        stored_resolved=len(ours),
        resolution_rows=len(rows[ledger_rules.RESOLUTION]),
        tracker_root_causes=len(tagged),
        root_cause_rows=len(rows[ledger_rules.ROOT_CAUSE]),
        missing=named[:_NAMED],
        missing_total=max(len(named), sum(status.missing_total.values()), (counted or 0) - len(ours)),
    )
    _keep_ledger(store, report, clock.now())
    return report


def _keep_ledger(store: Store, report: LedgerReport, now: datetime) -> None:
    short, project = report.missing_total, report.project
    with store.write() as conn:
        kind = reconciliations.LEDGER
        reconciliations.put(conn, kind, project, now, complete=not short, facts=asdict(report))
        if short:
            alerts.warn(conn, SHORTFALL, project, {"tickets": report.missing, "n": short}, now)
        else:
            alerts.close(conn, SHORTFALL, project, now)


def _judge_missing(store: Store, clock: Clock, desk: Desk) -> None:
    """Write the rows that stored tickets lack."""
    with store.read() as conn:
        missing = ledger.status(conn, listed=None).missing
    for some in _batches(sorted({i for ids in missing.values() for i in ids})):
        with store.write() as conn:
            judge(conn, tickets.find_all(conn, some), clock.now(), desk)


def _tagged(client: YouTrackClient, query: str) -> list[Stamp]:
    try:
        return list(client.stamps(query, None))
    except RefusedError:  # a tag that nobody ever made is refused as a value
        return []


def _query(project: str) -> str:
    return f"project: {query_value(project)}"


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, _BATCH)):
        yield some
