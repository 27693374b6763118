"""API keys: how they look and how they are checked. Pure.

`fl_` + 8 characters of id + `_` + 43 characters of secret (256 random bits, base 62) + 6 of checksum. The
prefix and the checksum let a scanner recognise a leaked key without asking anybody. What is stored is an
HMAC of the whole key under a pepper that is not in the database, so a copied database opens nothing; a
random 256-bit key needs no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID, _SECRET, _CHECK = 8, 43, 6
_SHAPE = re.compile(rf"fl_([0-9A-Za-z]{{{_ID}}})_([0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CHECK}}})")

Randomness = Callable[[int], bytes]


def new_key(randomness: Randomness) -> str:
    """Return a new key; `randomness(n)` gives n unpredictable bytes (`secrets.token_bytes`)."""
    body = f"fl_{_base62(randomness(6), _ID)}_{_base62(randomness(32), _SECRET)}"
    return body + _checksum(body)


def key_id(key: str) -> str | None:
    """Return the id of a well-formed key, or `None`; says nothing about whether anybody has it."""
    shape = _SHAPE.fullmatch(key)
    if shape is None or _checksum(key[:-_CHECK]) != shape.group(3):
        return None
    return shape.group(1)


def digest(key: str, pepper: bytes) -> str:
    """Return what is stored of a key, in hexadecimal."""
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def matches(key: str, pepper: bytes, stored: str) -> bool:
    """Tell whether `stored` is the digest of `key`, in a time that does not depend on where they differ."""
    return hmac.compare_digest(digest(key, pepper), stored)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()).to_bytes(4), _CHECK)


def _base62(raw: bytes, width: int) -> str:
    number, out = int.from_bytes(raw), ""
    while len(out) < width:
        number, digit = divmod(number, 62)
        out = _DIGITS[digit] + out
    return out
