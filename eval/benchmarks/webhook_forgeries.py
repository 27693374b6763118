"""Webhook requests that must be refused, made from well signed ones. Pure; the generator is seeded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from data.youtrack.webhook import (
    SIGNATURE_HEADER,
    STANDARD_ID,
    STANDARD_SIGNATURE,
    STANDARD_TIMESTAMP,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    event_body,
    headers_for,
    standard_headers,
)

GOOD = 100
_MARGIN = 30  # seconds of difference between sender and receiver that change nothing
_BASE64 = string.ascii_letters + string.digits + "+/"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the receiver."""

    body: bytes
    headers: dict[str, str]

    @property
    def standard(self) -> bool:
        return STANDARD_SIGNATURE in self.headers

    @property
    def signature(self) -> str:
        return STANDARD_SIGNATURE if self.standard else SIGNATURE_HEADER

    @property
    def timestamp(self) -> str:
        return STANDARD_TIMESTAMP if self.standard else TIMESTAMP_HEADER


class Forger:
    """Makes bad requests. `now`: epoch seconds; `key`: the receiver's signing key."""

    def __init__(self, key: str, now: int, seed: int) -> None:
        self.key, self.now = key, now
        self.rng = random.Random(seed)
        self._made = 0
        self.good = [self.another() for _ in range(GOOD)]

    def another(self) -> Request:
        """Return a good request that was not made before, in either of the two forms."""
        return self.signed(self.event(), self.key, self.now)

    def event(self) -> bytes:
        self._made += 1
        issue = f"PAY-{700_000 + self._made}"
        at = self.now * 1000 + self._made
        return event_body(id=issue, issue=issue, project="PAY", at=at, kinds=["created"])

    def signed(self, body: bytes, key: str, stamp: int) -> Request:
        if self._made % 2:
            return Request(body, headers_for(key, stamp, body))
        return Request(body, standard_headers(key, f"evt_{self._made}_{self.rng.random()}", stamp, body))

    def make(self, kind: str) -> Request:
        """Return a bad request of one of `KINDS`."""
        return KINDS[kind](self)

    def one(self) -> Request:
        """Return one of the good requests, or one like them that was never sent."""
        return self.rng.choice(self.good) if self.rng.random() < 0.5 else self.another()


def _with(request: Request, **changed: str) -> Request:
    names = {"signature": request.signature, "timestamp": request.timestamp}
    return Request(request.body, request.headers | {names[k]: v for k, v in changed.items()})


def _bit(f: Forger) -> Request:
    request = f.one()
    altered = bytearray(request.body)
    altered[f.rng.randrange(len(altered))] ^= 1 << f.rng.randrange(8)
    return Request(bytes(altered), request.headers)


def _cut(f: Forger) -> Request:
    request = f.one()
    return Request(request.body[: f.rng.randrange(len(request.body))], request.headers)


def _longer(f: Forger) -> Request:
    request = f.one()
    return Request(request.body + f.rng.choice([b" ", b"\n", b"\0", b"{}"]), request.headers)


def _other_body(f: Forger) -> Request:
    return Request(f.event(), f.one().headers)


def _signature_character(f: Forger) -> Request:
    request = f.one()
    good = request.headers[request.signature]
    at = f.rng.randrange(3, len(good))
    other = f.rng.choice([c for c in _BASE64 if c != good[at]])
    return _with(request, signature=good[:at] + other + good[at + 1 :])


def _signature_cut(f: Forger) -> Request:
    request = f.one()
    good = request.headers[request.signature]
    return _with(request, signature=good[: f.rng.randrange(len(good))])


def _signature_other_case(f: Forger) -> Request:
    request = f.one()
    return _with(request, signature=request.headers[request.signature].swapcase())


def _signature_other_version(f: Forger) -> Request:
    request = f.one()
    version = f.rng.choice(["v0", "v2", "v1a", "", "sha256", "none"])
    return _with(request, signature=version + request.headers[request.signature][2:])


def _signature_other_digest(f: Forger) -> Request:
    request = f.one()
    name = f.rng.choice(["md5", "sha1", "sha512"])
    stamp = request.headers[request.timestamp]
    start = f"{request.headers[STANDARD_ID]}.{stamp}." if request.standard else f"{stamp}."
    digest = hmac.new(f.key.encode(), start.encode() + request.body, getattr(hashlib, name))
    text = base64.b64encode(digest.digest()).decode() if request.standard else digest.hexdigest()
    return _with(request, signature=("v1," if request.standard else "v1=") + text)


