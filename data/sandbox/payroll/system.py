"""The sandbox's client system in process: one client's people, calendars and accounts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from threading import Lock
from typing import Any, TypeVar

from data import client_system as s
from data.client_system_calls import ByName, RefusedError
from data.clock import Clock
from data.sandbox.clients import Client, load_clients
from data.sandbox.payroll.draws import DRAWS, Question
from data.sandbox.payroll.effects import EFFECTS, MESSAGES, TAKES_BACK, NotAllowedError
from data.sandbox.people import Directory, Employee
from data.sandbox.world import WorldConfig, build_directories

R = TypeVar("R")
_Place = tuple[str, tuple[tuple[str, str], ...]]


class SandboxClient(ByName):
    """One client's system. People are known by the address they write from. Safe between threads."""

    def __init__(self, client: Client, people: Directory, clock: Clock, seed: int) -> None:
        self._client, self._clock, self._seed = client, clock, seed
        self._people: Mapping[str, Employee] = {p.email.casefold(): p for p in people.people}
        self._records: dict[_Place, Any] = {}
        self._before: dict[_Place, Any] = {}
        self._done: dict[str, tuple[_Place, s.Done]] = {}
        self._lock = Lock()

    def read(self, name: str, result: type[R], arguments: Mapping[str, str]) -> R:
        with self._lock:
            found = self._record(name, arguments)
        if not isinstance(found, result):
            raise TypeError(f"{name} gives no {result.__name__}")
        return found

    def write(self, name: str, key: s.Key, arguments: Mapping[str, str]) -> s.Done:
        place = _place(name, arguments)
        with self._lock:
            known = self._done.get(key)
            if known is not None and known[0] != place:
                raise RefusedError(
                    "The key was used for another operation.", remedy="Use a new key for each operation."
                )
            if known is None:
                known = self._done[key] = place, self._act(name, arguments)
        return known[1]

    def put(self, name: str, arguments: Mapping[str, str], record: Any) -> None:
        """Make `record` what the look-up finds from now on."""
        with self._lock:
            self._records[_place(name, arguments)] = record

    def _act(self, name: str, arguments: Mapping[str, str]) -> s.Done:
        undone = TAKES_BACK.get(name)
        effect = EFFECTS[undone or name]
        place = _place(effect.on, arguments)
        if undone is not None:
            before = self._before.pop(_place(undone, arguments), None)
            if before is not None:
                self._records[place] = before
            return s.Done(changed=before is not None)
        old = self._record(effect.on, arguments)
        try:
            new = effect.become(old)
        except NotAllowedError as why:
            raise RefusedError(f"The client system refuses: {why}.", remedy="Let a person look.") from None
        changed = new != old or name in MESSAGES
        if changed:
            self._before[_place(name, arguments)] = old
            self._records[place] = new
        return s.Done(changed)

    def _record(self, name: str, arguments: Mapping[str, str]) -> Any:
        # What nobody changed is drawn again each time: dates that have passed move with the day.
        found = self._records.get(_place(name, arguments))
        return self._drawn(name, arguments) if found is None else found

    def _drawn(self, name: str, arguments: Mapping[str, str]) -> Any:
        if "client" in arguments and arguments["client"] != self._client.key:
            raise RefusedError("This is another client's.", remedy="Ask for the client of the ticket.")
        person = self._people.get(arguments.get("person", "").casefold())
        if name == "authority":
            other = self._people.get(arguments["employee"].casefold())
            above = person is not None and other is not None and other.manager == person.employee_id
            return s.Authority(above or (person is not None and person == other))
        if "person" in arguments and person is None and name != "identity":
            raise RefusedError("Nobody is on record under this address.", remedy="Let a person look.")
        rng = random.Random(f"{self._seed}/{self._client.key}/{_place(name, arguments)}")
        question = Question(self._client, person, arguments, self._clock.now().date(), rng)
        try:
            return DRAWS[name](question)
        except (LookupError, ValueError):
            raise RefusedError("There is no record of that.", remedy="Let a person look.") from None


def sandbox_systems(
    config: WorldConfig, clock: Clock, people: Mapping[str, Directory] | None = None
) -> dict[str, SandboxClient]:
    """Return every client's system of the sandbox's world, by the client's key.

    `people`: the world's directories where they were built already.
    """
    people = people or build_directories(config)
    # The calendar reaches from before the history to a year after it: the machine's clock goes on.
    last = config.end.replace(year=config.end.year + 1)
    clients = load_clients(config.clients, config.start, last)
    return {c.key: SandboxClient(c, people[c.key], clock, config.seed) for c in clients}


def _place(name: str, arguments: Mapping[str, str]) -> _Place:
    return name, tuple(sorted((k, v.casefold() if k == "person" else v) for k, v in arguments.items()))
