"""What the desk is asked, per issue type, against what the knowledge base has: gaps, and what is stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from data.store import Store
from data.store.schema import tickets
from data.taxonomy import Taxonomy
from kb.actions import AUTOMATIC
from kb.library import Entry, Library, last_day


@dataclass(frozen=True, slots=True)
class Gap:
    """One issue type that lacks something approved. `share` is of all counted tickets, 0 to 1."""

    issue_type: str
    tickets: int
    share: float
    handling: str
    articles: int
    patterns: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """One document that somebody should look at, and why."""

    id: str
    kind: str
    owner: str
    reason: str


def counted(store: Store, client: str | None, since: datetime | None) -> Counter[str]:
    """Count the store's tickets per final issue type, of one client or all, created from `since` on."""
    query = select(tickets.c.issue_type, func.count()).where(tickets.c.issue_type.is_not(None))
    if client is not None:
        query = query.where(tickets.c.tenant == client)
    if since is not None:
        query = query.where(tickets.c.created >= since)
    with store.read() as conn:
        return Counter({row[0]: row[1] for row in conn.execute(query.group_by(tickets.c.issue_type))})


def gaps(library: Library, counts: Mapping[str, int], taxonomy: Taxonomy, on: date) -> list[Gap]:
    """Return the issue types, most frequent first, that lack an approved article or a pattern they may have.

    A pattern is missed only where something may be automatic; what has lapsed on the day `on` is not counted.
    """
    total = sum(counts.values())
    usable = [e for e in library.entries if e.record.status == "approved" and not _lapsed(e, on)]
    articles = Counter(t for e in usable if e in library.articles for t in e.issue_types)
    patterns = Counter(t for e in usable if e in library.patterns for t in e.issue_types)
    found = []
    for kind in taxonomy.issue_types.values():
        missing = []
        if not articles[kind.key]:
            missing.append("article")
        if not patterns[kind.key] and kind.handling in AUTOMATIC:
            missing.append("pattern")
        if missing:
            n = counts.get(kind.key, 0)
            share = n / total if total else 0.0
            found.append(
                Gap(
                    *(kind.key, n, share, kind.handling, articles[kind.key], patterns[kind.key]),
                    tuple(missing),
                )
            )
    return sorted(found, key=lambda g: (-g.tickets, g.issue_type))


def stale(library: Library, on: date, soon: int, counts: Mapping[str, int] | None) -> list[Stale]:
    """Return what lapsed, is due for review within `soon` days, or is about types nobody asked for.

    With no `counts` the last is left out. Documents that are retired are not stale.
    """
    found = []
    for entry in library.entries:
        record, kind = entry.record, getattr(entry, "kind", "pattern")
        if record.status == "retired":
            continue
        reasons = []
        if _lapsed(entry, on):
            reasons.append(f"valid until {last_day(entry)}")
        if record.review_by < on:
            reasons.append(f"review was due on {record.review_by}")
        elif record.review_by <= on + timedelta(days=soon):
            reasons.append(f"review is due on {record.review_by}")
        if counts is not None and not any(counts.get(t, 0) for t in entry.issue_types):
            reasons.append("no ticket of its issue types in that time")
        found += [Stale(entry.id, kind, record.owner, reason) for reason in reasons]
    return found


def _lapsed(entry: Entry, on: date) -> bool:
    last = last_day(entry)
    return last is not None and last < on
