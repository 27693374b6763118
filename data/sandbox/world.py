"""The world: who there is, what was written and what the desk did, all from one seed.

Nothing here reads a clock: the history ends at a fixed simulated moment (`WorldConfig.end`), the live
weeks begin there. The same configuration always gives the same world.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from data.errors import SettingsError
from data.sandbox import draw
from data.sandbox.clients import Client, load_clients
from data.sandbox.desk import Desk, Fault, Release, build_desk, build_releases
from data.sandbox.lifecycle import Event, Labels, Story, tell
from data.sandbox.people import Directory, NameSource, build_directory
from data.sandbox.slots import Span
from data.sandbox.texts import load_families
from data.sandbox.writing import Requester, Written, write
from data.taxonomy import Taxonomy, load_taxonomy

PROJECT = "PAY"


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """What a world is made from. `end`: first simulated day after the history (UTC)."""

    seed: int = 7
    months: int = 6
    clients: int = 4
    tickets_per_day: float = 44.0
    live_days: int = 14
    live_per_day: float = 36.0
    end: date = date(2026, 11, 1)

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be between {low} and {high}, not {value}"
            for name, value, low, high in (
                ("months", self.months, 1, 24),
                ("tickets_per_day", self.tickets_per_day, 1, 2000),
                ("live_days", self.live_days, 1, 60),
                ("live_per_day", self.live_per_day, 0, 2000),
            )
            if not low <= value <= high
        ]
        if problems:
            raise SettingsError(
                "The sandbox cannot be built: " + "; ".join(problems) + ".", remedy="Pass values in range."
            )

    @property
    def start(self) -> date:
        """Return the first day of the history."""
        months = self.end.year * 12 + self.end.month - 1 - self.months
        return date(months // 12, months % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class WorldTicket:
    """One ticket with its truth. `agent`: the labels at the end of its story, `None` if never triaged."""

    number: int
    client: str
    country: str
    persona: str
    channel: str
    lang: str
    reporter: Requester
    created: datetime
    summary: str
    description: str
    spans: tuple[Span, ...]
    family: str
    kind: str
    truth: Labels
    agent: Labels | None
    resolved: datetime | None
    tags: tuple[str, ...]
    events: tuple[Event, ...]

    @property
    def readable_id(self) -> str:
        return f"{PROJECT}-{self.number}"


@dataclass(frozen=True)
class World:
    """Everything that is the case. `live` follows `history`; their families are disjoint."""

    config: WorldConfig
    taxonomy: Taxonomy
    clients: tuple[Client, ...]
    directories: Mapping[str, Directory]
    desk: Desk
    releases: tuple[Release, ...]
    history: tuple[WorldTicket, ...]
    live: tuple[WorldTicket, ...]

    @cached_property
    def end(self) -> datetime:
        """Return the moment where the history ends and the live weeks begin."""
        return datetime.combine(self.config.end, time(), UTC)

    @cached_property
    def fingerprint(self) -> str:
        """Return a SHA-256 over every ticket, in order: equal worlds have equal fingerprints."""
        digest = hashlib.sha256()
        for ticket in (*self.history, *self.live):
            digest.update(repr(ticket).encode())
        return digest.hexdigest()


def personal_spans(ticket: WorldTicket) -> tuple[Span, ...]:
    """Return the exact truth of what is personal in the ticket's summary and description."""
    return ticket.spans


def build_world(config: WorldConfig) -> World:
    """Build the world of a configuration. Raises `SettingsError` for an impossible one."""
    taxonomy = load_taxonomy()
    first, last = config.start, config.end + timedelta(days=config.live_days)
    clients, names = _clients(config), NameSource(config.seed)
    directories = _directories(config, clients, names)
    desk = build_desk(taxonomy, names, _stream(config, "desk"))
    spans = [datetime.combine(d, time(), UTC) for d in (first, last)]
    releases = build_releases(spans[0], spans[1], taxonomy, _stream(config, "releases"))
    bare = World(config, taxonomy, clients, directories, desk, releases, (), ())
    past, future = _picks(bare)
    history, live = _tickets(bare, past, future)
    return World(config, taxonomy, clients, directories, desk, releases, history, live)


def build_directories(config: WorldConfig) -> dict[str, Directory]:
    """Return every client's people, the same as in `build_world`, in a fraction of the time."""
    return _directories(config, _clients(config), NameSource(config.seed))


def build_roster(config: WorldConfig) -> Desk:
    """Return the desk's own people, the same as in `build_world`, in a fraction of the time."""
    names = NameSource(config.seed)
    _directories(config, _clients(config), names)  # names are handed out in this order
    return build_desk(load_taxonomy(), names, _stream(config, "desk"))


