"""The receiver of webhook events: what is kept is committed before the sender hears that it was taken.

An event is a hint and is trusted for nothing but the ticket's id; the worker re-reads the ticket, and
polling finds what no event told. Two kinds of sender: those that sign (our YouTrack app, the sandbox),
and JetBrains' Webhook Triggers app, which only knows a shared token. Of the latter's body, which holds
ticket text, nothing but the id is kept.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from data.clock import to_millis
from data.errors import FirstlineError
from data.settings import Settings
from data.store import Store, inbox
from data.store.inbox import Receipt
from data.youtrack.webhook import (
    MAX_BODY_BYTES,
    SIGNATURE_HEADER,
    STANDARD_SIGNATURE,
    WebhookError,
    event_body,
    event_key,
    parse_event,
    verify,
)
from serving import problem

KEY_HEADER = "x-firstline-key"
TOKEN_HEADER = "x-youtrack-token"
_READABLE_ID = re.compile(r"([A-Za-z][A-Za-z0-9_.]{0,62})-[0-9]{1,12}", re.ASCII)
_BUSY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Hint:
    """An event that may be kept. `webhook_id` and `signed_at` are `None` where nothing is signed."""

    body: bytes
    webhook_id: str | None
    signed_at: datetime | None


class NoEventError(WebhookError):
    """The sender proved itself, but what it sent is not an event."""


async def receive(service: Any, request: Request) -> Response:
    """Keep an event: 202 only after its row is committed. All work happens in the worker."""
    counted = service.counters.events
    body = await _body(request)
    if body is None:
        counted.labels("too_large").inc()
        detail = f"An event has at most {MAX_BODY_BYTES:,} bytes."
        return problem.response(413, detail, remedy="Send ids, not content.")
    now = service.clock.now()
    try:
        hint = believe(service.settings, request.headers, body, now)
        receipt = await asyncio.to_thread(_keep, service.store, hint, now, service.settings.webhook_backlog)
    except WebhookError as error:
        counted.labels("refused").inc()
        return problem.of(error, 400 if isinstance(error, NoEventError) else 401)
    except FirstlineError as error:
        counted.labels("failed").inc()
        return problem.of(error, 503)
    counted.labels(receipt.value).inc()
    return _answer(receipt)


def believe(settings: Settings, headers: Mapping[str, str], body: bytes, now: datetime) -> Hint:
    """Return what may be kept of a request, or raise `WebhookError` (`NoEventError`: proved, but no event).

    `headers` with lower-case names; `now` is timezone-aware.
    """
    signed = STANDARD_SIGNATURE in headers or SIGNATURE_HEADER.lower() in headers
    if settings.webhook_token and TOKEN_HEADER in headers and not signed:
        return _by_token(settings.webhook_token, headers[TOKEN_HEADER], body, now)
    proof = verify(_keys(settings, headers.get(KEY_HEADER)), headers, body, now)
    try:
        parse_event(body)
    except WebhookError as error:
        raise NoEventError(error.message, remedy="Send what the Firstline app sends.") from None
    return Hint(body, proof.message_id, proof.signed_at)


def _keys(settings: Settings, named: str | None) -> tuple[str, ...]:
    """Return the keys that may have signed: the one the sender names, or all that are good now."""
    if not named:
        return settings.webhook_secrets
    key = settings.webhook_keys.get(named)
    if key is None:
        raise WebhookError(
            "The event names a signing key that is not in use.",
            remedy="Set the app's key id to FIRSTLINE_WEBHOOK_KEY_ID or FIRSTLINE_WEBHOOK_KEY_ID_NEXT.",
        )
    return (key,)


def _by_token(token: str, given: str, body: bytes, now: datetime) -> Hint:
    if not hmac.compare_digest(token.encode(), given.encode("utf-8", "replace")):
        raise WebhookError(
            "The event's token does not match.",
            remedy="Give the tracker's Webhook Triggers app and FIRSTLINE_WEBHOOK_TOKEN the same token.",
        )
    try:
        fact: Any = json.loads(body)
    except (ValueError, RecursionError):
        fact = None
    issue = fact.get("id") if isinstance(fact, dict) else None
    parts = _READABLE_ID.fullmatch(issue) if isinstance(issue, str) else None
    if parts is None:
        raise NoEventError("The event names no issue.", remedy="Send what Webhook Triggers sends.")
    at = to_millis(now)
    ours = event_body(id=parts[0], issue=parts[0], project=parts[1], at=at, kinds=["updated"])
    return Hint(ours, None, None)


def _keep(store: Store, hint: Hint, now: datetime, room: int) -> Receipt:
    with store.write() as conn:
        return inbox.accept(
            conn,
            event_key(hint.body),
            hint.body,
            now,
            room=room,
            webhook_id=hint.webhook_id,
            signed_at=hint.signed_at,
        )


def _answer(receipt: Receipt) -> Response:
    if receipt is Receipt.REPLAYED:
        return problem.response(
            409,
            "This very message was received before.",
            title="Event refused",
            remedy="Nothing is to be done: the event is stored. To send it again, sign it anew.",
        )
    if receipt is Receipt.FULL:
        return problem.response(
            503,
            "Too many events wait to be processed; this one was not kept.",
            remedy="Check that the worker runs. Polling finds the ticket in any case.",
            headers={"Retry-After": str(_BUSY_SECONDS)},
        )
    return JSONResponse({"received": True, "duplicate": receipt is Receipt.DUPLICATE}, 202)


async def _body(request: Request) -> bytes | None:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)
