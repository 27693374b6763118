"""Signed webhook events: a hint that something changed, trusted for nothing but the ticket's id.

Two forms are taken, both HMAC-SHA256 over the bytes as received, before any parsing: Standard Webhooks
(`webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>` over `<id>.<timestamp>.<body>`), which
our YouTrack app sends, and `<timestamp>.<body>` in hexadecimal (`v1=...`), which the sandbox sends.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from data.errors import FirstlineError

TIMESTAMP_HEADER = "X-Firstline-Timestamp"
SIGNATURE_HEADER = "X-Firstline-Signature"
STANDARD_ID, STANDARD_TIMESTAMP, STANDARD_SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
VERSION = "v1"
TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 64 * 1024
_LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good signature says: the sender's id of the message (Standard Webhooks) and its moment."""

    message_id: str | None
    signed_at: datetime


class WebhookError(FirstlineError):
    """An event that must not be believed: unsigned, wrongly signed, too old or not an event."""

    exit_code: ClassVar[int] = 3
    title: ClassVar[str] = "Event refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `id` is the tracker's database id or, from the app, the readable one; `at` in epoch ms."""

    id: str
    issue: str
    project: str
    at: int
    kinds: tuple[str, ...]


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the hexadecimal HMAC-SHA256 of `<timestamp>.<body>`; `timestamp` in epoch seconds."""
    message = f"{timestamp}.".encode() + body
    return hmac.new(secret.encode("utf-8"), message, hashlib.sha256).hexdigest()


def headers_for(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the two headers a sender adds to `body`."""
    return {
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: f"{VERSION}={sign(secret, timestamp, body)}",
    }


def verify(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    tolerance: int = TOLERANCE_SECONDS,
) -> Proof:
    """Accept `body` and return its proof, or raise `WebhookError`.

    `secrets`: the key, or all keys valid during a rotation. `headers` may have any letter case.
    `now` is timezone-aware; timestamps further than `tolerance` seconds away, in either direction,
    are refused. A header may carry several comma-separated signatures; one match is enough.
    """
    lowered = {k.lower(): v for k, v in headers.items()}
    keys = (secrets,) if isinstance(secrets, str) else tuple(secrets)
    if STANDARD_SIGNATURE in lowered:
        return _verify_standard(keys, lowered, body, now, tolerance)
    stamp = lowered.get(TIMESTAMP_HEADER.lower(), "")
    given = lowered.get(SIGNATURE_HEADER.lower(), "")
    if not stamp or not given:
        raise _refused("The event is not signed.")
    _check_time(stamp, now, tolerance)
    message = f"{stamp}.".encode() + body
    prefix = f"{VERSION}="
    offered = [part.strip()[len(prefix) :] for part in given.split(",") if part.strip().startswith(prefix)]
    # No early exit: the time taken must not tell which key or signature came close.
    good = False
    for key in keys:
        expected = hmac.new(key.encode("utf-8"), message, hashlib.sha256).hexdigest().encode()
        for signature in offered:
            good |= hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
    if not good:
        raise _refused("The event's signature does not match.")
    return Proof(None, datetime.fromtimestamp(int(stamp), UTC))


def key_bytes(secret: str) -> bytes:
    """Return the key's bytes: base64 after `whsec_` (Standard Webhooks), otherwise the text in UTF-8."""
    if not secret.startswith("whsec_"):
        return secret.encode("utf-8")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The webhook secret is not base64 after `whsec_`.") from None


def standard_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the Standard Webhooks headers of `body`; `timestamp` in epoch seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_bytes(secret), signed, hashlib.sha256).digest()
    return {
        STANDARD_ID: message_id,
        STANDARD_TIMESTAMP: str(timestamp),
        STANDARD_SIGNATURE: f"{VERSION},{base64.b64encode(digest).decode()}",
    }


def _verify_standard(
    keys: Sequence[str], lowered: Mapping[str, str], body: bytes, now: datetime, tolerance: int
) -> Proof:
    message_id, stamp = lowered.get(STANDARD_ID, ""), lowered.get(STANDARD_TIMESTAMP, "")
    if not message_id or not stamp:
        raise _refused("The event is not signed.")
    # Two spellings of one id in a database or a log would be two ids.
    if not (message_id.isascii() and message_id.isprintable() and len(message_id) <= _LONGEST_ID):
        raise _refused("The event's id is not up to 256 printable ASCII characters.")
    _check_time(stamp, now, tolerance)
    offered = [part for part in lowered[STANDARD_SIGNATURE].split(" ") if part.startswith(f"{VERSION},")]
    good = False  # no early exit, as below
    for key in keys:
        expected = standard_headers(key, message_id, int(stamp), body)[STANDARD_SIGNATURE].encode()
        for signature in offered:
            good |= hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
    if not good:
        raise _refused("The event's signature does not match.")
    return Proof(message_id, datetime.fromtimestamp(int(stamp), UTC))


def _check_time(stamp: str, now: datetime, tolerance: int) -> None:
    # int() would take '+5', ' 5' or other scripts' digits; the signed text must be the canonical one.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and str(int(stamp)) == stamp):
        raise _refused("The event's timestamp is not a number of seconds.")
    if abs(now.timestamp() - int(stamp)) > tolerance:
        raise _refused(f"The event's timestamp is more than {tolerance} s away from this clock.")


def event_body(*, id: str, issue: str, project: str, at: int, kinds: Sequence[str]) -> bytes:
    """Return the bytes of an event; `at` in epoch milliseconds, `kinds` such as `created`."""
    fact = {
        "v": 1,
        "id": id,
        "issue": issue,
        "project": project,
        "at": at,
        "kinds": dict.fromkeys(kinds, True),
    }
    return json.dumps(fact, separators=(",", ":")).encode()


def parse_event(body: bytes) -> Event:
    """Read an event that `verify` accepted. Raises `WebhookError` where it is not one."""
    if len(body) > MAX_BODY_BYTES:
        raise _refused("The event is larger than 64 KiB.")
    try:
        fact: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise _refused("The event is not JSON.") from None
    if not isinstance(fact, dict) or fact.get("v") != 1:
        raise _refused("The event has an unknown version.")
    # Scripts in the tracker see only the readable id, so their events have no other.
    given = {"id": fact.get("issue"), **fact}
    texts = {name: given.get(name) for name in ("id", "issue", "project")}
    kinds = fact.get("kinds")
    at = fact.get("at")
    if not all(isinstance(v, str) and 0 < len(v) <= 128 for v in texts.values()):
        raise _refused("The event lacks id, issue or project.")
    if not isinstance(at, int) or isinstance(at, bool) or not isinstance(kinds, dict):
        raise _refused("The event lacks at or kinds.")
    return Event(
        id=str(texts["id"]),
        issue=str(texts["issue"]),
        project=str(texts["project"]),
        at=at,
        kinds=tuple(sorted(k for k, on in kinds.items() if on is True)),
    )


def event_key(body: bytes) -> str:
    """Return the deduplication key of an event: the same event sent twice has the same key."""
    return hashlib.sha256(body).hexdigest()


def _refused(message: str) -> WebhookError:
    return WebhookError(
        message,
        remedy="Check that tracker and service share the webhook secret and that both clocks are right.",
    )
