"""What a person must look at: opened once per kind and subject, closed when it is over. Facts, no texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from data.store.schema import alerts
from data.store.statements import one_writer


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `closed` is `None` while it stands."""

    kind: str
    subject: str
    opened: datetime
    closed: datetime | None
    facts: dict[str, Any]


def warn(conn: Connection, kind: str, subject: str, facts: Mapping[str, Any], now: datetime) -> bool:
    """Open an alert and return True; one that stands already gets the new facts, and False is returned."""
    one_writer(conn, alerts)
    standing = _standing(kind, subject)
    if conn.execute(update(alerts).where(standing).values(facts=dict(facts))).rowcount:
        return False
    key = {"kind": kind, "subject": subject, "opened": now}
    conn.execute(insert(alerts), {**key, "closed": None, "facts": dict(facts)})
    return True


def close(conn: Connection, kind: str, subject: str, now: datetime) -> bool:
    """Close an alert; return False where none stood."""
    return conn.execute(update(alerts).where(_standing(kind, subject)).values(closed=now)).rowcount > 0


def find(conn: Connection, *, standing_only: bool = True) -> list[Alert]:
    """Return alerts, newest first."""
    query = select(alerts).order_by(alerts.c.opened.desc(), alerts.c.kind, alerts.c.subject)
    if standing_only:
        query = query.where(alerts.c.closed.is_(None))
    return [Alert(r.kind, r.subject, r.opened, r.closed, r.facts) for r in conn.execute(query)]


def _standing(kind: str, subject: str) -> Any:
    return and_(alerts.c.kind == kind, alerts.c.subject == subject, alerts.c.closed.is_(None))
