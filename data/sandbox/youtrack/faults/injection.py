"""Which fault hits which request: rules with their own counters and their own dice."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.clock import Clock
from data.sandbox.youtrack.faults.script import Rule, Script


@dataclass(frozen=True, slots=True)
class Asked:
    """What rules look at. `query` is the decoded query string."""

    method: str
    path: str
    query: str


class _Running:
    """A rule at work."""

    def __init__(self, rule: Rule, name: str, rng: random.Random) -> None:
        self.rule, self.name, self._rng = rule, name, rng
        self.seen = self.injected = 0

    def fires(self, asked: Asked, elapsed: float) -> bool:
        match = self.rule.match
        if match.methods is not None and asked.method not in match.methods:
            return False
        if not match.pattern.fullmatch(asked.path) or (match.query or "") not in asked.query:
            return False
        if elapsed < match.since or (match.until is not None and elapsed >= match.until):
            return False
        self.seen += 1
        # The dice are thrown for every matching request: a seed gives the same faults whatever `count`.
        lucky = self._rng.random() < match.share
        if self.seen <= match.after or (match.numbers is not None and self.seen not in match.numbers):
            return False
        if not lucky or (match.count is not None and self.injected >= match.count):
            return False
        self.injected += 1
        return True


class Faults:
    """The script in force. `clock` is the one that `since`, `until` and delays are measured by."""

    def __init__(self, clock: Clock, script: Script | None = None) -> None:
        self.clock = clock
        self.install(script or Script())

    def install(self, script: Script) -> None:
        """Take a new script; its counters and its time begin at 0."""
        self.script = script
        self.started: datetime = self.clock.now()
        self.requests = 0
        self.kinds: Counter[str] = Counter()
        self.dice = random.Random(f"{script.seed}/bytes")
        self._rules = [
            _Running(rule, rule.name or f"rule {n}", random.Random(f"{script.seed}/{n}"))
            for n, rule in enumerate(script.rules, start=1)
        ]

    @property
    def elapsed(self) -> float:
        """Seconds since the script was given."""
        return (self.clock.now() - self.started).total_seconds()

    def chosen(self, asked: Asked) -> Rule | None:
        """Return the rule that spoils this request, and count it."""
        self.requests += 1
        elapsed = self.elapsed
        for running in self._rules:
            if running.fires(asked, elapsed):
                self.kinds[running.rule.effect.kind] += 1
                return running.rule
        return None

    def report(self) -> dict[str, Any]:
        """Return what `GET /sandbox/faults` shows."""
        return {
            "seed": self.script.seed,
            "elapsed": round(self.elapsed, 3),
            "requests": self.requests,
            "injected": sum(self.kinds.values()),
            "by_kind": dict(sorted(self.kinds.items())),
            "rules": [
                {
                    "name": r.name,
                    "effect": r.rule.effect.kind,
                    "applied": r.rule.effect.applied,
                    "seen": r.seen,
                    "injected": r.injected,
                }
                for r in self._rules
            ],
            "visibility": self.script.visibility.model_dump(),
            "webhooks": self.script.webhooks.model_dump(),
        }
