"""Only an unaltered, recent, correctly signed event is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.youtrack.webhook import (
    MAX_BODY_BYTES,
    SIGNATURE_HEADER,
    STANDARD_TIMESTAMP,
    TIMESTAMP_HEADER,
    Proof,
    WebhookError,
    event_body,
    event_key,
    headers_for,
    parse_event,
    sign,
    standard_headers,
    verify,
)

KEY = "0123456789abcdef0123456789abcdef"
STAMP = 1764000000
NOW = datetime.fromtimestamp(STAMP, UTC)
BODY = event_body(id="3-17", issue="PAY-17", project="PAY", at=STAMP * 1000, kinds=["created"])


def test_the_published_vector() -> None:
    expected = "9c3f6e4e19ecda916d665ef9f87b6e57f27a793f311b1d74ace49f276df387d0"
    assert sign(KEY, STAMP, b'{"event":"commentAdded","issue":"DEMO-7"}') == expected


@given(key=st.text(min_size=1, max_size=80).filter(str.isascii), body=st.binary(max_size=200))
def test_what_was_signed_verifies(key: str, body: bytes) -> None:
    verify(key, headers_for(key, STAMP, body), body, NOW)


@given(body=st.binary(min_size=1, max_size=100), data=st.data())
def test_any_changed_bit_is_noticed(body: bytes, data: st.DataObject) -> None:
    headers = headers_for(KEY, STAMP, body)
    at, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    altered = bytearray(body)
    altered[at] ^= 1 << bit
    with pytest.raises(WebhookError):
        verify(KEY, headers, bytes(altered), NOW)


@given(data=st.data())
def test_any_changed_digit_of_the_signature_is_noticed(data: st.DataObject) -> None:
    good = headers_for(KEY, STAMP, BODY)[SIGNATURE_HEADER]
    at = data.draw(st.integers(0, len(good) - 1))
    altered = good[:at] + data.draw(st.characters(max_codepoint=0x2FF)) + good[at + 1 :]
    assume(altered != good)
    with pytest.raises(WebhookError):
        verify(KEY, {TIMESTAMP_HEADER: str(STAMP), SIGNATURE_HEADER: altered}, BODY, NOW)


@given(shift=st.integers(-2000, 2000).filter(bool))
def test_the_timestamp_is_signed(shift: int) -> None:
    headers = headers_for(KEY, STAMP, BODY) | {TIMESTAMP_HEADER: str(STAMP + shift)}
    with pytest.raises(WebhookError):
        verify(KEY, headers, BODY, NOW)


@given(seconds=st.integers(-2000, 2000))
def test_only_events_of_the_last_and_next_five_minutes_count(seconds: int) -> None:
    headers = headers_for(KEY, STAMP, BODY)
    now = NOW + timedelta(seconds=seconds)
    if abs(seconds) <= 300:
        verify(KEY, headers, BODY, now)
    else:
        with pytest.raises(WebhookError, match="300 s"):
            verify(KEY, headers, BODY, now)


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "x",
        "01764000000",
        "-1764000000",
        "+1764000000",
        " 1764000000",
        "1764000000.0",
        "1_764_000_000",
        "١٧٦٤٠٠٠٠٠٠",
    ],
)
def test_only_the_canonical_timestamp_is_read(stamp: str) -> None:
    for headers, name in (
        (headers_for(KEY, STAMP, BODY), TIMESTAMP_HEADER),
        (standard_headers(KEY, "evt_1", STAMP, BODY), STANDARD_TIMESTAMP),
    ):
        verify(KEY, headers, BODY, NOW)
        with pytest.raises(WebhookError):
            verify(KEY, headers | {name: stamp}, BODY, NOW)


@pytest.mark.parametrize("message_id", ["", "x" * 257, "evt_\u00e9", "a\tb"])
def test_an_id_that_is_no_id_is_refused_though_it_is_signed(message_id: str) -> None:
    with pytest.raises(WebhookError):
        verify(KEY, standard_headers(KEY, message_id, STAMP, BODY), BODY, NOW)


def test_a_good_signature_says_when_and_under_which_id() -> None:
    assert verify(KEY, headers_for(KEY, STAMP, BODY), BODY, NOW) == Proof(None, NOW)
    assert verify(KEY, standard_headers(KEY, "evt_1", STAMP, BODY), BODY, NOW) == Proof("evt_1", NOW)


@pytest.mark.parametrize("missing", [TIMESTAMP_HEADER, SIGNATURE_HEADER])
def test_an_unsigned_event_is_refused(missing: str) -> None:
    headers = headers_for(KEY, STAMP, BODY)
    del headers[missing]
    with pytest.raises(WebhookError, match="not signed"):
        verify(KEY, headers, BODY, NOW)


def test_two_keys_are_good_while_they_are_rotated() -> None:
    old, new = "o" * 32, "n" * 32
    for key in (old, new):
        verify([old, new], headers_for(key, STAMP, BODY), BODY, NOW)
    with pytest.raises(WebhookError):
        verify([new], headers_for(old, STAMP, BODY), BODY, NOW)
    with pytest.raises(WebhookError):
        verify([], headers_for(old, STAMP, BODY), BODY, NOW)


def test_header_names_have_no_case_and_versions_stand_side_by_side() -> None:
    headers = {k.lower(): v for k, v in headers_for(KEY, STAMP, BODY).items()}
    name = SIGNATURE_HEADER.lower()
    verify(KEY, headers | {name: f"v0=abc, {headers[name]}"}, BODY, NOW)
    with pytest.raises(WebhookError):
        verify(KEY, headers | {name: headers[name].removeprefix("v1=")}, BODY, NOW)


def test_an_event_comes_back_as_it_was_sent() -> None:
    event = parse_event(BODY)
    assert (event.id, event.issue, event.project) == ("3-17", "PAY-17", "PAY")
    assert (event.at, event.kinds) == (STAMP * 1000, ("created",))
    assert event_key(BODY) == event_key(bytes(BODY)) != event_key(BODY + b" ")


GOOD = json.loads(BODY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b"{",
        b"\xff\xfe",
        b"[" * 30_000,
        b" " * (MAX_BODY_BYTES + 1),
        *(json.dumps({k: v for k, v in GOOD.items() if k != lost}).encode() for lost in GOOD if lost != "id"),
        json.dumps(GOOD | {"v": 2}).encode(),
        json.dumps(GOOD | {"id": ""}).encode(),
        json.dumps(GOOD | {"id": "x" * 200}).encode(),
        json.dumps(GOOD | {"at": "soon"}).encode(),
        json.dumps(GOOD | {"at": True}).encode(),
        json.dumps(GOOD | {"kinds": ["created"]}).encode(),
    ],
)
def test_what_is_no_event_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(WebhookError):
        parse_event(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), st.text())
def test_unknown_attributes_are_ignored(value: object, name: str) -> None:
    assume(name not in GOOD)
    assert parse_event(json.dumps(GOOD | {name: value}).encode()) == parse_event(BODY)
