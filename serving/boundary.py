"""The edge of the service, as ASGI middleware: limits and shape before BentoML sees a body.

BentoML answers errors in its own form, logs the offending input with a traceback (personal data), and
knows no body limit. Here a wrong request ends early with problem+json, and what BentoML refuses is
rendered the same way.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import problem

TRIAGE_PATH = "/v1/triage"
MAX_BODY = 16 * 1024 * 1024
MAX_TICKETS = 512
MAX_IN_FLIGHT = 64
MAX_AT_ONCE = 256
_ALWAYS = frozenset({"/livez", "/healthz", "/readyz", "/metrics", "/v1/events/youtrack"})


class Boundary:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in_flight = self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._at_once >= MAX_AT_ONCE and scope["path"] not in _ALWAYS:
            await _busy(self._at_once)(scope, receive, send)
            return
        answer = _ProblemSend(send)
        self._at_once += 1
        try:
            await self._within(scope, receive, answer)
        except Exception as error:
            _tell(error)
            if answer.ended:
                return
            if answer.started:
                raise
            unexpected = problem.response(500, "Something unexpected happened; the service's log says where.")
            await unexpected(scope, receive, send)
        finally:
            self._at_once -= 1

    async def _within(self, scope: Scope, receive: Receive, answer: _ProblemSend) -> None:
        if scope["path"] != TRIAGE_PATH or scope["method"] != "POST":
            await self._app(scope, receive, answer)
            return
        if self._in_flight >= MAX_IN_FLIGHT:
            await _busy(MAX_IN_FLIGHT)(scope, receive, answer)
            return
        self._in_flight += 1
        try:
            body = await _read(scope, receive)
            refused = _refused(scope, body)
            if refused is not None:
                await refused(scope, receive, answer)
            else:
                await self._app(scope, _replay(body or b"", receive), answer)
        finally:
            self._in_flight -= 1


def _busy(requests: int) -> Response:
    return problem.response(
        429,
        f"{requests} requests are in work.",
        remedy="Send again after a second, or put more tickets into one request.",
        headers={"Retry-After": "1"},
    )


def _tell(error: Exception) -> None:
    """Say what happened and where, without its words: they may hold ticket text."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    print(
        f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}",
        file=sys.stderr,
        flush=True,
    )


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Read the whole body; `None` where it is over the limit."""
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _refused(scope: Scope, body: bytes | None) -> Response | None:
    remedy = 'Send {"tickets": [{"summary": "...", "description": "..."}]} as application/json in UTF-8.'
    if body is None:
        return problem.response(
            413, f"The body is larger than {MAX_BODY:,} bytes.", remedy="Send fewer tickets at a time."
        )
    media = Headers(scope=scope).get("content-type", "application/json").split(";")[0].strip().lower()
    if media != "application/json":
        return problem.response(415, f"The body must be application/json, not {media!r}.", remedy=remedy)
    try:
        value = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        return problem.response(400, f"The body is not UTF-8 (byte {error.start + 1}).", remedy=remedy)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return problem.response(400, f"The body is not JSON: {error.msg} ({where}).", remedy=remedy)
    except (ValueError, RecursionError):
        return problem.response(
            400,
            "The body is not JSON that can be read (nested too deep, or a number too long).",
            remedy=remedy,
        )
    return _misshapen(value, remedy)


def _misshapen(value: Any, remedy: str) -> Response | None:
    if not isinstance(value, dict):
        return problem.response(422, "The body must be a JSON object.", remedy=remedy)
    if not isinstance(value.get("tickets"), list):
        what = "must be a list" if "tickets" in value else "is missing"
        return problem.response(422, f"`tickets` {what}.", remedy=remedy)
    if len(value["tickets"]) > MAX_TICKETS:
        return problem.response(
            413,
            f"`tickets` has {len(value['tickets'])} entries; the most is {MAX_TICKETS}.",
            remedy="Split it.",
        )
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


class _ProblemSend:
    """Passes responses on, but renders errors that are no problem documents as such."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._start: Message | None = None
        self._body = b""
        self.started = self.ended = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")
        if message["type"] == "http.response.start" and message["status"] >= 400:
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if not kind.startswith(problem.MEDIA_TYPE):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        content = json.dumps(problem.body(start["status"], _detail(self._body))).encode()
        dropped = (b"content-type", b"content-length")
        headers = [(k, v) for k, v in start["headers"] if k.lower() not in dropped]
        headers += [
            (b"content-type", problem.MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()),
        ]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": content})


def _detail(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text[:500]
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("error") or value.get("detail") or text
    return str(value)[:500]
