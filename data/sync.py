"""Synchronisation: the guarantee that every ticket and its history is in the store.

Three stages, each a series of transactions that carry their own progress in `sync_state`, so that an
interruption at any point costs at most one page and a rerun continues:

1. *history*: the project's change feed from the beginning; field changes are staged per ticket.
2. *tickets*: every ticket ordered by id (an order that editing does not shift, unlike `updated`),
   merged with its staged changes; outcome and ledger rows are written with the ticket.
3. *catching up*, then and ever after: the feed since the watermark less an overlap, and a re-read of
   what it names. State is never built from feed entries alone.

The feed is used and not `updated: ...` because the search language knows no time finer than coarse
literals in the caller's time zone, and the search index may lag; the feed does neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from data.absence import histories, look_again
from data.backfill import STATE_KEY, Progress, read_each, read_history, read_tickets
from data.clock import Clock, from_millis, to_millis
from data.intake import Desk, Tally, by_ticket, desk_of, keep
from data.store import Store, ledger, staging, sync_state, tickets
from data.ticket import TicketRecord
from data.youtrack import wire
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import RefusedError
from data.youtrack.query import ids_query, query_value

T = TypeVar("T")
OVERLAP_MS = 30_000
SWEEP_MS = 30_000
_FEW = 10  # up to so many changed tickets are read one by one: direct reads never lag
_BATCH = 50


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did, and what store and tracker count afterwards.

    `tracker_tickets` and `tracker_resolved` are the tracker's own counts, if it gave them.
    """

    mode: str
    tickets_read: int
    tickets_changed: int
    changes_read: int
    seconds: float
    stored_tickets: int
    tracker_tickets: int | None
    stored_resolved: int
    tracker_resolved: int | None
    ledger_rows: int
    ledger_complete: bool

    @property
    def missing(self) -> int:
        """How many tickets, or resolutions, the tracker counts that the store does not have."""
        tickets_short = (self.tracker_tickets or 0) - self.stored_tickets
        return max(0, tickets_short, (self.tracker_resolved or 0) - self.stored_resolved)


