"""What the desk does with a ticket: triage, answers, resolution, reopening, root causes, reviews."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from data.sandbox.desk import Agent, Desk, Fault, label_slip, priority_slip
from data.sandbox.draw import Pick
from data.sandbox.texts import load_resolutions, load_root_causes
from data.sandbox.writing import Written
from data.taxonomy import OUT_OF_SCOPE, Taxonomy

REVIEW_TAG, ROOT_CAUSE_TAG = "qa-reviewed", "l3-root-cause"
NOTICED_SHARE = 0.12
"""Share of wrong first labels that the agents themselves correct before resolving."""
SILENT_SHARE, REOPEN_SHARE, REOPEN_WHEN_WRONG = 0.12, 0.045, 0.16
ROOT_CAUSE_SHARE = 0.35
"""Share of an L3 ticket outside a known fault for which engineers write a root cause."""
_HOURS = {"critical": 3.0, "major": 9.0, "normal": 22.0, "minor": 40.0}
_STILL = (
    "Sorry, this is still not solved.",
    "It is the same as before, please look again.",
    "Hello, your answer did not help, the problem is still there.",
    "That worked for a moment and now it is back.",
)
_ASKED = (
    "Could you send us a screenshot and the exact time, please?",
    "Which pay group is this about?",
    "Please confirm that we may contact the employee directly.",
)
_MERGED = ("Merged into {ref}.", "Duplicate of {ref}, closed there.", "Handled on the phone, nothing to add.")


@dataclass(frozen=True, slots=True)
class Labels:
    """The four triage fields: taxonomy keys and a lower-case priority."""

    issue_type: str
    category: str
    team: str
    priority: str

    @classmethod
    def of(cls, issue_type: str, priority: str, taxonomy: Taxonomy) -> Labels:
        return cls(issue_type, taxonomy.category_of(issue_type), taxonomy.team_of(issue_type), priority)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `field`: `name` from `old` to `new`; `comment`: `new` is its text."""

    at: datetime
    author: str
    kind: Literal["field", "comment", "tag"]
    name: str
    old: str | None
    new: str | None
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """A ticket's events in order, and where they leave it."""

    events: tuple[Event, ...]
    labels: Labels | None
    resolved: datetime | None
    tags: tuple[str, ...]

    def until(self, end: datetime) -> Story:
        """Return the story as far as it got before `end`."""
        events = tuple(e for e in self.events if e.at < end)
        if len(events) == len(self.events):
            return self
        values = {e.name: e.new for e in events if e.kind == "field"}
        resolved = self.resolved if values.get("State") == "Resolved" else None
        if resolved is not None:
            resolved = next(e.at for e in reversed(events) if e.name == "State" and e.new == "Resolved")
        labels = None
        if values.get("Issue type") and values.get("Category") and values.get("Team"):
            labels = Labels(
                values["Issue type"] or "",
                values["Category"] or "",
                values["Team"] or "",
                (values.get("Priority") or "Normal").lower(),
            )
        return Story(events, labels, resolved, tuple(e.new or "" for e in events if e.kind == "tag"))


class _Diary:
    """Collects events; knows the fields' present values so that each change says what it replaced."""

    def __init__(self, created: datetime) -> None:
        self.at = created
        self.events: list[Event] = []
        self.values: dict[str, str | None] = {"State": "New", "Priority": "Normal"}

    def wait(self, minutes: float) -> None:
        self.at += timedelta(seconds=int(max(0.2, minutes) * 60))

    def set(self, author: str, name: str, value: str) -> None:
        old = self.values.get(name)
        if old != value:
            self.values[name] = value
            self.events.append(Event(self.at, author, "field", name, old, value))

    def label(self, author: str, labels: Labels) -> None:
        self.set(author, "Category", labels.category)
        self.set(author, "Issue type", labels.issue_type)
        self.set(author, "Team", labels.team)
        self.set(author, "Priority", labels.priority.capitalize())

    def say(self, author: str, text: str, *, internal: bool) -> None:
        self.events.append(Event(self.at, author, "comment", "", None, text, internal))

    def tag(self, author: str, name: str) -> None:
        self.events.append(Event(self.at, author, "tag", name, None, name))


