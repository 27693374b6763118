"""Dated results of comparing the store with the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from data.store.schema import reconciliations

TICKETS, LEDGER = "tickets", "ledger"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison; `complete` is false where something could not be put right."""

    kind: str
    project: str
    at: datetime
    complete: bool
    facts: dict[str, Any]


def put(
    conn: Connection, kind: str, project: str, at: datetime, *, complete: bool, facts: Mapping[str, Any]
) -> None:
    """Keep a result; a second one of the same moment replaces the first."""
    key = {"kind": kind, "project": project, "at": at}
    conn.execute(delete(reconciliations).where(and_(*(reconciliations.c[n] == v for n, v in key.items()))))
    conn.execute(insert(reconciliations), {**key, "complete": complete, "facts": dict(facts)})


def latest(conn: Connection, kind: str, project: str) -> Reconciliation | None:
    """Return the newest result, or `None`."""
    mine = and_(reconciliations.c.kind == kind, reconciliations.c.project == project)
    row = conn.execute(
        select(reconciliations).where(mine).order_by(reconciliations.c.at.desc()).limit(1)
    ).first()
    return None if row is None else Reconciliation(row.kind, row.project, row.at, row.complete, row.facts)