def sync(
    client: YouTrackClient,
    store: Store,
    clock: Clock,
    *,
    project: str,
    progress: Progress,
    desk: Desk | None = None,
) -> SyncReport:
    """Bring the store up to date with the tracker; continue where an earlier run stopped.

    Raises `TrackerError` or `StorageError`; what was done until then is kept.
    """
    started = clock.now()
    client.check()
    state = _state(store, project)
    run = _Run(client, store, clock, project, progress, desk or desk_of(client.names), Tally(), state)
    mode = "incremental" if state["stage"] == "following" else "full"
    _bring_up(run)
    look_again(client, store, clock, project, run.desk, run.tally)
    report = _report(run, mode, started)
    if mode == "incremental" and report.missing:
        _bring_up(run)  # it may have arrived between reading and counting
        report = _report(run, mode, started)
    if mode == "incremental" and report.missing not in (0, state.get("short", 0)):
        # The feed did not tell of something: everything is listed anew, once per shortfall.
        state |= _beginning(project)
        _bring_up(run)
        report = _report(run, "reconciled", started)
    if report.missing != state.get("short", 0):
        state["short"] = report.missing
        with store.write() as conn:
            sync_state.put(conn, STATE_KEY, state)
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of one synchronisation share; `tally` and `state` change as it goes."""

    client: YouTrackClient
    store: Store
    clock: Clock
    project: str
    progress: Progress
    desk: Desk
    tally: Tally
    state: dict[str, Any]


def _bring_up(run: _Run) -> None:
    if run.state["stage"] == "history":
        read_history(run.client, run.store, run.project, run.state, run.tally, run.progress)
    if run.state["stage"] == "tickets":
        read_tickets(
            run.client,
            run.store,
            run.clock,
            run.project,
            run.state,
            run.tally,
            run.progress,
            run.desk,
        )
    _follow(run)


def poll(
    client: YouTrackClient, store: Store, clock: Clock, *, project: str, desk: Desk | None = None
) -> list[str]:
    """Store what changed since the last look; return the database ids of tickets that differ now.

    One request where nothing changed. Does nothing before the first `sync` has finished.
    """
    state = _state(store, project)
    if state["stage"] != "following":
        return []
    tally = Tally()
    known = desk or desk_of(client.names)
    _follow(_Run(client, store, clock, project, _silent, known, tally, state))
    look_again(client, store, clock, project, known, tally)
    return list(tally.ids)


def refresh(
    client: YouTrackClient, store: Store, clock: Clock, ticket_ids: Iterable[str], *, desk: Desk | None = None
) -> list[str]:
    """Re-read these tickets now (a webhook named them); return the ids that differ. Unknown ones are skipped.

    Their changes arrive with the next `poll`; of tickets that the feed will not tell about (moved to us, or
    shown to us again), all of them are read here.
    """
    with store.read() as conn:
        state = sync_state.get(conn, STATE_KEY)
    tally = Tally()
    wanted = dict.fromkeys(ticket_ids)
    records = read_each(client, wanted, state["project"], tally) if state else []
    overlap = timedelta(milliseconds=OVERLAP_MS)
    old = [r for r in records if state and r.created < from_millis(state["watermark"]) - overlap]
    earlier = histories(client, store, old, ())
    with store.write() as conn:
        staging.add(conn, by_ticket(earlier))
        keep(conn, records, clock.now(), desk or desk_of(client.names), tally)
    return list(tally.ids)


def finished(store: Store) -> bool:
    """Tell whether a full synchronisation has been done on this store."""
    with store.read() as conn:
        state = sync_state.get(conn, STATE_KEY)
    return state is not None and state["stage"] == "following"


def _state(store: Store, project: str) -> dict[str, Any]:
    with store.read() as conn:
        state = sync_state.get(conn, STATE_KEY)
    if state is not None and state["project"] == project:
        return dict(state)
    return _beginning(project)


def _beginning(project: str) -> dict[str, Any]:
    return {
        "project": project,
        "stage": "history",
        "cursor": None,
        "watermark": 0,
        "skip": 0,
        "last": None,
        "seen": {},
    }


def _follow(run: _Run) -> None:
    store, state = run.store, run.state
    before = {k: state.get(k) for k in ("cursor", "swept")}
    news = _news(run.client, run.clock, run.project, state)
    for page in run.progress(news, label="Changes (pages)"):
        fresh = [a for a in page.items if a.id not in state["seen"]]
        if not fresh:
            continue
        run.tally.activities += len(fresh)
        records = _changed_tickets(run, fresh)
        earlier = histories(run.client, store, records, fresh)
        after = _advanced(state, fresh)
        with store.write() as conn:
            staging.add(conn, by_ticket([*fresh, *earlier]))
            keep(conn, records, run.clock.now(), run.desk, run.tally)
            # Changes of tickets that are gone have no record to join.
            staging.drop(conn, sorted({a.ticket_id for a in fresh}))
            sync_state.put(conn, STATE_KEY, after)
        run.tally.read += len(records)
        state |= after
    if before != {k: state.get(k) for k in before}:
        with store.write() as conn:
            sync_state.put(conn, STATE_KEY, state)


def _news(
    client: YouTrackClient, clock: Clock, project: str, state: dict[str, Any]
) -> Iterator[wire.ActivityPage]:
    """Yield the feed from where the last look ended; now and then from an overlap before that.

    The cursor makes a look cheap; the overlap catches entries that were committed late, with a time
    before one already seen.
    """
    now = to_millis(clock.now())
    cursor: str | None = state.get("cursor")
    if cursor is None or not 0 <= now - state["swept"] < SWEEP_MS:
        cursor = None
        state |= {"swept": now, "since": max(0, state["watermark"] - OVERLAP_MS)}
    while True:
        try:
            # A cursor goes with the parameters of the request that it came from.
            page = client.activities_page(project, start=from_millis(state["since"]), cursor=cursor)
        except RefusedError:
            if cursor is None:
                raise
            cursor = None  # no longer good
            state["since"] = max(0, state["watermark"] - OVERLAP_MS)
            continue
        ended = not page.more or page.cursor in (None, cursor)
        cursor = page.cursor
        state["cursor"] = cursor
        yield page
        if ended:
            return


def _advanced(state: dict[str, Any], fresh: list[wire.Activity]) -> dict[str, Any]:
    """Return the state with the watermark moved and the entries inside the next overlap remembered."""
    seen = state["seen"] | {a.id: to_millis(a.at) for a in fresh}
    watermark = max(state["watermark"], *(to_millis(a.at) for a in fresh))
    kept = {i: at for i, at in seen.items() if at >= watermark - OVERLAP_MS}
    return {**state, "watermark": watermark, "seen": kept}


def _changed_tickets(run: _Run, fresh: list[wire.Activity]) -> list[TicketRecord]:
    """Read the tickets that the entries are about, each at least as new as its newest entry."""
    newest: dict[str, datetime] = {}
    readable: dict[str, str] = {}
    for a in fresh:
        newest[a.ticket_id] = max(a.at, newest.get(a.ticket_id, a.at))
        readable[a.ticket_id] = a.readable_id
    if len(newest) <= _FEW:
        return read_each(run.client, newest, run.project, run.tally)
    found: dict[str, TicketRecord] = {}
    named = [i for i in newest if readable[i]]
    for at in range(0, len(named), _BATCH):
        some = named[at : at + _BATCH]
        for record in run.client.issues(ids_query([readable[i] for i in some]), _BATCH):
            # The index behind queries may lag behind the feed; such tickets are read directly.
            if record.ticket.id in newest and record.updated >= newest[record.ticket.id]:
                found[record.ticket.id] = record
    late = [i for i in newest if i not in found]
    for record in read_each(run.client, late, run.project, run.tally):
        found[record.ticket.id] = record
    return list(found.values())


def _silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG001
    yield from items


def _report(run: _Run, mode: str, started: datetime) -> SyncReport:
    query = f"project: {query_value(run.project)}"
    counted, resolved = run.client.count(query), run.client.count(f"{query} #Resolved")
    with run.store.read() as conn:
        stored = tickets.counts(conn)
        status = ledger.status(conn)
    return SyncReport(
        mode=mode,
        tickets_read=run.tally.read,
        tickets_changed=len(run.tally.ids),
        changes_read=run.tally.activities,
        seconds=(run.clock.now() - started).total_seconds(),
        stored_tickets=stored["tickets"] - stored["gone"],
        tracker_tickets=counted,
        stored_resolved=stored["resolved"] - stored["gone_resolved"],
        tracker_resolved=resolved,
        ledger_rows=sum(sum(states.values()) for states in status.counts.values()),
        ledger_complete=status.complete,
    )
