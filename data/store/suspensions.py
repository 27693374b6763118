"""Groups that may not act alone any more, because the audit sample contradicts the promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from data.group import Group
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


def of_group(conn: Connection, client: str, group: str, bundle: str) -> Suspension | None:
    """Return what stands on one group, or `None`."""
    mine = _key(client, group, bundle)
    row = conn.execute(select(suspensions).where(mine, suspensions.c.lifted_at.is_(None))).first()
    return None if row is None else Suspension(*row)


def suspend(conn: Connection, found: Suspension) -> bool:
    """Take a group's autonomy away; False where that stands already."""
    one_writer(conn, suspensions)
    if of_group(conn, found.client, found.group, found.bundle) is not None:
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
    open_ = and_(_key(found.client, found.group, found.bundle), suspensions.c.lifted_at.is_(None))
    if conn.execute(update(suspensions).where(open_).values(lifted_at=now)).rowcount == 0:
        return False
    _record(conn, found, "autonomy.restored", now)
    return True


def last_lifted(conn: Connection, client: str, group: str, bundle: str) -> datetime | None:
    """Return when autonomy was last given back to a group, or `None` if it never was."""
    mine = _key(client, group, bundle)
    return conn.execute(select(func.max(suspensions.c.lifted_at)).where(mine)).scalar()


def _key(client: str, group: str, bundle: str) -> ColumnElement[bool]:
    return and_(
        suspensions.c.group_client == client,
        suspensions.c.group_category == group,
        suspensions.c.bundle == bundle,
    )


def _record(conn: Connection, found: Suspension, action: str, at: datetime) -> None:
    facts: dict[str, str | int | float | bool | None] = {
        "bundle": found.bundle,
        "errors": found.errors,
        "reviewed": found.reviewed,
    }
    subject = str(Group(found.client, found.group))
    audit.record(conn, actor="guard", action=action, subject=subject, at=at, facts=facts)
