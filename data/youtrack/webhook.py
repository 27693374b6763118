"""Signed webhook events: a hint that something changed, trusted for nothing but the ticket's id.

The signature is HMAC-SHA256 over `<timestamp>.<raw body>` (Stripe's construction), hexadecimal, with
the version in front (`v1=...`). It is checked over the bytes as received, before any parsing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from data.errors import FirstlineError

TIMESTAMP_HEADER = "X-Firstline-Timestamp"
SIGNATURE_HEADER = "X-Firstline-Signature"
VERSION = "v1"
TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 64 * 1024


class WebhookError(FirstlineError):
    """An event that must not be believed: unsigned, wrongly signed, too old or not an event."""

    exit_code: ClassVar[int] = 3
    title: ClassVar[str] = "Event refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `id` is the tracker's database id, `issue` the readable one, `at` epoch ms."""

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
) -> None:
    """Accept `body` or raise `WebhookError`.

    `secrets`: the key, or all keys valid during a rotation. `headers` may have any letter case.
    `now` is timezone-aware; timestamps further than `tolerance` seconds away, in either direction,
    are refused. A header may carry several comma-separated signatures; one match is enough.
    """
    lowered = {k.lower(): v for k, v in headers.items()}
    stamp = lowered.get(TIMESTAMP_HEADER.lower(), "")
    given = lowered.get(SIGNATURE_HEADER.lower(), "")
    if not stamp or not given:
        raise _refused("The event is not signed.")
    # int() would take '+5', ' 5' or other scripts' digits; the signed text must be the canonical one.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise _refused("The event's timestamp is not a number of seconds.")
    if abs(now.timestamp() - int(stamp)) > tolerance:
        raise _refused(f"The event's timestamp is more than {tolerance} s away from this clock.")
    keys = (secrets,) if isinstance(secrets, str) else tuple(secrets)
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
    texts = {name: fact.get(name) for name in ("id", "issue", "project")}
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
