"""In front of the API: spoils the requests that the script picks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.sandbox.youtrack.faults.abrupt import EXTENSION
from data.sandbox.youtrack.faults.injection import Asked, Faults
from data.sandbox.youtrack.faults.script import Answer, Reset, Slow, Spoilt, Veto

VETO_STATUS, VETO_ERROR = 400, "Bad Request"
"""How a workflow's veto is told; the real status and `error` are unverified."""

_TEXTS = {
    400: ("Bad Request", "The request cannot be processed"),
    401: ("Unauthorized", "Invalid token"),
    403: ("Forbidden", "You do not have permission for this operation"),
    404: ("Not Found", "Entity not found"),
    405: ("Method Not Allowed", "HTTP 405 Method Not Allowed"),
    408: ("Request Timeout", "HTTP 408 Request Timeout"),
    409: ("Conflict", "HTTP 409 Conflict"),
    429: ("Too Many Requests", "HTTP 429 Too Many Requests"),
    500: ("server_error", "Internal server error"),
    502: ("Bad Gateway", "HTTP 502 Bad Gateway"),
    503: ("Service Unavailable", "HTTP 503 Service Unavailable"),
    504: ("Gateway Timeout", "HTTP 504 Gateway Timeout"),
}


class FaultyAnswers:
    """ASGI middleware. `/api` only: the stand-in's control endpoints always work."""

    def __init__(
        self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._app, self._faults, self._sleep = app, faults, sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or spoil it."""
        rule = None
        if scope["type"] == "http" and scope["path"].startswith("/api"):
            query = unquote_plus(scope["query_string"].decode("latin-1"))
            rule = self._faults.chosen(Asked(scope["method"], scope["path"], query))
        if rule is None:
            await self._app(scope, receive, send)
            return
        effect = rule.effect
        if isinstance(effect, Slow):
            await self._slow(effect, scope, receive, send)
            return
        done = await _done(self._app, scope, receive) if effect.applied else None
        if isinstance(effect, Reset):
            await _broken(scope, receive)
        elif isinstance(effect, Answer):
            await _error(effect)(scope, receive, send)
        elif isinstance(effect, Veto):
            body = {"error": VETO_ERROR, "error_description": effect.text}
            await JSONResponse(body, VETO_STATUS)(scope, receive, send)
        elif done is not None and isinstance(effect, Spoilt):
            await self._spoilt(effect, done, scope, receive, send)
        elif done is not None:
            await _uncounted(done)(scope, receive, send)

    async def _slow(self, effect: Slow, scope: Scope, receive: Receive, send: Send) -> None:
        if not effect.applied:
            await self._sleep(effect.seconds)
            await self._app(scope, receive, send)
            return
        done = await _done(self._app, scope, receive)
        await self._sleep(effect.seconds)
        await done(scope, receive, send)

    async def _spoilt(
        self, effect: Spoilt, done: Response, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = bytes(done.body)
        kept = body[: int(len(body) * effect.keep)]
        if effect.kind == "cut":
            await send(
                {"type": "http.response.start", "status": done.status_code, "headers": done.raw_headers}
            )
            await send({"type": "http.response.body", "body": kept, "more_body": True})
            await self._sleep(0.01)  # let what was written leave before the connection breaks
            await _broken(scope, receive)
            return
        if effect.kind == "garbage":  # 0xFF is in no JSON text
            kept = b"\xff" + self._faults.dice.randbytes(max(16, len(body)))
        await Response(kept, done.status_code, media_type="application/json")(scope, receive, send)


async def _done(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Let the application do the work; return its answer instead of sending it."""
    answer = Response()
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]
            answer.raw_headers = list(message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    answer.body = b"".join(parts)
    return answer


async def _broken(scope: Scope, receive: Receive) -> None:
    """Break the connection. Raises `ConnectionResetError` under a server that offers no way to do it."""
    offered = scope.get("extensions", {}).get(EXTENSION)
    if offered is None:
        raise ConnectionResetError("the stand-in breaks this connection on purpose")
    offered["break"]()
    while (await receive())["type"] != "http.disconnect":
        continue


def _error(effect: Answer) -> Response:
    headers = {} if effect.retry_after is None else {"Retry-After": str(effect.retry_after)}
    error, text = _TEXTS[effect.status]
    as_page = effect.html if effect.html is not None else effect.status >= 500
    if as_page:
        page = f"<html><head><title>{effect.status} {error}</title></head><body><h1>{text}</h1></body></html>"
        return Response(page, effect.status, headers, "text/html")
    return JSONResponse({"error": error, "error_description": text}, effect.status, headers)


def _uncounted(done: Response) -> Response:
    try:
        shown = json.loads(bytes(done.body))
    except ValueError:
        return done
    if not isinstance(shown, dict) or "count" not in shown:
        return done
    return JSONResponse({**shown, "count": -1}, done.status_code)
