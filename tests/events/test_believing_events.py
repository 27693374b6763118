"""Which requests are believed, decided without a service: signature, key, token, body."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from planted import WEBHOOK_SECRET as OLD
from planted import WEBHOOK_SECRET_NEXT as NEW
from planted import WEBHOOK_TOKEN as TOKEN

from data.settings import Settings, read_settings
from data.youtrack.webhook import (
    WebhookError,
    event_body,
    headers_for,
    parse_event,
    standard_headers,
)
from serving.events import Hint, NoEventError, believe

STAMP = 1764000000
NOW = datetime.fromtimestamp(STAMP, UTC)
BODY = event_body(id="3-17", issue="PAY-17", project="PAY", at=STAMP * 1000, kinds=["created"])


def settings(**more: str) -> Settings:
    given = {"webhook_secret": OLD, "webhook_secret_next": NEW, "webhook_token": TOKEN} | more
    return read_settings({f"FIRSTLINE_{name.upper()}": value for name, value in given.items()})


def lowered(headers: dict[str, str], **more: str) -> dict[str, str]:
    return {k.lower(): v for k, v in headers.items()} | {k.replace("_", "-"): v for k, v in more.items()}


def test_a_signed_event_is_kept_as_it_came_with_its_proof() -> None:
    named = lowered(standard_headers(OLD, "evt_1", STAMP, BODY))
    assert believe(settings(), named, BODY, NOW) == Hint(BODY, "evt_1", NOW)
    plain = lowered(headers_for(NEW, STAMP, BODY))
    assert believe(settings(), plain, BODY, NOW) == Hint(BODY, None, NOW)


def test_an_empty_key_name_names_none_and_a_key_that_is_away_cannot_be_named() -> None:
    assert believe(settings(), lowered(headers_for(NEW, STAMP, BODY), x_firstline_key=""), BODY, NOW)
    assert believe(settings(), lowered(headers_for(NEW, STAMP, BODY), x_firstline_key="next"), BODY, NOW)
    for key, name in ((OLD, "next"), (NEW, "current"), (NEW, "other")):
        with pytest.raises(WebhookError) as caught:
            believe(settings(), lowered(headers_for(key, STAMP, BODY), x_firstline_key=name), BODY, NOW)
        assert not isinstance(caught.value, NoEventError)
    with pytest.raises(WebhookError, match="not in use"):
        gone = lowered(headers_for(NEW, STAMP, BODY), x_firstline_key="next")
        believe(settings(webhook_secret_next=""), gone, BODY, NOW)


def test_a_signed_body_that_is_no_event_is_told_from_a_forged_one() -> None:
    with pytest.raises(NoEventError, match="not JSON"):
        believe(settings(), lowered(headers_for(OLD, STAMP, b"x")), b"x", NOW)
    with pytest.raises(WebhookError) as caught:
        believe(settings(), lowered(headers_for("x" * 32, STAMP, b"x")), b"x", NOW)
    assert not isinstance(caught.value, NoEventError)


def test_of_a_token_event_the_id_is_kept_and_nothing_else() -> None:
    body = json.dumps({"id": "PAY_2.x-77", "project": {"key": "SUP"}, "summary": "Zanzibar"}).encode()
    hint = believe(settings(), {"x-youtrack-token": TOKEN}, body, NOW)
    event = parse_event(hint.body)
    assert (event.id, event.issue, event.project) == ("PAY_2.x-77", "PAY_2.x-77", "PAY_2.x")
    assert (event.at, event.kinds) == (STAMP * 1000, ("updated",))
    assert (hint.webhook_id, hint.signed_at) == (None, None)
    assert b"Zanzibar" not in hint.body


@pytest.mark.parametrize(
    "fact", [None, [], "PAY-1", {}, {"id": 7}, {"id": ""}, {"id": "PAY"}, {"id": "PAY-1/2"}, {"id": "PAY-1 "}]
)
def test_a_token_event_without_a_ticket_is_no_event(fact: Any) -> None:
    with pytest.raises(NoEventError, match="names no issue"):
        believe(settings(), {"x-youtrack-token": TOKEN}, json.dumps(fact).encode(), NOW)
    with pytest.raises(NoEventError, match="names no issue"):
        believe(settings(), {"x-youtrack-token": TOKEN}, b"{", NOW)


@pytest.mark.parametrize(
    "token", ["", "secret", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), OLD, "\u00e9" * 32, "\udc80"]
)
def test_a_wrong_token_is_no_proof(token: str) -> None:
    with pytest.raises(WebhookError, match="token does not match"):
        believe(settings(), {"x-youtrack-token": token}, b'{"id": "PAY-1"}', NOW)


def test_a_token_counts_only_where_one_is_set_and_nothing_is_signed() -> None:
    with pytest.raises(WebhookError, match="not signed"):
        believe(settings(webhook_token=""), {"x-youtrack-token": ""}, b'{"id": "PAY-1"}', NOW)
    for headers in (
        headers_for("x" * 32, STAMP, b'{"id": "PAY-1"}'),
        standard_headers("x" * 32, "evt_1", STAMP, b'{"id": "PAY-1"}'),
    ):
        with pytest.raises(WebhookError, match="signature does not match"):
            believe(settings(), lowered(headers, x_youtrack_token=TOKEN), b'{"id": "PAY-1"}', NOW)
