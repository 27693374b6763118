"""What would be written on the newest tickets; nothing is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported when it is run: every command of `firstline` would wait for the engine
    from data.settings import Settings
    from data.youtrack.client import YouTrackClient

NEWEST = 20


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One ticket: the decision, the values to write by the tracker's field names, fields left to people."""

    ticket: str
    decision: str
    values: dict[str, str | None]
    kept: dict[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def rehearse(settings: Settings, client: YouTrackClient) -> list[Rehearsed]:
    """Decide on the newest tickets with the champion. Raises `BundleError` where there is none."""
    from serving.deliver import plan
    from serving.wiring import load_triage

    triage = load_triage(settings)
    query = f"{client.project_query(settings.project)} sort by: created desc"
    records = client.issues(query, NEWEST)
    rows = []
    for record, decision in zip(records, triage.decide_all([r.ticket for r in records]), strict=True):
        values, _, kept = plan(decision, record, record.priority, client.names)
        rows.append(Rehearsed(record.readable_id, decision.decision, values, kept))
    return rows
