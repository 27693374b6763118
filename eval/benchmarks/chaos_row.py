"""The row for the log of a chaos run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.benchmarks.row import row

if TYPE_CHECKING:
    from eval.benchmarks.effects_chaos import Report


def chaos_row(r: Report, database: str) -> str:
    """Return the row for the log."""
    killed = f"{r.worker_kills} x worker, {r.service_kills} x service, {r.database_kills} x database"
    found = (
        f"{r.lost} lost, {r.doubled} doubled, {r.wrong_fields} wrong, {r.given_up + r.unfinished} not done, "
    )
    found += f"{r.events_lost} events lost, {len(r.damaged)} damages in {r.checks} checks"
    what = f"{r.effects:,} effects, kill -9: {killed}; {r.spoilt:,} of {r.requests:,} replies spoilt"
    return row(f"`effects_chaos`: {what}; {database}", found, "0 lost, 0 doubled", met=r.passed)
