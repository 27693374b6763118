"""Tickets that went away from our sight, and those that come into it with a past.

"Not found" is said of deleted, moved and hidden tickets alike, and now and then of none of them. So a
ticket is looked for a second time, after a while, before it gets its tombstone. A ticket seen again loses
it. Nothing of a ticket that went away is deleted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from data.backfill import read_each
from data.clock import Clock
from data.intake import Desk, Tally, by_ticket, keep
from data.store import Store, absence, staging, tickets
from data.ticket import TicketRecord
from data.youtrack import wire
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError

SECOND_LOOK = timedelta(minutes=10)
_SIGHT = frozenset({"ProjectCategory", "IssueVisibilityCategory", "CommentVisibilityCategory"})


def look_again(
    client: YouTrackClient, store: Store, clock: Clock, project: str, desk: Desk, tally: Tally
) -> list[str]:
    """Look for missed tickets a second time; return the ids of those that are now believed gone."""
    with store.read() as conn:
        due = absence.due(conn, clock.now() - SECOND_LOOK)
    if not due:
        return []
    before = set(tally.missing)
    records = read_each(client, due, project, tally)
    gone = [i for i in tally.missing if i not in before]
    earlier = histories(client, store, records, ())
    with store.write() as conn:
        staging.add(conn, by_ticket(earlier))
        keep(conn, records, clock.now(), desk, tally)
        absence.bury(conn, gone, absence.NOT_FOUND, clock.now())
    return gone


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
