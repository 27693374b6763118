"""Tickets that went away from our sight, and those that come into it with a past.

"Not found" is said of deleted, moved and hidden tickets alike, and now and then of none of them. So a
ticket is looked for a second time, after a while, before it gets its tombstone. A ticket seen again loses
it. Where too many are missing at once (`data.removals`), a few are looked for now and then, and the rest
once one of these answers. Nothing of a ticket that went away is deleted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from data import removals
from data.backfill import read_each
from data.clock import Clock, to_millis
from data.intake import Desk, Tally, by_ticket, keep
from data.store import Store, absence, staging, sync_state, tickets
from data.ticket import TicketRecord
from data.youtrack import wire
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError

SECOND_LOOK = timedelta(minutes=10)
_SOME = 5
_LOOKED = "missing_looked_for"
_SIGHT = frozenset({"ProjectCategory", "IssueVisibilityCategory", "CommentVisibilityCategory"})


def look_again(
    client: YouTrackClient, store: Store, clock: Clock, project: str, desk: Desk, tally: Tally
) -> list[str]:
    """Look for missed tickets a second time; return the ids of those that are now believed gone."""
    now = clock.now()
    with store.read() as conn:
        due = absence.due(conn, now - SECOND_LOOK)
        if not due:
            return []
        missing, known = absence.noted(conn, project), absence.known(conn, project)
    if removals.too_many(len(missing), known):
        _look_for_some(client, store, clock, project, desk, tally, due)
        return []
    before = set(tally.missing)
    records = read_each(client, due, project, tally)
    gone = [i for i in tally.missing if i not in before]
    earlier = histories(client, store, records, ())
    with store.write() as conn:
        staging.add(conn, by_ticket(earlier))
        keep(conn, records, now, desk, tally)
        absence.bury(conn, gone, absence.NOT_FOUND, now)
        removals.all_clear(conn, project, now)
    return gone


def _look_for_some(
    client: YouTrackClient,
    store: Store,
    clock: Clock,
    project: str,
    desk: Desk,
    tally: Tally,
    due: Sequence[str],
) -> None:
    """Read a few of too many missing tickets; where one is there after all, more of them. Buries none."""
    now = clock.now()
    with store.read() as conn:
        looked = sync_state.get(conn, _LOOKED)
    if looked is not None and 0 <= to_millis(now) - looked < SECOND_LOOK / timedelta(milliseconds=1):
        return
    records = read_each(client, due[:_SOME], project, tally)
    if records:
        records += read_each(client, due[_SOME:], project, tally)
    earlier = histories(client, store, records, ())
    with store.write() as conn:
        staging.add(conn, by_ticket(earlier))
        keep(conn, records, now, desk, tally)
        # Where one came back, the next look goes on at once.
        sync_state.put(conn, _LOOKED, None if records else to_millis(now))
        missing, known = absence.noted(conn, project), absence.known(conn, project)
        if removals.too_many(len(missing), known):
            removals.warn(conn, project, missing, known, now)
        elif not missing:
            removals.all_clear(conn, project, now)


def histories(
    client: YouTrackClient, store: Store, records: Sequence[TicketRecord], news: Iterable[wire.Activity]
) -> list[wire.Activity]:
    """Return the own feeds of those tickets whose past the project's feed did not tell.

    These are tickets that the store does not have and whose creation is not in `news`, those it missed,
    and those for which `news` say that they, or their comments, came into our sight.
    """
    told = {(a.ticket_id, a.category) for a in news}
    with store.read() as conn:
        present = tickets.present(conn, [r.ticket.id for r in records])
    found: list[wire.Activity] = []
    for ticket_id in (r.ticket.id for r in records):
        new = ticket_id not in present and (ticket_id, "IssueCreatedCategory") not in told
        if not new and not any((ticket_id, c) in told for c in _SIGHT):
            continue
        try:
            found += client.history(ticket_id)
        except NotFoundError:  # it went away again; the next look will tell
            continue
    return found
