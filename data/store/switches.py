"""The kill switch: while it is on, nothing that Firstline decided by itself reaches the tracker.

One row per project, and one (with an empty name) for all of them. It is read anew before every claim and
before every write, so it works at once in every process. What a person asked for goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from data.store import audit
from data.store.schema import switches
from data.store.statements import insert_new

EVERY = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """The last word on one project (`project` is empty for all): who paused or resumed it, when, why."""

    project: str
    paused: bool
    actor: str
    reason: str
    changed_at: datetime


def pause(conn: Connection, project: str | None, actor: str, reason: str, now: datetime) -> bool:
    """Stop automation in `project`, or everywhere (`None`); False where it was paused already."""
    return _set(conn, Switch(project or EVERY, True, actor, reason, now))


def resume(conn: Connection, project: str | None, actor: str, reason: str, now: datetime) -> bool:
    """Lift exactly the pause of `project`, or the one for all (`None`); False where there was none."""
    return _set(conn, Switch(project or EVERY, False, actor, reason, now))


def paused(conn: Connection, project: str) -> bool:
    """Tell whether automation is paused in `project`, by its own switch or by the one for all."""
    return bool(paused_projects(conn) & {EVERY, project})


def paused_projects(conn: Connection) -> set[str]:
    """Return the names of paused projects; an empty name among them stands for all."""
    return set(conn.execute(select(switches.c.project).where(switches.c.paused)).scalars())


def status(conn: Connection) -> list[Switch]:
    """Return every switch that was ever used, the one for all first."""
    return [Switch(*row) for row in conn.execute(select(switches).order_by(switches.c.project))]


def _set(conn: Connection, wanted: Switch) -> bool:
    before = conn.execute(select(switches.c.paused).where(switches.c.project == wanted.project)).scalar()
    if bool(before) == wanted.paused:
        return False
    values = {
        "paused": wanted.paused,
        "actor": wanted.actor,
        "reason": wanted.reason,
        "changed_at": wanted.changed_at,
    }
    if not insert_new(conn, switches, {"project": wanted.project, **values}):
        conn.execute(update(switches).where(switches.c.project == wanted.project).values(values))
    audit.record(
        conn,
        actor=wanted.actor,
        action="automation.paused" if wanted.paused else "automation.resumed",
        subject=wanted.project or "all projects",
        at=wanted.changed_at,
        facts={"reason": wanted.reason},
    )
    return True
