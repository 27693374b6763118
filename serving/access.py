"""Who may call what: the one table of routes and roles, and the middleware in front of everything.

`access = local` (default) answers callers on this machine only, as the operator and without a key; it is
refused where the service binds to anything but loopback, and for requests that came through a proxy or
from a web page of another site. `access = keys` wants `Authorization: Bearer <key>` on every route but
health and documentation; signed events carry their own proof. Each key may ask so much (`rates`).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from data.access import Principal, Role
from data.errors import FirstlineError, SettingsError
from data.keyring import WORKER
from data.settings import Settings
from serving import problem
from serving.rates import Rates

LOCAL = Principal("local", Role.OPERATOR, None, acts_for_people=True)
ALL = frozenset(Role)
STAFF = frozenset({Role.OPERATOR, Role.REVIEWER})
SEEING = frozenset({Role.OPERATOR, Role.REVIEWER, Role.READ_ONLY})
_PRINCIPAL = "firstline.principal"


@dataclass(frozen=True, slots=True)
class Rule:
    """One route. `desk`: only callers who may see every client; `free`: no key (health, signed events).

    `worker`: our own worker's key is good here, and nowhere else.
    """

    method: str
    path: str
    roles: frozenset[Role]
    desk: bool = False
    free: bool = False
    worker: bool = False


RULES: tuple[Rule, ...] = (
    Rule("GET", "/livez", ALL, free=True),
    Rule("GET", "/readyz", ALL, free=True),
    Rule("GET", "/healthz", ALL, free=True),
    Rule("POST", "/v1/events/youtrack", ALL, free=True),  # signed with the webhook secret
    Rule("GET", "/metrics", SEEING, desk=True),
    Rule("GET", "/", SEEING, desk=True),
    Rule("GET", "/docs", ALL, free=True),  # says nothing about anybody's data
    Rule("GET", "/docs.json", ALL, free=True),
    Rule("GET", "/v1/openapi.json", ALL, free=True),
    Rule("GET", "/schema.json", ALL),
    Rule("GET", "/v1/bundle", SEEING, worker=True),
    Rule("GET", "/v1/tickets", ALL),
    Rule("GET", "/v1/tickets/{ticket}", ALL),
    Rule("GET", "/v1/decisions/{ticket}", ALL),
    Rule("GET", "/v1/tickets/{ticket}/suggestion", SEEING),
    *(Rule("POST", f"/v1/tickets/{{ticket}}/{a}", STAFF) for a in ("accept", "edit", "dismiss", "undo")),
    Rule("POST", "/v1/triage", STAFF | {Role.CLIENT}, worker=True),
)


def principal_of(request: Request) -> Principal:
    """Return who sent a request that passed `Access`."""
    found = request.scope.get(_PRINCIPAL)
    if not isinstance(found, Principal):
        raise RuntimeError("the access middleware did not see this request")
    return found


def check(settings: Settings) -> None:
    """Raise `SettingsError` where the service would answer strangers without a key."""
    if settings.access == "local" and not is_loopback(settings.host):
        raise SettingsError(
            f"Without keys the service may only listen on this machine, not on {settings.host}.",
            remedy="Set FIRSTLINE_HOST=127.0.0.1, or FIRSTLINE_ACCESS=keys (`firstline keys create`).",
        )


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name or an address) is this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Access:
    """ASGI middleware: names the caller in the scope, or refuses. `service()` gives the running service."""

    def __init__(self, app: ASGIApp, service: Callable[[], Any], rules: tuple[Rule, ...] = RULES) -> None:
        self._app, self._service = app, service
        self._rules = [(rule, compile_path(rule.path)[0]) for rule in rules]
        self._rates: Rates | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = await self._admit(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Response | None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        known = list(self._matching(scope["path"]))
        rule = next((r for r in known if r.method == method), None)
        if rule is not None and rule.free:
            return None
        settings: Settings = self._service().settings
        if settings.access == "local":
            scope[_PRINCIPAL] = LOCAL
            return _foreign(scope) or _refused(rule, known, LOCAL)
        try:
            given = Headers(scope=scope).get("authorization", "")
            principal = await asyncio.to_thread(self._service().keyring.principal, given)
        except FirstlineError as error:
            return problem.of(error, 503)
        if principal is None:
            return problem.response(
                401,
                "A valid API key is needed.",
                remedy="Send `Authorization: Bearer KEY`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        scope[_PRINCIPAL] = principal
        return self._too_many(settings, principal) or _refused(rule, known, principal)

    def _too_many(self, settings: Settings, principal: Principal) -> Response | None:
        if principal == WORKER:  # held up, it would hold up every ticket
            return None
        if self._rates is None:
            self._rates = Rates(settings.rate_key, settings.rate_client)
        seconds = self._rates.wait(principal)
        if seconds is None:
            return None
        return problem.response(
            429,
            "This key, or its client, asked too much in the last minute.",
            remedy=f"Send again after {seconds} s; put more tickets into one request.",
            headers={"Retry-After": str(seconds)},
        )

    def _matching(self, path: str) -> Iterator[Rule]:
        return (rule for rule, pattern in self._rules if pattern.match(path))


def _refused(rule: Rule | None, known: list[Rule], principal: Principal) -> Response | None:
    if not known:
        return problem.response(404, "There is nothing here.")
    if rule is None:
        allowed = ", ".join(sorted({r.method for r in known}))
        return problem.response(405, "That method is not known here.", headers={"Allow": allowed})
    may = rule.worker if principal == WORKER else principal.role in rule.roles
    if not may:
        return problem.response(403, f"A {principal.role} key may not do this.", remedy="Use another key.")
    if rule.desk and principal.tenant is not None:
        return problem.response(403, "This shows every client.", remedy="Use a key that is not one client's.")
    return None


def _foreign(scope: Scope) -> Response | None:
    """Refuse, where no key is asked for, what did not come from this machine itself.

    The address alone is not enough: a proxy calls from here for others, and a web page can make the
    operator's browser call.
    """
    headers = Headers(scope=scope)
    remedy = "Call the service from its own machine, by its own name."
    client = scope.get("client")
    if client is not None and not is_loopback(str(client[0])):
        return problem.response(403, "Without keys only this machine may call.", remedy=remedy)
    if "forwarded" in headers or "x-forwarded-for" in headers:
        return problem.response(403, "Without keys no proxy may call for others.", remedy=remedy)
    host = urlsplit(f"//{headers.get('host', '127.0.0.1')}").hostname or ""
    if not is_loopback(host):
        return problem.response(403, "Without keys only this machine's own name is answered.", remedy=remedy)
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return problem.response(403, "Without keys no page of another site may call.", remedy=remedy)
    return None
