"""A key says of itself whether it is whole; what is stored of it opens nothing."""

from __future__ import annotations

import hmac
import secrets
import zlib

from hypothesis import given
from hypothesis import strategies as st

from data.api_key import digest, key_id, matches, new_key

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"


@given(st.binary(min_size=38, max_size=38), st.binary(min_size=1, max_size=40))
def test_a_key_has_its_id_and_only_itself_matches(raw: bytes, pepper: bytes) -> None:
    parts = iter([raw[:6], raw[6:]])
    key = new_key(lambda n: next(parts))
    assert key.startswith(f"fl_{key_id(key)}_")
    assert len(key) == 61
    stored = digest(key, pepper)
    assert matches(key, pepper, stored)
    assert not matches(key, pepper + b"x", stored)
    assert key[12:55] not in stored


def test_a_key_is_what_its_randomness_makes_it() -> None:
    """Written out, because keys that were given to people must stay good with every release."""
    asked: list[int] = []

    def randomness(n: int) -> bytes:
        asked.append(n)
        return bytes(range(1, n + 1))

    key = new_key(randomness)
    assert asked == [6, 32], "48 bits of id, 256 bits of secret"
    number, letters = int.from_bytes(bytes(range(1, 33))), ""
    for _ in range(43):
        letters = LETTERS[number % 62] + letters
        number //= 62
    assert key[11:55] == "_" + letters
    assert key_id(key) == key[3:11]
    assert zlib.crc32(key[:55].encode()) == sum(
        LETTERS.index(c) * 62**n for n, c in enumerate(reversed(key[55:]))
    )
    zeros = new_key(bytes)
    assert zeros[:55] == "fl_00000000_" + "0" * 43
    pepper = b"pepper"
    assert digest(zeros, pepper) == hmac.new(pepper, zeros.encode(), "sha256").hexdigest()


@given(st.integers(0, 60), st.sampled_from(LETTERS))
def test_a_mistyped_key_is_no_key(at: int, letter: str) -> None:
    key = new_key(secrets.token_bytes)
    other = key[:at] + letter + key[at + 1 :]
    assert (key_id(other) is None) == (other != key)


def test_what_is_no_key_has_no_id() -> None:
    key = new_key(secrets.token_bytes)
    for text in ("", "fl_", key[:-1], key + "0", " " + key, key.upper(), key.replace("fl_", "pp_")):
        assert key_id(text) is None or text == key
