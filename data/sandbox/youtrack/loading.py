"""From the world to the tracker: users, the project, and the history as the desk's tickets."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from data.clock import to_millis
from data.sandbox.texts import load_families
from data.sandbox.world import PROJECT, World, WorldTicket
from data.sandbox.youtrack.model import Event, Issue, Project, User
from data.sandbox.youtrack.sla import GOALS
from data.sandbox.youtrack.state import TrackerState, build_project
from data.settings import SANDBOX_TOKEN
from data.taxonomy import OUT_OF_SCOPE

SERVICE_LOGIN, BOARD_LOGIN = "svc-firstline", "board.visitor"
BOARD_TOKEN = "perm:Ym9hcmQ=.c2FuZGJveA==.sandbox-board"


class SandboxClock:
    """Simulated time: begins where the history ends, runs at the speed of real time, can be moved on.

    Filing a live ticket moves it to the moment at which the world has that ticket written, so that two
    simulated weeks pass in as many seconds as filing takes. It never goes back.
    """

    def __init__(self, start: datetime) -> None:
        self._start, self._zero = start, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._zero)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def reach(self, moment: datetime) -> None:
        """Move on to `moment` unless it has passed."""
        ahead = moment - self.now()
        if ahead > timedelta(0):
            self._start += ahead


@dataclass
class SandboxState:
    """The served desk: the world, the tracker made from it, its clock, and which ticket is which."""

    world: World
    tracker: TrackerState
    clock: SandboxClock
    truth: dict[str, WorldTicket] = field(default_factory=dict)
    """The world's ticket behind each issue, by database id; tickets filed on the board have none."""

    def find_truth(self, issue_id: str) -> tuple[Issue, WorldTicket] | None:
        """Return the issue (by database or readable id) with the world's ticket behind it."""
        issue = self.tracker.find_issue(issue_id)
        ticket = self.truth.get(issue.id) if issue else None
        return (issue, ticket) if issue and ticket else None

    def allow(
        self, *, login: str = "", project: str = "", reads: bool = True, guest_banned: bool = False
    ) -> None:
        """Give or take a user's permission to see a project; ban the guest or let it in."""
        change = self.tracker.lost.discard if reads else self.tracker.lost.add
        change((login, project))
        self.tracker.guest_banned = guest_banned


