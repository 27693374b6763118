"""A key says of itself whether it is whole; what is stored of it opens nothing."""

from __future__ import annotations

import secrets

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


@given(st.integers(0, 60), st.sampled_from(LETTERS))
def test_a_mistyped_key_is_no_key(at: int, letter: str) -> None:
    key = new_key(secrets.token_bytes)
    other = key[:at] + letter + key[at + 1 :]
    assert (key_id(other) is None) == (other != key)


def test_what_is_no_key_has_no_id() -> None:
    key = new_key(secrets.token_bytes)
    for text in ("", "fl_", key[:-1], key + "0", " " + key, key.upper(), key.replace("fl_", "pp_")):
        assert key_id(text) is None or text == key
