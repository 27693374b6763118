"""What a run of `webhook_loss` showed, and whether it is as promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from data.decision import TriageDecision
from eval.benchmarks.exactly_once import MARK
from eval.benchmarks.row import row
from eval.benchmarks.sightings import Filed

MOST_INTERVALS = 2.0
SERVICE_LOGIN = "svc-firstline"


@dataclass(frozen=True, slots=True)
class Delays:
    """Of some tickets and comments: how many, how many were found, and after how many polling intervals."""

    filed: int
    found: int
    median: float | None
    worst: float | None

    @property
    def in_time(self) -> bool:
        """Whether all were found within two intervals."""
        return self.found == self.filed and (self.worst or 0.0) <= MOST_INTERVALS


@dataclass(frozen=True, slots=True)
class Effects:
    """Tickets by what the tracker shows of us. `writes`: fields written, each counted as often as it was.

    `lost`: no comment of ours. `doubled`: more than one. `written_twice`: a field written more than once.
    `wrong`: fields that do not hold what was decided, or were written although it was not decided.
    """

    comments: int
    writes: int
    lost: int
    doubled: int
    written_twice: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Result:
    """The figures. Events: `dropped` and `stored`; copies of events: the other five."""

    database: str
    poll_seconds: float
    tickets: int
    comments: int
    dropped: int
    copies: int
    repeated: int
    accepted: int
    known: int
    failed: int
    stored: int
    told: Delays
    untold: Delays
    undecided: int
    decided_twice: int
    effects: Effects
    seconds: float

    @property
    def problems(self) -> list[str]:
        """Return what is not as promised."""
        e, left = self.effects, self.copies - self.repeated
        wrong = {
            "nothing was dropped, or nothing was found without an event": not (
                self.dropped and self.untold.filed
            ),
            "not every event that left was stored once": self.stored != left,
            f"not everything was found within {MOST_INTERVALS:g} intervals": not (
                self.told.in_time and self.untold.in_time
            ),
            "tickets without a decision, or with two": bool(self.undecided or self.decided_twice),
            "tickets without our comment, or with two": bool(e.lost or e.doubled),
            "fields written twice, or not as decided": bool(e.written_twice or e.wrong),
            "no field was written, because nothing was decided alone (try --fixed)": not e.writes,
        }
        return [name for name, is_so in wrong.items() if is_so]

    @property
    def passed(self) -> bool:
        """Whether all is as promised."""
        return not self.problems

    def table(self) -> str:
        """Return the figures as lines for people, a row for the log last."""
        e, both = self.effects, (("told by an event", self.told), ("found by polling alone", self.untold))
        lines = [
            f"{self.database}; {self.tickets} tickets and {self.comments} comments; poll every "
            f"{self.poll_seconds:g} s; {self.seconds:g} s",
            f"events dropped {self.dropped}, stored {self.stored}",
            f"copies sent {self.copies}, of which repeated {self.repeated}; accepted (202) {self.accepted}, "
            f"known already (409) {self.known}, failed {self.failed}",
            f"{'delay in polling intervals':26}{'filed':>8}{'found':>8}{'median':>9}{'worst':>9}",
            *(f"{n:26}{d.filed:>8}{d.found:>8}{_said(d.median):>9}{_said(d.worst):>9}" for n, d in both),
            f"without a decision {self.undecided}, decided twice {self.decided_twice}",
            *(f"{name.replace('_', ' '):16}{value:>8}" for name, value in asdict(e).items()),
            *(f"NOT as promised: {p}" for p in self.problems),
            "PASS" if self.passed else "FAIL",
        ]
        return "\n".join([*lines, self.row()])

    def row(self) -> str:
        """Return the row for the log."""
        found, filed = (self.told.found + self.untold.found, self.told.filed + self.untold.filed)
        e = self.effects
        return row(
            f"`webhook_loss`: {self.tickets} tickets and {self.comments} comments, {self.dropped} events "
            f"dropped, {self.stored} sent ten times and shuffled, {self.database}",
            f"{found} of {filed} found, after {_said(self.told.median)} intervals (median) where told, "
            f"{_said(self.untold.median)} where not, "
            f"{_said(max(self.told.worst or 0.0, self.untold.worst or 0.0))} at worst; "
            f"{self.known} copies answered 409; {e.lost} lost, {e.doubled} doubled, {e.written_twice} fields "
            f"written twice, {self.decided_twice} decided twice",
            "all within 2 intervals, one effect each",
            met=self.passed,
        )


def delays(filed: Sequence[Filed], poll_seconds: float) -> Delays:
    """Summarise when these were found."""
    took = [f.delay / poll_seconds for f in filed if f.delay is not None]
    worst, middle = (round(max(took), 2), round(median(took), 2)) if took else (None, None)
    return Delays(len(filed), len(took), middle, worst)


def judge(
    ids: Sequence[str],
    decided: Mapping[str, TriageDecision],
    shown: Iterable[Mapping[str, Any]],
    activities: Callable[[str], Iterable[Mapping[str, Any]]],
) -> Effects:
    """Compare what the tracker shows of the tickets `ids`, and did, with what was decided."""
    left, counted = set(ids), Counter[str]()
    for ticket in shown:
        said = [c for c in ticket["comments"] if MARK in (c["text"] or "") and not c.get("deleted")]
        counted["doubled"] += len(said) > 1
        if ticket["id"] not in left:
            continue
        left.discard(ticket["id"])
        counted["lost"] += not said
        counted["comments"] += len(said)
        ours = [a["field"]["name"] for a in activities(ticket["id"]) if a["author"]["login"] == SERVICE_LOGIN]
        written = Counter(ours)
        counted["writes"] += written.total()
        counted["written_twice"] += any(n > 1 for n in written.values())
        held = {f["name"]: (f["value"] or {}).get("name") for f in ticket["customFields"] if _single(f)}
        counted["wrong"] += not _as_decided(decided.get(ticket["id"]), held, set(written))
    counted["lost"] += len(left)
    return Effects(**{name: counted[name] for name in Effects.__slots__})


def _as_decided(decision: TriageDecision | None, held: Mapping[str, Any], written: set[str]) -> bool:
    """Whether the fields hold what was decided, and no others were written."""
    if decision is None or decision.decision != "apply":
        return not written
    wanted = {"Issue type": decision.issue_type, "Category": decision.category, "Team": decision.team}
    allowed = set(wanted)
    if decision.priority_decision == "apply":
        wanted["Priority"] = decision.priority.capitalize()
        allowed.add("Priority")
    # The priority may hold already what is decided; the others are empty on arrival.
    return all(held.get(n) == v for n, v in wanted.items()) and allowed - {"Priority"} <= written <= allowed


def _single(shown: Mapping[str, Any]) -> bool:
    return shown["value"] is None or isinstance(shown["value"], dict)


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
