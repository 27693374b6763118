"""What waits in the outbox, delivered a few operations at a time.

Threads talk to the tracker; what became of a claim is written down by the caller's thread, all of it in
one transaction. The store never hands out two operations of one ticket at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from data.caps import Caps
from data.clock import Clock
from data.errors import TrackerError
from data.store import Store, absence, alerts, outbox, tickets
from data.store.outbox import Operation
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError
from serving.deliver import (
    Delivered,
    HeldBackError,
    NotSettledError,
    deliver,
    deliver_fields,
    deliver_undo,
)
from serving.effects import FIELDS, GIVEN_UP, UNDO
from serving.journal import Journal, Reach

ABREAST = 4
_ATTEMPTS = 1000  # an outage of days must not bury what waits
_SETTLING = timedelta(seconds=10)  # a comment sent off is visible after that, if it arrived


@dataclass(frozen=True, slots=True)
class _PutBack:
    """Not now: why, and after how many seconds again (`None`: by the number of attempts).

    `away`: because the tracker did not answer as it should. `counted`: an attempt was used up.
    """

    why: str
    pause: float | None = None
    away: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """The tracker will never take this one, unless a person does something about it."""

    why: str
    remedy: str
    missing: bool = False
    """Whether the tracker did not show the ticket."""


_Ending = Delivered | _PutBack | _GivenUp


class Deliveries:
    """Claims and delivers. `tracker` is told about every answer and every failure."""

    def __init__(
        self,
        store: Store,
        client: YouTrackClient,
        clock: Clock,
        journal: Journal,
        tracker: Reach,
        *,
        owner: str,
        stop: threading.Event,
        lease_seconds: float,
        caps: Caps | None = None,
    ) -> None:
        self._store, self._client, self._clock, self._journal = store, client, clock, journal
        self._tracker, self._owner, self._stop = tracker, owner, stop
        self._lease_seconds, self._caps = lease_seconds, caps
        self._threads = ThreadPoolExecutor(ABREAST, thread_name_prefix="delivery")
        # SQLite makes its writers wait by sleeping; our own threads take turns without.
        self._turn = threading.Lock()
        self._broken_off = False

    def close(self) -> None:
        """Wait for what is being delivered and end the threads."""
        self._threads.shutdown()

    def turn(self, most: int, *, until: datetime | None = None) -> int:
        """Deliver what is due, about `most` operations; return how many were finished.

        No more are begun once `until` has passed, but for the first few: others than us wait as well.
        """
        if self._broken_off:  # the database went away before the endings were written down
            with self._store.write() as conn:
                outbox.release(conn, self._owner, self._clock.now())
        done, self._broken_off = 0, True
        while done < most and not self._stop.is_set() and self._tracker.due():
            limit = 1 if self._tracker.failing else ABREAST  # one is enough to see whether it is back
            with self._store.write() as conn:
                claimed = outbox.claim(
                    conn,
                    self._owner,
                    self._clock.now(),
                    self._lease_seconds,
                    limit,
                    max_attempts=_ATTEMPTS,
                )
            if not claimed:
                break
            endings = list(self._threads.map(self._attempt, claimed))
            self._note_reach(endings)
            with self._store.write() as conn:
                for operation, ending in zip(claimed, endings, strict=True):
                    done += self._settle(conn, operation, ending)
            if until is not None and self._clock.now() >= until:
                break
        self._broken_off = False
        return done

    def _attempt(self, operation: Operation) -> _Ending:
        """Deliver one operation in a thread of its own; every failure that is expected is an ending."""
        try:
            result = self._effect(operation)
        except outbox.CapReachedError as error:
            return _PutBack(str(error), error.seconds, counted=False)
        except HeldBackError:
            return _PutBack("waits: automation is paused", counted=False)
        except NotSettledError:
            said = operation.said_at or self._clock.now()
            rest = (said + _SETTLING - self._clock.now()).total_seconds()
            return _PutBack("waits until a comment sent off earlier would be visible", rest, counted=False)
        except RefusedError as error:
            return self._refusal(operation, error)
        except TrackerError as error:
            return _PutBack(error.message, getattr(error, "retry_after", None), away=True)
        return result

    def _note_reach(self, endings: Sequence[_Ending]) -> None:
        """Pause for all where the tracker asks for it or answered nobody; else a failure is one's own."""
        failed = [e for e in endings if isinstance(e, _PutBack) and e.away]
        asked = [e for e in failed if e.pause is not None]
        answered = any(isinstance(e, Delivered) for e in endings)
        if answered:
            self._tracker.answered()
        if asked:
            longest = max(asked, key=lambda e: e.pause or 0.0)
            self._tracker.failed(longest.why, longest.pause)
        elif not answered:
            for ending in failed:
                self._tracker.failed(ending.why)

    def _effect(self, operation: Operation) -> Delivered:
        """Deliver by kind; every write asks first whether the claim and the switch still allow it."""

        def allow(found: Mapping[str, str | None], says: bool) -> bool:
            with self._turn, self._store.write() as conn:
                now = self._clock.now()
                return outbox.may_write(conn, operation, now, found=found, says=says, caps=self._caps)

        if operation.kind == FIELDS:
            return deliver_fields(self._client, operation, allow)
        if operation.kind == UNDO:
            with self._store.read() as conn:
                done = outbox.get(conn, operation.payload["of"])
            if done is None:
                return Delivered(None, {}, "nothing to undo")
            return deliver_undo(self._client, operation, done, allow)
        said = operation.said_at
        settled = said is None or self._clock.now() - said >= _SETTLING
        return deliver(self._client, operation, allow, settled=settled)

    def _refusal(self, operation: Operation, error: RefusedError) -> _Ending:
        """Bury what the tracker will never take; wait where it is us whom it does not take.

        A ticket is not shown either because it is gone or because its whole project is hidden from us.
        """
        missing = isinstance(error, NotFoundError)
        try:
            if missing:
                self._client.fields_of(operation.payload["project"], fresh=True)
            else:
                self._client.check()
        except NotFoundError:
            return _PutBack(f"the project {operation.payload['project']} is hidden from us", away=True)
        except TrackerError as refused:
            return _PutBack(refused.message, away=True)
        return _GivenUp(error.message, error.remedy, missing=missing)

    def _settle(self, conn: Connection, operation: Operation, ending: _Ending) -> bool:
        """Write down how an attempt ended; tell whether the operation is finished."""
        op_id, fence, now = operation.op_id, operation.fence, self._clock.now()
        if isinstance(ending, _PutBack) and ending.counted and operation.attempts >= _ATTEMPTS:
            ending = _GivenUp(ending.why, f"It was tried {_ATTEMPTS:,} times: see that the tracker takes it.")
        if isinstance(ending, Delivered):
            facts = {"remote_id": ending.comment, "outcome": ending.outcome}
            if outbox.complete(conn, op_id, fence, now, left=ending.left, **facts):
                alerts.close(conn, GIVEN_UP, op_id, now)
            return True
        if isinstance(ending, _GivenUp):
            if outbox.fail(conn, op_id, fence, ending.why, now, permanent=True):
                self._tell(conn, operation, ending)
            if ending.missing:  # looked for once more before it is believed to be gone
                absence.missed(conn, [operation.ticket_id], now)
            return True
        again = ending.pause if ending.pause is not None else min(30.0, 2.0 ** min(operation.attempts - 1, 5))
        outbox.fail(
            conn,
            op_id,
            fence,
            ending.why,
            now,
            retry_seconds=again,
            max_attempts=_ATTEMPTS,
            counted=ending.counted,
        )
        return False

    def _tell(self, conn: Connection, operation: Operation, ending: _GivenUp) -> None:
        """Make a person look at what was given up: which ticket, why, and what can be done."""
        record = tickets.get(conn, operation.tenant, operation.ticket_id)
        then = f"Then `firstline outbox retry {operation.op_id}`; `outbox drop` where it is not wanted."
        facts = {
            "ticket": record.readable_id if record else operation.ticket_id,
            "project": operation.project,
            "kind": operation.kind,
            "reason": ending.why,
            "remedy": f"{ending.remedy} {then}",
        }
        alerts.warn(conn, GIVEN_UP, operation.op_id, facts, self._clock.now())
        self._journal.write("delivery given up", operation=operation.op_id, why=ending.why)
