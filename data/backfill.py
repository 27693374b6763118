"""The first synchronisation: the whole history of changes, then every ticket, page by page."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Protocol, TypeVar, cast

from data.clock import Clock, from_millis, to_millis
from data.intake import Desk, Tally, by_ticket, keep
from data.store import Store, staging, sync_state
from data.ticket import TicketRecord
from data.youtrack import wire
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError
from data.youtrack.query import query_value

T = TypeVar("T")
STATE_KEY = "sync"
_BATCH = 50


class Progress(Protocol):
    """Passes items on while showing how far it is; see `data.progress.progress`."""

    def __call__(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]: ...


def read_history(
    client: YouTrackClient,
    store: Store,
    project: str,
    state: dict[str, Any],
    tally: Tally,
    progress: Progress,
) -> None:
    """Stage every field change of the project, page by page; moves `state` to `tickets`."""
    with closing(_ahead(_history(client, project, state["cursor"]))) as pages:
        for page in progress(pages, label="History of changes (pages)"):
            tally.activities += len(page.items)
            # The tracker's own times, not ours: its clock may differ, and a sandbox's is simulated.
            watermark = max([state["watermark"], *(to_millis(a.at) for a in page.items)])
            state |= {"cursor": page.cursor or state["cursor"], "watermark": watermark}
            with store.write() as conn:
                staging.add(conn, by_ticket(page.items))
                sync_state.put(conn, STATE_KEY, state)
    state |= {"stage": "tickets", "cursor": None}
    _save(store, state)


def _history(client: YouTrackClient, project: str, cursor: str | None) -> Iterator[wire.ActivityPage]:
    while True:
        try:
            page = client.activities_page(
                project, categories=wire.CHANGE_CATEGORIES, start=from_millis(0), cursor=cursor
            )
        except RefusedError:
            if cursor is None:
                raise
            cursor = None  # a cursor that is no longer good: from the beginning, staged changes stay
            continue
        yield page
        if not page.more or page.cursor in (None, cursor):
            return
        cursor = page.cursor


def read_tickets(
    client: YouTrackClient,
    store: Store,
    clock: Clock,
    project: str,
    state: dict[str, Any],
    tally: Tally,
    progress: Progress,
    desk: Desk,
) -> None:
    """Take in every ticket with its staged changes, page by page; moves `state` to `following`."""
    query = f"project: {query_value(project)}"
    total = client.count(query)
    expected = None if total is None else max(0, total - state["skip"] + client.page - 2) // (client.page - 1)
    with closing(_ahead(_listing(client, query, state["skip"], state["last"]))) as pages:
        for page, skip in progress(pages, label="Tickets (pages)", total=expected):
            tally.read += len(page)
            after = {**state, "skip": skip, "last": page[-1].ticket.id}
            with store.write() as conn:
                keep(conn, page, clock.now(), desk, tally)
                sync_state.put(conn, STATE_KEY, after)
            state |= after
    _read_stragglers(client, store, clock, project, desk, tally)
    state |= {"stage": "following", "seen": {}, "swept": 0, "since": 0}
    _save(store, state)


def _listing(
    client: YouTrackClient, query: str, skip: int, last: str | None
) -> Iterator[tuple[list[TicketRecord], int]]:
    """Yield pages of tickets after the ticket `last` at position `skip`, each with the position behind it.

    Every request starts with the last row known, which shows whether rows before it vanished meanwhile.
    """
    start = max(0, skip - 1)
    while True:
        rows = client.issues(f"{query} sort by: {{issue id}} asc", client.page, start)
        ids = [r.ticket.id for r in rows]
        if last is not None and last not in ids:
            if start == 0:
                last = None  # it is gone itself: from the beginning, unchanged tickets cost little
            start = max(0, start - client.page + 1)
            continue
        page = rows if last is None else rows[ids.index(last) + 1 :]
        if page:
            last = ids[-1]
            yield page, start + len(rows)
        if len(rows) < client.page:
            return
        start += len(rows) - 1


def _ahead(pages: Iterator[T]) -> Generator[T, None, None]:
    """Yield `pages` while the next one is being fetched: tracker and database work side by side.

    To be closed by whoever stops early: left to the garbage collector, it would wait for its thread in
    whichever thread that runs.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="next-page") as fetching:
        coming = fetching.submit(next, pages, end)
        while (page := coming.result()) is not end:
            coming = fetching.submit(next, pages, end)
            yield cast(T, page)


def _read_stragglers(
    client: YouTrackClient, store: Store, clock: Clock, project: str, desk: Desk, tally: Tally
) -> None:
    """Deal with staged changes of tickets that the listing did not show."""
    while True:
        with store.read() as conn:
            waiting = staging.waiting(conn, _BATCH)
        if not waiting:
            return
        records = read_each(client, waiting, project, tally)
        with store.write() as conn:
            keep(conn, records, clock.now(), desk, tally)
            staging.drop(conn, waiting)  # what is gone from the tracker has no record to join


def read_each(
    client: YouTrackClient, ticket_ids: Iterable[str], project: str, tally: Tally
) -> list[TicketRecord]:
    """Read these tickets one by one, which never lags; those that are gone are noted in `tally`."""
    records = []
    for ticket_id in ticket_ids:
        try:
            record = client.issue(ticket_id)
        except NotFoundError:  # deleted, moved or hidden: what we have stays
            tally.missing.append(ticket_id)
            continue
        if record.project == project:
            records.append(record)
        else:  # what it says there is not ours to keep
            tally.moved.append(ticket_id)
    return records


def _save(store: Store, state: dict[str, Any]) -> None:
    with store.write() as conn:
        sync_state.put(conn, STATE_KEY, state)
