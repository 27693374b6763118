"""Readiness: whether tickets can be triaged now, and what is known about each part.

Engine and database decide. The tracker is told, because people look here first, but a service that
answers is of use while the tracker is away. No key is needed, so nothing here names a host or a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from data.errors import FirstlineError
from data.store import Store
from data.store.reach import find_all
from data.tracker import host_of
from data.youtrack.reach import Reach
from serving import problem

PATH = "/readyz"


class Health:
    """ASGI middleware that answers `/readyz` in place of BentoML, whose answer has no details."""

    def __init__(self, app: ASGIApp, service: Callable[[], Any]) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        found = await readiness(self._service())
        await _answer(found)(scope, receive, send)


async def readiness(service: Any) -> dict[str, Any]:
    """Ask every part; `service` has `engine_answers()`, `database_answers()`, `store` and `settings`."""
    engine, database = await asyncio.gather(service.engine_answers(), service.database_answers())
    tracker = {"ok": False, "state": "unknown", "retry_at": None}
    if database:
        try:
            reach = await asyncio.to_thread(tracker_reach, service.store, service.settings.tracker_url)
            tracker = _tracker(reach)
        except FirstlineError:
            database = False
    return {
        "ready": engine and database,
        "engine": _part(engine),
        "database": _part(database),
        "tracker": tracker,
    }


def _answer(found: dict[str, Any]) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    if found["ready"]:
        return JSONResponse(found, headers=headers)
    broken = " and ".join(part for part in ("engine", "database") if not found[part]["ok"])
    words = problem.body(503, f"Not ready: {broken} did not answer.", remedy="See the service's log.")
    return JSONResponse({**words, **found}, 503, headers=headers, media_type=problem.MEDIA_TYPE)


def tracker_reach(store: Store, url: str) -> Reach | None:
    """Return the breaker of the tracker at `url`; `None` where nobody asked it yet."""
    with store.read() as conn:
        return find_all(conn).get(host_of(url))


def _part(ok: bool) -> dict[str, Any]:
    return {"ok": ok, "state": "answers" if ok else "does not answer", "retry_at": None}


def _tracker(reach: Reach | None) -> dict[str, Any]:
    if reach is None:
        return {"ok": True, "state": "not asked yet", "retry_at": None}
    closed = reach.state == "closed"
    return {"ok": closed, "state": reach.state, "retry_at": None if closed else reach.retry_at.isoformat()}