def _other_key(f: Forger) -> Request:
    keys = [f.key[:-1], f.key[::-1], f.key.upper(), "secret", f"whsec_{'A' * 44}", "x" * 32, f.key + " "]
    return f.signed(f.event(), f.rng.choice(keys), f.now)


def _timestamp_moved(f: Forger) -> Request:
    request = f.one()
    return _with(request, timestamp=str(f.now + f.rng.choice([-1, 1]) * f.rng.randrange(1, 290)))


def _timestamp_spelling(f: Forger) -> Request:
    request = f.one()
    good = request.headers[request.timestamp]
    return _with(
        request, timestamp=f.rng.choice([f"+{good}", f"0{good}", f"{good}.0", "", "now", f"-{good}"])
    )


def _too_old(f: Forger) -> Request:
    seconds = TOLERANCE_SECONDS + f.rng.choice([1, 60, 3600, 86_400, 10**8])
    # The receiver's clock runs on while the requests are sent, so only the past is exact.
    return f.signed(f.event(), f.key, f.now - seconds)


def _too_early(f: Forger) -> Request:
    seconds = TOLERANCE_SECONDS + f.rng.choice([600, 3600, 86_400, 10**8]) + _MARGIN
    return f.signed(f.event(), f.key, f.now + seconds)


def _header_missing(f: Forger) -> Request:
    request = f.one()
    gone = f.rng.choice(sorted(request.headers))
    return Request(request.body, {k: v for k, v in request.headers.items() if k != gone})


def _unsigned(f: Forger) -> Request:
    return Request(f.event(), {})


def _id_changed(f: Forger) -> Request:
    body = f.event()
    headers = standard_headers(f.key, "evt_a", f.now, body)
    return Request(body, headers | {STANDARD_ID: f.rng.choice(["evt_b", "evt_a.", "", "evt_A", "x" * 300])})


def _unknown_key_named(f: Forger) -> Request:
    request = f.another()
    name = f.rng.choice(["0", "Current", "current ,next", "../current", "x" * 100])
    return Request(request.body, request.headers | {"X-Firstline-Key": name})


def _token(f: Forger) -> Request:
    token = f.rng.choice(["secret", "", f.key, f.key[:32], "x" * 32, "null"])
    body = json.dumps({"event": "issueCreated", "id": f"PAY-{f.rng.randrange(10**6)}"}).encode()
    return Request(body, {"X-YouTrack-Token": token})


def _no_event(f: Forger) -> Request:
    bodies = [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"v":2}', b'{"v":1,"id":"x"}', b"[" * 20_000]
    f.event()
    return f.signed(f.rng.choice(bodies), f.key, f.now)


def _too_large(f: Forger) -> Request:
    f.event()
    return f.signed(b" " * 65_537, f.key, f.now)


def _replay(f: Forger) -> Request:
    return f.rng.choice(f.good)


def _replay_older(f: Forger) -> Request:
    """An event that was sent, under an older signature: recorded on another way, say."""
    request = f.rng.choice(f.good)
    stamp = f.now - f.rng.randrange(1, 100)
    if request.standard:
        return Request(
            request.body, standard_headers(f.key, request.headers[STANDARD_ID], stamp, request.body)
        )
    return Request(request.body, headers_for(f.key, stamp, request.body))


def _replay_id(f: Forger) -> Request:
    """Another event under an id that was used."""
    used = f.rng.choice([g for g in f.good if g.standard])
    body = f.event()
    return Request(body, standard_headers(f.key, used.headers[STANDARD_ID], f.now, body))


KINDS: dict[str, Callable[[Forger], Request]] = {
    "body: one bit": _bit,
    "body: cut": _cut,
    "body: longer": _longer,
    "body: another event's": _other_body,
    "body: signed, but no event": _no_event,
    "body: signed, but too large": _too_large,
    "signature: one character": _signature_character,
    "signature: cut": _signature_cut,
    "signature: other case": _signature_other_case,
    "signature: other version": _signature_other_version,
    "signature: other digest": _signature_other_digest,
    "signature: other key": _other_key,
    "timestamp: moved": _timestamp_moved,
    "timestamp: other spelling": _timestamp_spelling,
    "timestamp: too old": _too_old,
    "timestamp: too early": _too_early,
    "header: one missing": _header_missing,
    "header: none": _unsigned,
    "header: other id": _id_changed,
    "header: unknown key named": _unknown_key_named,
    "header: token": _token,
    "replay: verbatim": _replay,
    "replay: older signature": _replay_older,
    "replay: id used before": _replay_id,
}
