"""Deciding stored history again, as it stood, under another bundle or policy; the tracker is left alone.

Every ticket is put back to the text that it had when it was created, and decided the way the service would
have. What people made of it afterwards is the truth it is compared with; what was decided at the time, where
something was, stands beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from data.decision import TriageDecision
from data.history import as_of
from data.mapping import TrackerMapping
from data.outcome import Outcome
from data.ticket import TicketRecord
from serving.triage import Triage

CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Replayed:
    """One ticket decided again.

    `truth_*` are what people closed it with, empty where they did not; `reviewed`: a second person confirmed
    it; `trained`: the bundle's training has seen it with its answer, so it proves nothing. `then_*` is
    the decision of the time, empty where there was none. `hours`: from the ticket's creation until a person
    set its issue type, None where nobody did.
    """

    ticket: str
    created: str
    client: str
    issue_type: str
    category: str
    priority: str
    probability: float
    decision: str
    priority_decision: str
    truth_type: str
    truth_category: str
    truth_priority: str
    reviewed: bool
    trained: bool
    then_type: str
    then_category: str
    then_decision: str
    hours: float | None


@dataclass(frozen=True)
class Past:
    """What is known of one ticket: its record, how it was closed, what was decided at the time.

    `trained`: whether the bundle's training has seen it.
    """

    record: TicketRecord
    outcome: Outcome | None
    then: TriageDecision | None
    trained: bool = False


class Replay:
    """Decides chunks of history the way the service would; `triage` has the bundle and the policy."""

    def __init__(self, triage: Triage, names: TrackerMapping) -> None:
        self._triage, self._names = triage, names

    def decide(self, past: Sequence[Past]) -> list[Replayed]:
        """Decide each ticket as it stood at its creation, in order."""
        tickets = [(as_of(p.record, p.record.created, self._names) or p.record).ticket for p in past]
        decided = self._triage.decide_all(tickets)
        return [_replayed(p, d, self._names) for p, d in zip(past, decided, strict=True)]


def run(
    replay: Callable[[Sequence[Past]], list[Replayed]], past: Iterable[Past], kept: Path
) -> Iterator[Replayed]:
    """Yield every ticket's replay; what `kept` holds from an earlier run is taken from there.

    Each finished chunk is on disk before the next begins, so an interrupted run goes on where it was. The
    file is of one bundle, policy and range: its name says so.
    """
    done = {r.ticket: r for r in _read(kept)}
    chunk: list[Past] = []
    with kept.open("a", encoding="utf-8") as file:
        for one in past:
            known = done.get(one.record.ticket.id)
            if known is not None:
                yield known
                continue
            chunk.append(one)
            if len(chunk) == CHUNK:
                yield from _finish(replay, chunk, file)
                chunk = []
        if chunk:
            yield from _finish(replay, chunk, file)


def _finish(
    replay: Callable[[Sequence[Past]], list[Replayed]], chunk: Sequence[Past], file: Any
) -> list[Replayed]:
    found = replay(chunk)
    file.writelines(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in found)
    file.flush()
    os.fsync(file.fileno())
    return found


def _read(kept: Path) -> list[Replayed]:
    """Read what an earlier run finished; a torn last line is cut off, and its ticket decided again."""
    try:
        text = kept.read_bytes()
    except FileNotFoundError:
        return []
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with kept.open("r+b") as file:
            file.truncate(len(whole))
    found = []
    for line in whole.splitlines():
        with suppress(ValueError, TypeError):  # written by another release: decided again
            found.append(Replayed(**json.loads(line)))
    return found


def _replayed(past: Past, d: TriageDecision, names: TrackerMapping) -> Replayed:
    record, outcome, then = past.record, past.outcome, past.then
    human = outcome if outcome is not None and outcome.by_human else None
    return Replayed(
        ticket=record.ticket.id,
        created=record.created.isoformat(),
        client=record.ticket.client or "",
        issue_type=d.issue_type,
        category=d.category,
        priority=d.priority,
        probability=round(d.probability, 6),
        decision=d.decision,
        priority_decision=d.priority_decision,
        truth_type=(human and human.issue_type) or "",
        truth_category=(human and human.category) or "",
        truth_priority=(human and human.priority) or "",
        reviewed=bool(human and human.audited),
        trained=past.trained,
        then_type=then.issue_type if then else "",
        then_category=then.category if then else "",
        then_decision=then.decision if then else "",
        hours=_hours(record, names),
    )


def _hours(record: TicketRecord, names: TrackerMapping) -> float | None:
    """Return hours from creation until the issue type was first set by a person."""
    machines, field = names.service_accounts, names.issue_type
    set_by_people = (
        c.at for c in record.changes if c.field == field and c.added and c.author not in machines
    )
    first: datetime | None = min(set_by_people, default=None)
    return None if first is None else round((first - record.created).total_seconds() / 3600, 3)
