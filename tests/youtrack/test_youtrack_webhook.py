"""Only an unaltered, recent, correctly signed event is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

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
    key_bytes,
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


# Keys, forms and words, one by one.

SPEC_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_standards_own_example() -> None:
    """The example of the Standard Webhooks specification: key, id, time, body and signature."""
    body = b'{"test": 2432232314}'
    headers = standard_headers(SPEC_KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    moment = datetime.fromtimestamp(1614265330, UTC)
    assert verify(SPEC_KEY, headers, body, moment) == Proof("msg_p5jXN8AQM9LWM0D4loKWxJek", moment)


def test_a_key_is_text_or_base64_after_its_prefix() -> None:
    assert key_bytes("text é") == "text é".encode()
    assert key_bytes("whsec_AAEC") == b"\x00\x01\x02"
    for wrong in ("whsec_AAE", "whsec_A*EC", "whsec_AA*EC", "whsec_é"):
        with pytest.raises(WebhookError, match="not base64"):
            key_bytes(wrong)


def test_both_headers_of_our_own_form() -> None:
    assert headers_for(KEY, 7, b"x") == {
        "X-Firstline-Timestamp": "7",
        "X-Firstline-Signature": f"v1={sign(KEY, 7, b'x')}",
    }


@pytest.mark.parametrize("form", [headers_for, lambda k, t, b: standard_headers(k, "evt_1", t, b)])
def test_any_of_several_keys_and_signatures_may_match_wherever_it_stands(form: Any) -> None:
    keys = ["a" * 32, "b" * 32, "c" * 32]
    name = next(n for n in form(KEY, STAMP, BODY) if n.lower().endswith("signature"))
    signatures = {k: form(k, STAMP, BODY)[name] for k in keys}
    glue = " " if name == "webhook-signature" else ", "
    for right in keys:
        headers = form(right, STAMP, BODY)
        assert verify(keys, headers, BODY, NOW)
        for order in (keys, keys[::-1]):
            offered = glue.join(signatures[k] for k in order)
            assert verify(right, headers | {name: offered}, BODY, NOW)
    with pytest.raises(WebhookError, match="signature does not match"):
        verify("d" * 32, headers | {name: glue.join(signatures.values())}, BODY, NOW)


@pytest.mark.parametrize("lost", ["webhook-id", "webhook-timestamp"])
def test_a_standard_event_without_id_or_time_is_unsigned(lost: str) -> None:
    headers = standard_headers(KEY, "evt_1", STAMP, BODY)
    del headers[lost]
    with pytest.raises(WebhookError, match="not signed"):
        verify(KEY, headers, BODY, NOW)
    with pytest.raises(WebhookError, match="not signed"):
        verify(KEY, {}, BODY, NOW)


def test_the_longest_id_is_taken() -> None:
    assert verify(KEY, standard_headers(KEY, "x" * 256, STAMP, BODY), BODY, NOW).message_id == "x" * 256
    with pytest.raises(WebhookError, match="256 printable ASCII"):
        verify(KEY, standard_headers(KEY, "x" * 257, STAMP, BODY), BODY, NOW)


def test_a_standard_signature_of_another_version_does_not_count() -> None:
    headers = standard_headers(KEY, "evt_1", STAMP, BODY)
    for prefix in ("v1a,", "v2,", ""):
        other = headers["webhook-signature"].replace("v1,", prefix)
        with pytest.raises(WebhookError, match="signature does not match"):
            verify(KEY, headers | {"webhook-signature": other}, BODY, NOW)
        both = f"{other} {headers['webhook-signature']}"
        assert verify(KEY, headers | {"webhook-signature": both}, BODY, NOW)


def test_how_far_clocks_may_differ_can_be_said() -> None:
    for form in (headers_for(KEY, STAMP, BODY), standard_headers(KEY, "evt_1", STAMP, BODY)):
        for seconds in (-10, 10):
            moment = NOW + timedelta(seconds=seconds)
            assert verify(KEY, form, BODY, moment, tolerance=10).signed_at == NOW
            with pytest.raises(WebhookError, match="more than 9 s away"):
                verify(KEY, form, BODY, moment, tolerance=9)


def test_a_time_of_twelve_digits_is_one_and_of_thirteen_is_none() -> None:
    far = datetime.fromtimestamp(100_000_000_000, UTC)
    assert verify(KEY, headers_for(KEY, 100_000_000_000, BODY), BODY, far)
    with pytest.raises(WebhookError, match="not a number of seconds"):
        verify(KEY, headers_for(KEY, 1_000_000_000_000, BODY), BODY, far)
    with pytest.raises(WebhookError, match="not a number of seconds"):
        verify(KEY, headers_for(KEY, STAMP, BODY) | {TIMESTAMP_HEADER: "x"}, BODY, NOW)


def test_an_event_has_these_very_bytes() -> None:
    """The app makes the same in JavaScript; both sides sign them."""
    made = event_body(id="3-1", issue="PAY-1", project="PAY", at=7, kinds=["created", "updated"])
    assert made == (
        b'{"v":1,"id":"3-1","issue":"PAY-1","project":"PAY","at":7,"kinds":{"created":true,"updated":true}}'
    )
    assert event_key(b"x") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_kinds_are_those_that_are_on_in_order_and_the_id_may_be_the_readable_one() -> None:
    fact = {k: v for k, v in GOOD.items() if k != "id"}
    fact["kinds"] = {"updated": True, "created": True, "off": False, "one": 1, "text": "true"}
    event = parse_event(json.dumps(fact).encode())
    assert (event.id, event.issue, event.kinds) == ("PAY-17", "PAY-17", ("created", "updated"))


@pytest.mark.parametrize("name", ["id", "issue", "project"])
def test_ids_have_1_to_128_characters(name: str) -> None:
    for length, good in ((1, True), (128, True), (0, False), (129, False)):
        body = json.dumps(GOOD | {name: "x" * length}).encode()
        if good:
            assert getattr(parse_event(body), name) == "x" * length
        else:
            with pytest.raises(WebhookError, match="lacks id, issue or project"):
                parse_event(body)
    with pytest.raises(WebhookError, match="lacks id, issue or project"):
        parse_event(json.dumps(GOOD | {name: 7}).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b" " * (MAX_BODY_BYTES + 1), "The event is larger than 64 KiB."),
        (b"{", "The event is not JSON."),
        (b"[" * 30_000, "The event is not JSON."),
        (b"[]", "The event has an unknown version."),
        (b'{"v": 2}', "The event has an unknown version."),
        (json.dumps(GOOD | {"at": None}).encode(), "The event lacks at or kinds."),
        (json.dumps(GOOD | {"at": True}).encode(), "The event lacks at or kinds."),
        (json.dumps(GOOD | {"kinds": []}).encode(), "The event lacks at or kinds."),
    ],
)
def test_what_is_wrong_with_an_event_is_said(body: bytes, words: str) -> None:
    with pytest.raises(WebhookError) as caught:
        parse_event(body)
    assert caught.value.message == words
    assert "secret" in caught.value.remedy
    assert (caught.value.exit_code, caught.value.title) == (3, "Event refused")


def test_an_event_of_the_greatest_length_is_read() -> None:
    body = BODY + b" " * (MAX_BODY_BYTES - len(BODY))
    assert parse_event(body) == parse_event(BODY)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "The event is not signed."),
        ({"webhook-signature": "v1,x"}, "The event is not signed."),
        (headers_for("x" * 32, STAMP, BODY), "The event's signature does not match."),
        (standard_headers("x" * 32, "e", STAMP, BODY), "The event's signature does not match."),
        (
            headers_for(KEY, STAMP, BODY) | {SIGNATURE_HEADER: "v1=\udc80"},
            "The event's signature does not match.",
        ),
        (
            standard_headers(KEY, "e", STAMP, BODY) | {"webhook-signature": "v1,\udc80"},
            "The event's signature does not match.",
        ),
        (
            headers_for(KEY, STAMP, BODY) | {TIMESTAMP_HEADER: "x"},
            "The event's timestamp is not a number of seconds.",
        ),
        (
            standard_headers(KEY, "\u00e9", STAMP, BODY),
            "The event's id is not up to 256 printable ASCII characters.",
        ),
    ],
)
def test_why_an_event_is_not_believed_is_said(headers: dict[str, str], words: str) -> None:
    with pytest.raises(WebhookError) as caught:
        verify(KEY, headers, BODY, NOW)
    assert caught.value.message == words