def go_on(state: SandboxState, now: datetime) -> None:
    """Continue as a desk that a store may have seen before: later, and with ids nobody was given yet.

    A stand-in that starts again would give a new ticket the id of one that was filed before the restart,
    and the store rightly takes the two for one. Simulated time continues after the live weeks, or as
    long after them as `now` (real) is after the history's end.
    """
    config = state.world.config
    state.clock.reach(max(state.world.end, now) + timedelta(days=config.live_days))
    seconds = int(now.timestamp())
    state.tracker.skip_to(number=seconds // 10 % 10_000_000, entity=100 * seconds)


def load(world: World) -> SandboxState:
    """Fill a tracker with the world's people and its history."""
    state = SandboxState(world, TrackerState(_project(world)), SandboxClock(world.end))
    tracker = state.tracker
    engineering = tracker.add_project(_engineering())
    tracker.tokens[SANDBOX_TOKEN] = tracker.add_user(SERVICE_LOGIN, "Firstline", team=True)
    tracker.tokens[BOARD_TOKEN] = tracker.add_user(BOARD_LOGIN, "You, at the board", team=True)
    for agent in world.desk.everyone:
        tracker.add_user(agent.login, agent.name, email=agent.email, team=True)
    engineering.leader = tracker.project.leader
    engineering.team.members |= tracker.project.team.members
    with _uncollected():
        for ticket in world.history:
            issue = file_ticket(state, ticket, to_millis(ticket.created))
            _replay(tracker, issue, ticket)
        tracker.sort_activities()
    return state


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking a growing history again and again; nothing of it is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def file_ticket(state: SandboxState, ticket: WorldTicket, at: int) -> Issue:
    """File a world's ticket the way its requester does: untriaged, with what the portal knows."""
    tracker = state.tracker
    reporter = _reporter(tracker, ticket)
    issue = tracker.create_issue(reporter, ticket.summary, ticket.description, at)
    # Set on creation, not changed afterwards: the tracker shows no activity for these.
    for name, value in (
        ("Client", ticket.client),
        ("Country", ticket.country),
        ("Persona", ticket.persona),
        ("Channel", ticket.channel),
    ):
        issue.fields[name] = tracker.project.fields[name].values[value]
    state.truth[issue.id] = ticket
    return issue


def _reporter(tracker: TrackerState, ticket: WorldTicket) -> User:
    who = ticket.reporter
    return tracker.users.get(who.login) or tracker.add_user(who.login, who.name, email=who.email)


def _replay(tracker: TrackerState, issue: Issue, ticket: WorldTicket) -> None:
    for event in ticket.events:
        author, at = tracker.users[event.author], to_millis(event.at)
        if event.kind == "comment":
            tracker.add_comment(issue, author, at, event.new or "", internal=event.internal)
        elif event.kind == "tag":
            tracker.add_tag(issue, author, at, tracker.tag(event.name))
        elif event.name == "Assignee":
            tracker.set_field(issue, author, at, event.name, tracker.users[event.new or ""])
        else:
            value = tracker.project.fields[event.name].values[event.new or ""]
            tracker.set_field(issue, author, at, event.name, value)


def _project(world: World) -> Project:
    families = load_families()
    taxonomy = world.taxonomy
    countries = sorted({code for client in world.clients for code in client.countries})
    project = build_project(
        PROJECT,
        "Payroll Support",
        [
            ("Category", "enum[1]", [*taxonomy.categories, OUT_OF_SCOPE], None),
            ("Issue type", "enum[1]", list(taxonomy.labels), None),
            ("Priority", "enum[1]", [p.capitalize() for p in taxonomy.priorities], "Normal"),
            ("Team", "enum[1]", list(taxonomy.teams), None),
            ("State", "state[1]", ["New", "Open", "Waiting", "!Resolved", "Reopened"], "New"),
            ("Client", "enum[1]", [c.key for c in world.clients], None),
            ("Country", "enum[1]", countries, None),
            ("Persona", "enum[1]", sorted({f.persona for f in families}), None),
            ("Channel", "enum[1]", sorted({f.channel for f in families}), None),
            ("Assignee", "user[1]", [], None),
            *((name, "sla", [], None) for name, _ in GOALS),
        ],
    )
    for name, goal in GOALS:
        project.fields[name].goal = goal
    return project


def _engineering() -> Project:
    """Where tickets that turn out to be defects are moved to; empty at first, with fields of every kind."""
    fields = [
        ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
        ("Type", "enum[1]", ["Bug", "Task", "Feature"], "Bug"),
        ("State", "state[1]", ["Submitted", "In Progress", "!Fixed", "!Duplicate"], "Submitted"),
        ("Stage", "enum[1]", ["Backlog", "Develop", "Review"], "Backlog"),
        ("Assignee", "user[1]", [], None),
        ("Reviewers", "user[*]", [], None),
        ("Watchers", "group[1]", [], None),
        ("Areas", "enum[*]", ["Tax", "Payslips", "Interfaces"], None),
        ("Fix versions", "version[*]", ["26.1", "26.2"], None),
        ("Affected build", "build[1]", ["1201", "1202"], None),
        ("Subsystem", "ownedField[1]", ["Engine", "Portal"], None),
        ("Estimation", "period", [], None),
        ("Reference", "string", [], None),
        ("Points", "integer", [], None),
        ("Risk", "float", [], None),
        ("Due date", "date", [], None),
        ("Call at", "date and time", [], None),
        ("Steps", "text", [], None),
    ]
    project = build_project("ENG", "Payroll Engineering", fields, number=4, helpdesk=False)
    project.fields["Stage"].machine = (
        Event("start work", "Start work", ("Backlog", "Review"), "Develop"),
        Event("ask for review", "Ask for review", ("Develop",), "Review"),
    )
    project.fields["Estimation"].shown_when = ("Type", "Task")
    return project
