"""The worker: finds new tickets, has them decided, delivers the decisions. One process beside the service.

Polling is the guarantee, events only make it faster. Every step commits its progress, so the process
may die anywhere: a decision and its intended effect are one transaction, and delivery looks before it
writes.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from data.audit_heads import HourlyExport
from data.caps import Caps
from data.clock import Clock, SystemClock
from data.errors import BadInputError, FirstlineError, TrackerError
from data.keyring import WORKER_NAME, secret_file
from data.reconcile import daily
from data.settings import Settings
from data.store import Store, decisions, inbox, open_store, workers
from data.sync import finished, poll, refresh, sync
from data.ticket import TicketRecord
from data.tracker import open_tracker
from data.youtrack.client import YouTrackClient
from data.youtrack.reach import OPENS_AFTER
from data.youtrack.transport import Retrying
from data.youtrack.webhook import WebhookError, parse_event
from serving.contract import decision_from
from serving.deliver import enqueue
from serving.deliveries import Deliveries
from serving.journal import Journal, Reach
from serving.policy import load_caps
from serving.presence import alive, at_work, myself
from serving.watching import Watch

T = TypeVar("T")
BATCH = 64
_TOGETHER = 8  # events
IDLE_SECONDS = 0.5
_SIGN = timedelta(seconds=15)
_KEEP_EVENTS = timedelta(days=7)
_HEAD, _TAIL = 33_000, 11_000  # what `render` can see of a long text, and some


class Stopping(Exception):  # noqa: N818 - not an error
    """Raised inside a long step when the process was asked to stop."""


class Worker:
    """The loop and its steps. `service` is an HTTP client with the service's base URL."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        client: YouTrackClient,
        service: httpx.Client,
        clock: Clock,
        journal: Journal,
        *,
        stop: threading.Event,
        lease_seconds: float = 90.0,
        caps: Caps | None = None,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._settings, self._store, self._client, self._service = settings, store, client, service
        self._clock, self._journal, self._stop = clock, journal, stop
        self._me = myself(clock.now())
        self._next_sign: datetime | None = None  # not before we are registered
        # As many as the breaker bears: a reply that got lost must not hold up everything else.
        self._tracker_reach = Reach("tracker", journal, clock, tolerated=OPENS_AFTER - 1)
        self._service_reach = Reach("service", journal, clock)
        self._store_reach = Reach("database", journal, clock)
        self._deliveries = Deliveries(
            store,
            client,
            clock,
            journal,
            self._tracker_reach,
            owner=self._me.worker,
            stop=stop,
            lease_seconds=lease_seconds,
            caps=caps,
        )
        self._next_poll = clock.now()
        self._chance = chance or random.SystemRandom().random  # who is audited must not be foreseeable
        self._heads = HourlyExport(store, settings.home)
        self._refused: set[str] = set()
        self._announced = False

    def run(self) -> None:
        """Work until asked to stop; the step in hand is finished."""
        self._journal.write("started", project=self._settings.project)
        self.register()
        while not self._stop.is_set():
            if not self.turn():
                self._stop.wait(IDLE_SECONDS)
        self._deliveries.close()
        with self._store.write() as conn:
            workers.leave(conn, self._me.worker)
        self._journal.write("stopped")

    def register(self) -> None:
        """Write down that we are at work, and take back what dead workers of this machine hold."""
        now = self._clock.now()
        with self._store.write() as conn:
            released, others = workers.register(conn, replace(self._me, seen_at=now), alive)
        self._next_sign = now + _SIGN
        if released:
            self._journal.write("leases of a dead worker taken back", operations=released)
        for other in others:
            if at_work(other, now):
                self._journal.write("another worker is at work too", worker=other.worker, pid=other.pid)

    def _give_sign(self) -> None:
        now = self._clock.now()
        if self._next_sign is None or now < self._next_sign:
            return
        with self._store.write() as conn:
            workers.seen(conn, self._me.worker, now)
        self._next_sign = now + _SIGN

    def turn(self) -> bool:
        """Do every step once; tell whether anything was done."""
        if not self._store_reach.due():
            return False
        busy = False
        try:
            for step in (self.read_events, self.read_tracker, self.triage, self.deliver):
                if self._stop.is_set():
                    break
                busy |= step() > 0
            self._give_sign()
            self._heads.turn(self._clock.now())
            if not busy:
                self.reconcile()
        except Stopping:
            return False
        except FirstlineError as error:
            self._store_reach.failed(error.message)
            return False
        self._store_reach.answered()
        return busy

    def read_events(self) -> int:
        """Re-read the tickets that events named; return how many events were worked off.

        A few at a time, one at a time where a reply was lost; what cannot be read now waits.
        """
        with self._store.read() as conn:
            events = inbox.pending(conn, BATCH)
        done = at = 0
        together = _TOGETHER
        while at < len(events) and self._tracker_reach.due() and not self._stop.is_set():
            some = events[at : at + together]
            if self._worked_off(some):
                at, done, together = at + len(some), done + len(some), min(_TOGETHER, 2 * together)
            else:
                at, together = at + (len(some) == 1), 1
            if done and self._clock.now() >= self._next_poll:
                break  # the poll finds the rest, and is not to wait for it
        if done:
            with self._store.write() as conn:
                inbox.forget(conn, self._clock.now() - _KEEP_EVENTS)
        return done

    def _worked_off(self, events: Sequence[tuple[str, str]]) -> bool:
        ids = [i for _, body in events if (i := self._named(body)) is not None]
        if ids and not self._asked(lambda: refresh(self._client, self._store, self._clock, ids)):
            return False
        with self._store.write() as conn:
            inbox.processed(conn, [key for key, _ in events], self._clock.now())
        return True

    def read_tracker(self) -> int:
        """Poll when it is time; the first time on an empty store, synchronise everything."""
        if self._clock.now() < self._next_poll or not self._tracker_reach.due():
            return 0
        changed: list[str] = []

        def look() -> None:
            if finished(self._store):
                changed.extend(poll(self._client, self._store, self._clock, project=self._settings.project))
                return
            if not self._announced:
                self._journal.write("first synchronisation")
            self._announced = True
            report = sync(
                self._client,
                self._store,
                self._clock,
                project=self._settings.project,
                progress=self._interruptible,
            )
            self._journal.write("synchronised", tickets=report.stored_tickets)

        if self._asked(look):
            self._next_poll = self._clock.now() + timedelta(seconds=self._settings.poll_seconds)
        return len(changed)

    def reconcile(self) -> None:
        """Compare store and ledger with the tracker once a day; what stays wrong is an alert."""
        if self._stop.is_set() or not self._tracker_reach.due():
            return

        def compare() -> bool:
            found = daily(self._client, self._store, self._clock, self._settings.project)
            if found is None:
                return False
            swept, ledger = found
            self._journal.write(
                "reconciled",
                tickets=swept.stored_tickets,
                repaired=swept.repaired,
                unrepaired=len(swept.unrepaired),
                without_ledger_row=ledger.missing_total,
            )
            return True

        self._asked(compare)

    def triage(self) -> int:
        """Have the next tickets decided and commit decisions with their effects; return how many."""
        if not self._service_reach.due():
            return 0
        with self._store.read() as conn:
            waiting = decisions.untriaged(conn, BATCH + len(self._refused))
        records = [r for r in waiting if r.ticket.id not in self._refused][:BATCH]
        if not records:
            return 0
        try:
            facts, results = self._decided(records)
        except (httpx.HTTPError, BadInputError, ValueError, KeyError, TypeError) as error:
            self._service_reach.failed(f"{type(error).__name__}: {error}")
            return 0
        self._service_reach.answered()
        now = self._clock.now()
        saved = 0
        with self._store.write() as conn:
            watch = Watch.begin(conn, facts, now)
            for record, result in zip(records, results, strict=True):
                if "error" in result:
                    self._refused.add(record.ticket.id)
                    continue
                decided = decision_from(result)
                if enqueue(conn, record, watch.allowed(record, decided), facts["certificates"], now):
                    saved += 1
                    watch.draw(conn, record, decided, self._chance)
        for record, result in zip(records, results, strict=True):
            if "error" in result:
                self._journal.write("not triaged", ticket=record.readable_id, why=result["error"])
        self._journal.write("triaged", tickets=saved)
        return saved

    def deliver(self) -> int:
        """Deliver what is due, a batch at most and until the next poll; return how many were finished."""
        return self._deliveries.turn(BATCH, until=self._next_poll)

    def _decided(self, records: list[TicketRecord]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        body = {"tickets": [_as_json(r) for r in records]}
        answer = self._service.post("/v1/triage", json=body)
        answer.raise_for_status()
        results = answer.json()["results"]
        if not isinstance(results, list) or len(results) != len(records):
            raise ValueError("the service answered another number of tickets")
        facts = self._service.get("/v1/bundle")
        facts.raise_for_status()
        return facts.json(), results

    def _asked(self, look: Callable[[], object]) -> bool:
        """Run something that talks to the tracker; note how that went. `False`: it had nothing to ask."""
        try:
            silent = look() is False
        except TrackerError as error:
            self._tracker_reach.failed(error.message, getattr(error, "retry_after", None))
            return False
        if not silent:
            self._tracker_reach.answered()
        return True

    def _named(self, body: str) -> str | None:
        try:
            event = parse_event(body.encode())
        except WebhookError:
            return None
        return event.id if event.project == self._settings.project else None

    def _interruptible(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG002
        for item in items:
            if self._stop.is_set():
                raise Stopping
            yield item


def _as_json(record: TicketRecord) -> dict[str, Any]:
    t = record.ticket
    return {
        "id": t.id,
        "summary": t.summary[:_HEAD],
        "description": t.description
        if len(t.description) <= _HEAD + _TAIL
        else t.description[:_HEAD] + t.description[-_TAIL:],
        "client": t.client,
        "country": t.country,
        "lang": t.lang,
    }


def own_key(settings: Settings) -> dict[str, str]:
    """Return the headers that let our own worker into a service that asks for keys."""
    if settings.access != "keys":
        return {}
    return {"Authorization": f"Bearer {secret_file(settings.home / WORKER_NAME)}"}


def run(settings: Settings) -> None:
    """Run the worker until SIGTERM or Ctrl-C; the batch in hand is finished."""
    clock, stop = SystemClock(), threading.Event()
    # The retry library writes a line per attempt; the journal has one per change of state.
    logging.getLogger("stamina").setLevel(logging.CRITICAL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with (
        open_store(settings.database_url) as store,
        httpx.Client(timeout=httpx.Timeout(30.0, connect=5.0)) as tracker,
        httpx.Client(
            base_url=settings.service_url,
            timeout=httpx.Timeout(70.0, connect=5.0),
            headers=own_key(settings),
        ) as service,
    ):
        client = open_tracker(settings, tracker, clock, store=store, retrying=Retrying(total=20.0, asked=2.0))
        journal = Journal(sys.stderr, clock, "worker")
        caps = load_caps(settings.policy)
        Worker(settings, store, client, service, clock, journal, stop=stop, caps=caps).run()
