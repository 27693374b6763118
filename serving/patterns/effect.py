"""One pattern's effects on the client system: each once, confirmed, or taken back. I/O at the edge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data.client_system import ClientSystem, Done, Key
from data.client_system_calls import ClientSystemError, UnavailableError, UncertainError
from data.clock import Clock
from data.store import pattern_steps
from data.store.database import TenantStore
from data.store.pattern_steps import Step
from kb.actions import Alone, Write
from kb.pattern import Pattern
from serving.patterns.case import Case
from serving.patterns.checking import bound, holds, words_of

_UNCERTAIN = "MAY HAVE HAPPENED; the answer was lost"
_NOT_DONE = "not done"


class NotDoneError(Exception):
    """The effects did not all come about or were not confirmed; `why` in words without personal data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def operation_id(tenant: str, ticket_id: str, pattern: str, step: str) -> str:
    """Name one operation: the same step of the same pattern on the same ticket has the same name."""
    digest = hashlib.sha256("\0".join((tenant, ticket_id, pattern, step)).encode()).hexdigest()
    return f"firstline-{digest[:32]}"


@dataclass
class Effects:
    """Has a pattern's effects for one ticket. `did` tells them in words, in the order they happened.

    `paused`: whether the kill switch is on.
    """

    system: ClientSystem
    store: TenantStore
    clock: Clock
    case: Case
    pattern: Pattern
    plan: Alone
    paused: Callable[[], bool]

    def __post_init__(self) -> None:
        self.did: list[str] = []
        self._changed: list[int] = []

    def have(self) -> None:
        """Have all effects in order and confirm them. Raises `NotDoneError`: then `take_back`."""
        self._not_again()
        for number, write in enumerate(self.plan.writes):
            self._one(number, write)
        for check in self.pattern.confirm:
            arguments = bound(check.arguments, self.case) or {}
            try:
                record = getattr(self.system, check.read)(**arguments)
            except ClientSystemError as error:
                raise NotDoneError(f"it could not be confirmed: {error.message}") from None
            if not holds(check, record):
                raise NotDoneError(f"it was not confirmed ({words_of(check)})")

    def take_back(self) -> None:
        """Take back what was changed here, the last first, where something takes it back."""
        for number in reversed(self._changed):
            write = self.plan.writes[number]
            if write.undo is None:
                self.did.append(f"{_words(write)}: stays; it takes nothing away that could be lost")
                continue
            step, fresh = self._begun(f"undo:{number}")
            if step.state == "done":
                self.did.append(f"{_words(write)}: taken back")
                continue
            try:
                self._sent(write.undo, step.step, fresh=fresh)
            except UncertainError:
                self._move(step, "uncertain")
                self.did.append(f"{_words(write.undo)}: may have been taken back; the answer was lost")
            except ClientSystemError as error:
                self._move(step, "refused")
                self.did.append(f"{_words(write)}: COULD NOT be taken back: {error.message}")
            else:
                self._move(step, "done")
                self.did.append(f"{_words(write)}: taken back")

    def _not_again(self) -> None:
        """What an earlier run began to take back is taken back to the end, and not done anew."""
        known = {s.step: s for s in self._steps()}
        if not any(name.startswith("undo:") for name in known):
            return
        for number, write in enumerate(self.plan.writes):
            step = known.get(f"write:{number}")
            if step is None:
                continue
            if step.state == "done":
                self._note(number, write, changed=bool(step.facts.get("changed")))
            else:
                self.did.append(f"{_words(write)}: {_NOT_DONE if step.state == 'refused' else _UNCERTAIN}")
        raise NotDoneError("an earlier run failed and was taking it back")

    def _one(self, number: int, write: Write) -> None:
        step, fresh = self._begun(f"write:{number}")
        if step.state == "done":
            self._note(number, write, changed=bool(step.facts.get("changed")))
            return
        if step.state == "refused":
            self.did.append(f"{_words(write)}: {_NOT_DONE}")
            raise NotDoneError("the client system refused it before")
        if self.paused():  # asked anew before every effect
            self.did.append(f"{_words(write)}: {_NOT_DONE}")
            raise NotDoneError("automation is paused")
        try:
            done = self._sent(write, step.step, fresh=fresh)
        except UncertainError as error:
            self._move(step, "uncertain")
            self.did.append(f"{_words(write)}: {_UNCERTAIN}")
            raise NotDoneError(error.message) from None
        except ClientSystemError as error:
            self._move(step, "refused")
            self.did.append(f"{_words(write)}: {_NOT_DONE}")
            raise NotDoneError(error.message) from None
        self._move(step, "done", {"changed": done.changed})
        self._note(number, write, changed=done.changed)

    def _note(self, number: int, write: Write, *, changed: bool) -> None:
        self.did.append(f"{_words(write)}: {'done' if changed else 'was so already'}")
        if changed:
            self._changed.append(number)

    def _sent(self, write: Write, step: str, *, fresh: bool) -> Done:
        """Send one effect under its key. `fresh`: it was never sent before, so what fails did not happen."""
        key = Key(operation_id(self.case.tenant, self.case.ticket_id, self.pattern.id, step))
        arguments = bound(write.arguments, self.case)
        if arguments is None:
            raise ClientSystemError("A fact for the effect is missing.", remedy="Let a person look.")
        call: Callable[..., Done] = getattr(self.system, write.name)
        try:
            return call(key=key, **arguments)
        except UncertainError:
            fresh = False
        except UnavailableError:
            if fresh:
                raise
        try:  # the same key never acts twice, so asking again is safe, and tells
            return call(key=key, **arguments)
        except UnavailableError as error:  # this time not, but the time before it may have happened
            raise UncertainError(error.message, remedy=error.remedy) from None

    def _begun(self, name: str) -> tuple[Step, bool]:
        """Return the step, and whether it is new."""
        case = self.case
        step = Step(case.tenant, case.ticket_id, self.pattern.id, name, "begun", {}, self.clock.now())
        with self.store.write() as conn:
            if pattern_steps.begin(conn, step):
                return step, True
        return next(s for s in self._steps() if s.step == name), False

    def _steps(self) -> list[Step]:
        with self.store.read() as conn:
            known = pattern_steps.of_ticket(conn, self.case.tenant, self.case.ticket_id)
        return [s for s in known if s.pattern == self.pattern.id]

    def _move(self, step: Step, state: str, facts: Mapping[str, Any] | None = None) -> None:
        with self.store.write() as conn:
            pattern_steps.move(conn, step, state, facts)


def _words(write: Write) -> str:
    return write.name.replace("_", " ")
