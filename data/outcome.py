"""What people made of a ticket: the ground of every honest figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The closing facts of one ticket.

    `resolver` is the login that set the state to resolved; `by_human` is false where that login is a
    service account. `reopened` counts how often `resolved` was taken back. `audited` is true where a
    second person confirmed or corrected the fields (a quality review). `merged_into` is the readable id
    of the ticket that this one is a duplicate of, empty where it is not known, `None` where it is none.
    """

    tenant: str
    ticket_id: str
    resolved_at: datetime
    resolver: str
    by_human: bool
    issue_type: str | None
    category: str | None
    priority: str | None
    team: str | None
    reopened: int
    audited: bool
    root_cause: bool
    merged_into: str | None = None