def _clients(config: WorldConfig) -> tuple[Client, ...]:
    return load_clients(config.clients, config.start, config.end + timedelta(days=config.live_days))


def _directories(config: WorldConfig, clients: tuple[Client, ...], names: NameSource) -> dict[str, Directory]:
    return {c.key: build_directory(c, names, _stream(config, f"people/{c.key}")) for c in clients}


def _stream(config: WorldConfig, name: str) -> random.Random:
    # One stream per purpose: a change in one part leaves the other parts of the world as they were.
    return random.Random(f"{config.seed}/{name}")


def _picks(world: World) -> tuple[list[draw.Pick], list[draw.Pick]]:
    config, faults = world.config, [f for r in world.releases for f in r.faults]
    old, new = draw.split_families(load_families(), _stream(config, "families"))
    days = (config.end - config.start).days
    counts = draw.type_counts(round(days * config.tickets_per_day), world.taxonomy)
    last = config.end - timedelta(days=1)
    past = draw.Placement(world.clients, config.start, last, faults, _stream(config, "history days"))
    drawn = draw.draw_history(old, counts, _stream(config, "history texts"))
    over = config.end + timedelta(days=config.live_days - 1)
    ahead = draw.Placement(world.clients, config.end, over, faults, _stream(config, "live days"))
    total = round(config.live_days * config.live_per_day)
    coming = draw.draw_live(new, counts, total, _stream(config, "live texts"))
    return [past.place(f) for f in drawn], [ahead.place(f) for f in coming]


def _tickets(
    world: World, past: list[draw.Pick], future: list[draw.Pick]
) -> tuple[tuple[WorldTicket, ...], tuple[WorldTicket, ...]]:
    rng = _stream(world.config, "writing")
    timed = [(_moment(p.day, rng), n, p) for n, p in enumerate((*past, *future))]
    timed.sort(key=lambda entry: (entry[0], entry[1]))
    earlier: dict[str, list[str]] = {c.key: [] for c in world.clients}
    closed: set[Fault] = set()
    found: list[WorldTicket] = []
    for number, (created, _, pick) in enumerate(timed, start=1):
        found.append(_ticket(world, number, created, pick, earlier[pick.client.key], closed))
        earlier[pick.client.key].append(found[-1].readable_id)
    return tuple(t for t in found if t.created < world.end), tuple(t for t in found if t.created >= world.end)


def _moment(day: date, rng: random.Random) -> datetime:
    hour = min(23.9, max(0.1, rng.gauss(10.5, 3.2)))
    return datetime.combine(day, time(), UTC) + timedelta(milliseconds=int(hour * 3_600_000))


def _ticket(
    world: World, number: int, created: datetime, pick: draw.Pick, earlier: list[str], closed: set[Fault]
) -> WorldTicket:
    rng = _stream(world.config, f"ticket/{pick.family.id}/{number}")
    family = pick.family
    release = next((r.name for r in reversed(world.releases) if r.at <= created), world.releases[0].name)
    fault = _fault(world, family.issue_type, created)
    written = write(
        pick, created, world.directories[pick.client.key], world.desk, release, earlier[-60:], rng
    )
    truth = Labels.of(family.issue_type, family.priority, world.taxonomy)
    story = Story((), None, None, ())
    if created < world.end:
        reviewed = draw.is_reviewed(family.id, world.config.seed)
        story = tell(world.desk, world.taxonomy, pick, created, written, truth, fault, closed, reviewed, rng)
        story = story.until(world.end)
    return _assembled(number, created, pick, written, truth, story)


def _assembled(
    number: int, created: datetime, pick: draw.Pick, written: Written, truth: Labels, story: Story
) -> WorldTicket:
    return WorldTicket(
        number=number,
        client=pick.client.key,
        country=pick.country,
        persona=pick.family.persona,
        channel=pick.family.channel,
        lang=pick.family.lang,
        reporter=written.reporter,
        created=created,
        summary=written.summary,
        description=written.description,
        spans=written.spans,
        family=pick.family.id,
        kind=pick.family.kind,
        truth=truth,
        agent=story.labels,
        resolved=story.resolved,
        tags=story.tags,
        events=story.events,
    )


def _fault(world: World, issue_type: str, at: datetime) -> Fault | None:
    for release in world.releases:
        for fault in release.faults:
            if fault.issue_type == issue_type and fault.start <= at < fault.start + timedelta(
                days=fault.days
            ):
                return fault
    return None
