"""Many tickets missing at once: is it they that are gone, or our sight?

A token that lost a project, another account's token and a tracker restored from a backup look the same
as somebody deleting half a desk. So while more than a bounded number and share of the known tickets is
missing, none of them gets its tombstone: they stay, an alert says what to do, and either the tickets
show up again (then the alert closes by itself) or a person confirms that they were removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from data.store import absence, alerts

VANISHED = "tickets_vanished"
FEW, SHARE = 10, 0.02
NAMED = 50
TO_DO = (
    "Check that FIRSTLINE_TRACKER_TOKEN is the service account's, that the account still sees the project,"
    " and whether the tracker was restored from a backup. If people did remove these tickets, run"
    " `firstline reconcile --accept-removals`."
)


def too_many(missing: int, known: int) -> bool:
    """Tell whether `missing` of `known` tickets are more than people delete in one go. Pure.

    That is more than `FEW` and more than the share `SHARE` (0 to 1), or all of them where there are
    several.
    """
    return missing > 1 and (missing >= known or (missing > FEW and missing > SHARE * known))


def warn(conn: Connection, project: str, ticket_ids: Sequence[str], known: int, now: datetime) -> bool:
    """Raise the one alert of a project, or bring its numbers up to date; True where it is new."""
    names = absence.names(conn, ticket_ids[:NAMED])
    facts: dict[str, Any] = {"n": len(ticket_ids), "of": known, "tickets": names, "to_do": TO_DO}
    return alerts.warn(conn, VANISHED, project, facts, now)


def all_clear(conn: Connection, project: str, now: datetime) -> bool:
    """Close the alert; False where none stood."""
    return alerts.close(conn, VANISHED, project, now)
