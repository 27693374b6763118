"""Calls that try to reach another client: every route, every trick we know. Pure; the generator is seeded."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from eval.benchmarks.two_clients import OTHER, OWN, Caller, Planted

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_NOISE = (
    "PAY-1",
    "0",
    "null",
    "*",
    "%",
    "1 OR 1=1",
    "' OR tenant='globex",
    "\x00",
    "\u00e9",
    "x" * 300,
    "..",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `target` is sent as it stands; `route` is what it was made from; `plain`: no trick."""

    caller: Caller
    route: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    aims: str
    plain: bool

    @property
    def sent(self) -> str:
        """Everything that the caller said itself, so that an echo of it is no leak."""
        words = " ".join(f"{n} {v}" for n, v in self.headers)
        return f"{self.target} {words} {(self.body or b'').decode('utf-8', 'replace')}"


class Attacker:
    """Makes calls. `document` is the service's own OpenAPI document: what it names is tried."""

    def __init__(
        self,
        document: Mapping[str, Any],
        clients: Mapping[str, Planted],
        callers: Sequence[Caller],
        seed: int,
    ) -> None:
        self._rng = random.Random(seed)
        self._own, self._other, self._callers = clients[OWN], clients[OTHER], callers
        self._routes = [
            (path, method.upper())
            for path, methods in document["paths"].items()
            for method in methods
            for _ in range(3 if "{ticket}" in path else 1)  # most can go wrong there
        ]

    def call(self, number: int) -> Call:
        """Return the call with this number: callers and routes take turns, the rest is drawn."""
        caller = self._callers[number % len(self._callers)]
        path, method = self._routes[number // len(self._callers) % len(self._routes)]
        route = f"{method} {path}"
        plain = self._rng.random() < 0.4
        if not plain and self._rng.random() < 0.5:
            method = self._rng.choice(METHODS)
        aims, ticket = self._ticket(plain)
        target = path.replace("{ticket}", ticket)
        if not plain:
            target = self._bent(target)
        target += self._query(path, plain)
        body = self._body(path) if method in ("POST", "PUT", "PATCH") else None
        return Call(caller, route, method, target, self._headers(caller, body, plain), body, aims, plain)

    def _ticket(self, plain: bool) -> tuple[str, str]:
        """Return (what it aims at, the id as it stands in the path)."""
        aims = self._rng.choice(("foreign", "foreign", "own", "unknown"))
        client = self._own if aims == "own" else self._other
        found = self._rng.choice((*client.readable, *client.ids))
        if aims == "unknown":
            found = f"GLX-{self._rng.randrange(10_000, 99_999)}"
        return aims, found if plain else self._disguised(found)

    def _disguised(self, ticket: str) -> str:
        r, own = self._rng, self._own.readable[0]
        return r.choice(
            (
                ticket,
                "".join(f"%{ord(c):02X}" for c in ticket),
                ticket.lower(),
                ticket.swapcase(),
                f"{own}/../{ticket}",
                f"{own}%2F..%2F{ticket}",
                f"{own}/%2e%2e/{ticket}",
                f"..%5c{ticket}",
                f"{ticket}%00",
                f"{ticket}%0A",
                f"%20{ticket}",
                f"{ticket};tenant={OTHER}",
                f"{own},{ticket}",
                f"{own}%2C{ticket}",
                f"{own}%20OR%20{ticket}",
                f"{OTHER}%2F{ticket}",
                quote(r.choice(_NOISE), safe=""),
            )
        )

    def _bent(self, target: str) -> str:
        """Return the path spelt another way."""
        r = self._rng
        head, _, tail = target.rpartition("/")
        return r.choice(
            (
                target,
                target,
                target,
                target + "/",
                "/" + target,
                target.replace("/", "//"),
                target.replace("/v1", "/V1"),
                target.upper(),
                f"/./{target[1:]}",
                f"/%2e/{target[1:]}",
                f"/livez/..{target}",
                f"/livez%2f..{target}",
                f"/docs/%2e%2e{target}",
                f"{head}/%2e/{tail}",
                f"{target}%23",
                f"{target}.json",
                f"http://127.0.0.1{target}",
            )
        )

    def _query(self, path: str, plain: bool) -> str:
        listing = path == "/v1/tickets"
        if plain and not listing:
            return ""
        tricks = [f"{name}={OTHER}" for name in ("tenant", "client", "Client", "client%00", "client[]")]
        tricks += [f"client={OWN}&client={OTHER}", f"client={OWN}%2C{OTHER}", "client=", "client=%25"]
        tricks += ["limit=200", "open=true", "decision=suggest", "since=2000-01-01T00:00:00Z", "state=x"]
        tricks += [f"cursor={self._cursor()}&limit=200", f"access_token={OTHER}", f"key={OTHER}"]
        wanted = self._rng.choice(("", *tricks))
        return f"?{wanted}" if wanted else ""

    def _cursor(self) -> str:
        """Return a forged position right before one of the other client's tickets."""
        facts = json.dumps([4_000_000_000_000_000, self._rng.choice(self._other.ids)])
        return base64.urlsafe_b64encode(facts.encode()).decode().rstrip("=")

    def _headers(self, caller: Caller, body: bytes | None, plain: bool) -> tuple[tuple[str, str], ...]:
        r = self._rng
        found = [] if caller.header is None else [("Authorization", caller.header)]
        found.append(("Idempotency-Key", f"bench_{r.randrange(10**9)}"))
        if body is not None:
            found.append(("Content-Type", "application/json"))
        if plain:
            return tuple(found)
        other, key = self._other.readable[0], caller.header or ""
        tricks = [
            ("X-Firstline-Actor", "kim"),
            ("X-Firstline-Actor", f"{OTHER}:admin"),
            *((name, OTHER) for name in ("X-Firstline-Tenant", "X-Tenant", "X-Client", "Client", "Tenant")),
            ("X-Forwarded-For", "127.0.0.1"),
            ("Forwarded", "for=127.0.0.1"),
            ("X-Original-URL", f"/v1/tickets/{other}"),
            ("X-Rewrite-URL", f"/v1/tickets/{other}"),
            ("X-HTTP-Method-Override", "GET"),
            ("Authorization", "Bearer x"),
            ("Authorization", "Basic Z2xvYmV4Og=="),
            ("authorization", key.replace("Bearer", "bearer")),
            ("Cookie", f"tenant={OTHER}; session={OTHER}"),
            ("Host", f"{OTHER}.example"),
            ("Accept", "text/html, */*"),
            ("X-Firstline-Key", OTHER),
            ("webhook-signature", "v1,AAAA"),
        ]
        for trick in r.sample(tricks, r.randrange(0, 4)):
            found.insert(r.randrange(len(found) + 1), trick)
        return tuple(found)

    def _body(self, path: str) -> bytes:
        r, other = self._rng, self._other
        if path == "/v1/triage":
            ticket = {"summary": "reset", "description": "I forgot my password", "client": OTHER}
            return json.dumps({"tickets": [{**ticket, "id": r.choice(other.ids)}], "tenant": OTHER}).encode()
        facts: dict[str, Any] = {"tenant": OTHER, "client": OTHER, "ticket": r.choice(other.readable)}
        facts["fields"] = r.choice(({"priority": "minor"}, {"priority": "minor", "tenant": OTHER}, {}))
        return r.choice(
            (json.dumps(facts), json.dumps({"fields": {"priority": "minor"}}), "{}", "[")
        ).encode()
