"""Groups that may not act alone any more, because the audit sample contradicts the promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from data.store import audit
from data.store.review_tables import suspensions
from data.store.statements import one_writer


@dataclass(frozen=True, slots=True)
class Suspension:
    """A group under a bundle: `errors` of `reviewed` audited tickets were wrong, at most `budget` may be."""

    client: str
    group: str
    bundle: str
    since: datetime
    errors: int
    reviewed: int
    budget: float
    lifted_at: datetime | None = None


def standing(conn: Connection, bundle: str) -> list[Suspension]:
    """Return what is suspended under a bundle. Another bundle has evidence of its own."""
    query = select(suspensions).where(suspensions.c.bundle == bundle, suspensions.c.lifted_at.is_(None))
    order = (suspensions.c.group_client, suspensions.c.group_category)
    return [Suspension(*row) for row in conn.execute(query.order_by(*order))]


def suspend(conn: Connection, found: Suspension) -> bool:
    """Take a group's autonomy away; False where that stands already."""
    one_writer(conn, suspensions)
    if _open(conn, found) is not None:
        return False
    row = {
        "group_client": found.client,
        "group_category": found.group,
        "bundle": found.bundle,
        "since": found.since,
        "errors": found.errors,
        "reviewed": found.reviewed,
        "budget": found.budget,
    }
    conn.execute(insert(suspensions).values(row))
    _record(conn, found, "autonomy.suspended", found.since)
    return True


def lift(conn: Connection, found: Suspension, now: datetime) -> bool:
    """Give it back; False where nothing was suspended."""
    one_writer(conn, suspensions)
    since = _open(conn, found)
    if since is None:
        return False
    conn.execute(update(suspensions).where(_key(found), suspensions.c.since == since).values(lifted_at=now))
    _record(conn, found, "autonomy.restored", now)
    return True


def last_lifted(conn: Connection, client: str, group: str, bundle: str) -> datetime | None:
    """Return when autonomy was last given back to a group, or `None` if it never was."""
    mine = _key(Suspension(client, group, bundle, datetime.min, 0, 0, 0.0))
    return conn.execute(select(func.max(suspensions.c.lifted_at)).where(mine)).scalar()


def _open(conn: Connection, found: Suspension) -> datetime | None:
    query = select(suspensions.c.since).where(_key(found), suspensions.c.lifted_at.is_(None))
    return conn.execute(query).scalar()


def _key(found: Suspension) -> ColumnElement[bool]:
    return and_(
        suspensions.c.group_client == found.client,
        suspensions.c.group_category == found.group,
        suspensions.c.bundle == found.bundle,
    )


def _record(conn: Connection, found: Suspension, action: str, at: datetime) -> None:
    facts: dict[str, str | int | float | bool | None] = {
        "bundle": found.bundle,
        "errors": found.errors,
        "reviewed": found.reviewed,
    }
    subject = " of ".join(part for part in (found.group, found.client) if part) or "the desk"
    audit.record(conn, actor="guard", action=action, subject=subject, at=at, facts=facts)
