"""What an answer may do to us: another account, no end, another clock, odd bytes, another place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from data.clock import ManualClock
from data.youtrack import transport
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import RefusedError

ME = {"id": "1-7", "login": "svc", "guest": False}
Ask = Callable[..., YouTrackClient]


@pytest.fixture
def asking(clock: ManualClock) -> Iterator[Ask]:
    opened: list[httpx.Client] = []

    def make(answer: Callable[[httpx.Request], httpx.Response], **facts: Any) -> YouTrackClient:
        http = httpx.Client(transport=httpx.MockTransport(answer))
        opened.append(http)
        return YouTrackClient(http, "http://desk.example/youtrack/", "perm:x", clock, **facts)

    yield make
    for http in opened:
        http.close()


def test_an_answer_for_another_account_is_refused(asking: Ask) -> None:
    logins = iter(["svc", "somebody"])
    client = asking(lambda _: httpx.Response(200, json=ME, headers={"X-YouTrack-User": next(logins)}))
    assert client.me().login == "svc"
    with pytest.raises(RefusedError, match="another account"):
        client.me()


def test_the_first_request_is_preceded_by_the_question_who_we_are(asking: Ask) -> None:
    asked: list[str] = []
    guest = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        body: Any = {**ME, "guest": guest[0]} if request.url.path.endswith("/me") else []
        return httpx.Response(200, json=body)

    client = asking(answer, verify=True)
    for _ in range(2):
        with pytest.raises(RefusedError, match="guest"):
            client.issues("project: PAY", 1)
    guest[0] = False
    assert client.issues("project: PAY", 1) == client.issues("project: PAY", 1) == []
    assert asked == ["/youtrack/api/users/me"] * 3 + ["/youtrack/api/issues"] * 2


def test_an_answer_without_end_is_cut_off(asking: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1 << 20)
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield b"x" * 65536

    with pytest.raises(RefusedError, match="longer than 1 MiB"):
        asking(lambda _: httpx.Response(200, content=endless())).me()
    assert len(sent) < 40


def test_a_clock_an_hour_off_is_known_and_breaks_nothing(asking: Ask, clock: ManualClock) -> None:
    ahead = format_datetime(clock.now() + timedelta(hours=1), usegmt=True)
    client = asking(lambda _: httpx.Response(200, json=ME, headers={"Date": ahead}))
    assert client.skew is None
    client.check()
    assert client.skew == timedelta(hours=1)
    asking(lambda _: httpx.Response(200, json=ME, headers={"Date": "yesterday"})).check()


def test_raw_control_characters_inside_strings_are_read(asking: Ask) -> None:
    body = json.dumps({**ME, "login": "a@b"}).replace("@", "\x01").encode()
    assert asking(lambda _: httpx.Response(200, content=body)).me().login == "a\x01b"


def test_the_token_follows_no_redirect(asking: Ask) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://elsewhere.example/api/users/me"})

    with pytest.raises(RefusedError, match="has moved"):
        asking(answer).me()
    assert hosts == ["desk.example"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"error": "Field required", "error_description": "Type is required", "error_field": "Type"},
            "Type is",
        ),
        ({"error": "Bad Request", "error_description": "Only leads may do this"}, "Only leads may do this"),
    ],
)
def test_a_veto_and_a_required_field_are_told_in_the_trackers_words_and_not_repeated(
    asking: Ask, body: dict[str, str], words: str
) -> None:
    posts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            posts.append(request.url.path)
            return httpx.Response(400, json=body)
        if "/admin/" in request.url.path:
            field = {"name": "Team", "fieldType": {"id": "string"}}
            return httpx.Response(200, json=[{"id": "92-1", "field": field, "bundle": None}])
        return httpx.Response(200, json={"id": "3-1", "customFields": []})

    with pytest.raises(RefusedError, match=words):
        asking(answer).update_fields("3-1", {"Team": "payments"}, project="PAY")
    assert len(posts) == 1


def test_a_renamed_field_is_named_before_anything_is_written(asking: Ask) -> None:
    methods: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        return httpx.Response(200, json=[])

    with pytest.raises(RefusedError, match="has no field 'Team'"):
        asking(answer).update_fields("3-1", {"Team": "payments"}, project="PAY")
    assert set(methods) == {"GET"}