def tell(
    desk: Desk,
    taxonomy: Taxonomy,
    pick: Pick,
    created: datetime,
    written: Written,
    truth: Labels,
    fault: Fault | None,
    closed: set[Fault],
    reviewed: bool,
    rng: random.Random,
) -> Story:
    """Tell a ticket's whole story, as if the desk had for ever.

    `closed` holds the faults whose root cause has been written; the first ticket of a fault gets it.
    """
    diary = _Diary(created)
    agent = rng.choice(desk.agents[truth.team])
    shown = Labels.of(label_slip(pick.family, taxonomy, rng), priority_slip(truth.priority, rng), taxonomy)
    _triage(diary, rng.choice(desk.agents[shown.team]), agent, shown, rng)
    if shown.issue_type != truth.issue_type and rng.random() < NOTICED_SHARE:
        diary.wait(rng.lognormvariate(4, 0.8))
        shown = Labels.of(truth.issue_type, shown.priority, taxonomy)
        diary.label(agent.login, shown)
    _work(diary, agent, written, truth, rng)
    chance = REOPEN_SHARE if shown.issue_type == truth.issue_type else REOPEN_WHEN_WRONG
    if rng.random() < chance and truth.issue_type != OUT_OF_SCOPE:
        _reopen(diary, agent, written, rng)
    resolved = diary.at
    _engineer(diary, desk, taxonomy, written, truth, fault, closed, rng)
    if reviewed:
        diary.wait(rng.uniform(12, 96) * 60)
        reviewer = rng.choice(desk.reviewers).login
        diary.label(reviewer, truth)
        diary.tag(reviewer, REVIEW_TAG)
        shown = truth
    tags = tuple(e.new or "" for e in diary.events if e.kind == "tag")
    return Story(tuple(diary.events), shown, resolved, tags)


def _triage(diary: _Diary, triager: Agent, agent: Agent, shown: Labels, rng: random.Random) -> None:
    diary.wait(rng.lognormvariate(2.8, 0.9))
    diary.label(triager.login, shown)
    diary.set(triager.login, "State", "Open")
    diary.set(triager.login, "Assignee", agent.login)


def _work(diary: _Diary, agent: Agent, written: Written, truth: Labels, rng: random.Random) -> None:
    """Ask back at times, then close with a note and a reply, or in silence (merged, phoned)."""
    if rng.random() < 0.12:
        diary.wait(rng.lognormvariate(4.5, 0.8))
        diary.say(agent.login, rng.choice(_ASKED), internal=False)
        diary.set(agent.login, "State", "Waiting")
        diary.wait(rng.lognormvariate(5.5, 0.9))
        diary.say(written.reporter.login, "Here it is, thank you.", internal=False)
        diary.set(agent.login, "State", "Open")
    diary.wait(60 * _HOURS[truth.priority] * rng.lognormvariate(-0.3, 0.8))
    answers = load_resolutions().get(truth.issue_type, ())
    if rng.random() < SILENT_SHARE or not answers:
        if rng.random() < 0.5:
            text = rng.choice(_MERGED).format(ref=written.filler.facts.earlier[0])
            diary.say(agent.login, text, internal=True)
    else:
        answer = rng.choice(answers)
        diary.say(agent.login, written.filler.fill(answer.internal_note)[0], internal=True)
        diary.wait(rng.uniform(1, 9))
        diary.say(agent.login, written.filler.fill(answer.public_reply)[0], internal=False)
    diary.wait(rng.uniform(0.3, 3))
    diary.set(agent.login, "State", "Resolved")


def _reopen(diary: _Diary, agent: Agent, written: Written, rng: random.Random) -> None:
    diary.wait(rng.uniform(2, 60) * 60)
    diary.say(written.reporter.login, rng.choice(_STILL), internal=False)
    diary.set(written.reporter.login, "State", "Reopened")
    diary.wait(rng.uniform(1, 30) * 60)
    diary.say(agent.login, "Looked at it again with the team; solved for good this time.", internal=False)
    diary.set(agent.login, "State", "Resolved")


def _engineer(
    diary: _Diary,
    desk: Desk,
    taxonomy: Taxonomy,
    written: Written,
    truth: Labels,
    fault: Fault | None,
    closed: set[Fault],
    rng: random.Random,
) -> None:
    """Write the root cause of a fault once, and at times that of another L3 ticket."""
    causes = load_root_causes().get(truth.issue_type, ())
    kind = taxonomy.issue_types.get(truth.issue_type)
    if fault is not None and fault not in closed:
        closed.add(fault)
        cause = replace(fault.cause, introduced_in=fault.release)
    elif (
        fault is None
        and causes
        and kind is not None
        and kind.tier == "L3"
        and rng.random() < ROOT_CAUSE_SHARE
    ):
        cause = rng.choice(causes)
    else:
        return
    engineer = rng.choice(desk.engineers).login
    diary.wait(rng.uniform(3, 40) * 60)
    lines = ["ROOT CAUSE"]
    for name in (
        "symptom", "root_cause", "fix", "workaround", "detection", "prevention", "component", "introduced_in"
    ):  # fmt: skip
        lines.append(f"{name}: {written.filler.fill(getattr(cause, name) or 'unknown')[0]}")
    diary.say(engineer, "\n".join(lines), internal=True)
    diary.tag(engineer, ROOT_CAUSE_TAG)
