"""Webhook events against the running service: replays, two keys, the vendor's token, a full inbox."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import httpx
import psutil
import pytest
from planted import WEBHOOK_SECRET as OLD
from planted import WEBHOOK_SECRET_NEXT as NEW
from planted import WEBHOOK_TOKEN as TOKEN

from data.clock import SystemClock
from data.store import inbox, open_store
from data.youtrack.webhook import event_body, headers_for, parse_event, standard_headers

PATH = "/v1/events/youtrack"
ROOM = 4


@pytest.fixture(scope="module")
def strict(serve: Callable[[str], Any]) -> Any:
    """A service with two keys, a token and room for four events."""
    return serve(
        f'webhook_secret = "{OLD}"\nwebhook_secret_next = "{NEW}"\nwebhook_key_id = "2026-10"\n'
        f'webhook_key_id_next = "2026-11"\nwebhook_token = "{TOKEN}"\nwebhook_backlog = {ROOM}\n'
    )


def body_of(number: int) -> bytes:
    return event_body(id=f"3-{number}", issue=f"PAY-{number}", project="PAY", at=number, kinds=["created"])


def post(running: Any, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(running.url + PATH, content=body, headers=headers, timeout=30)


def waiting(running: Any) -> list[bytes]:
    with open_store(running.settings.database_url) as store, store.read() as conn:
        return [body.encode() for _, body in inbox.pending(conn, 10_000)]


def work_off(running: Any) -> None:
    """Do to the inbox what the worker does."""
    with open_store(running.settings.database_url) as store, store.write() as conn:
        inbox.processed(conn, [k for k, _ in inbox.pending(conn)], SystemClock().now())


@pytest.mark.parametrize("standard", [True, False])
def test_a_replay_is_refused_and_a_new_signature_is_a_duplicate(service: Any, standard: bool) -> None:
    body, stamp, key = body_of(910001 + standard), int(time.time()), service.settings.webhook_secret

    def signed(second: int) -> dict[str, str]:
        return standard_headers(key, "evt_1", second, body) if standard else headers_for(key, second, body)

    assert post(service, body, signed(stamp)).json() == {"received": True, "duplicate": False}
    for again in (stamp, stamp - 1):
        answer = post(service, body, signed(again))
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
    later = post(service, body, signed(stamp + 1))
    assert (later.status_code, later.json()) == (202, {"received": True, "duplicate": True})
    assert post(service, body, signed(stamp)).status_code == 409
    assert waiting(service).count(body) == 1


def test_a_replay_is_refused_also_after_the_event_was_dealt_with(service: Any) -> None:
    body, stamp = body_of(910010), int(time.time())
    headers = standard_headers(service.settings.webhook_secret, "evt_10", stamp, body)
    assert post(service, body, headers).status_code == 202
    work_off(service)
    assert post(service, body, headers).status_code == 409
    assert body not in waiting(service)


@pytest.mark.parametrize(
    ("key", "named", "status"),
    [
        (OLD, None, 202),
        (NEW, None, 202),
        (OLD, "2026-10", 202),
        (NEW, "2026-11", 202),
        (NEW, "2026-10", 401),
        (OLD, "2026-11", 401),
        (OLD, "2026-12", 401),
        ("x" * 32, None, 401),
        ("x" * 32, "2026-10", 401),
    ],
)
def test_the_key_that_is_named_must_have_signed(
    strict: Any, key: str, named: str | None, status: int
) -> None:
    work_off(strict)
    body = body_of(crc32(f"{key} {named}".encode()))
    headers = standard_headers(key, f"evt_{key[0]}_{named}", int(time.time()), body)
    answer = post(strict, body, headers | ({} if named is None else {"X-Firstline-Key": named}))
    assert answer.status_code == status, answer.text
    assert (body in waiting(strict)) == (status == 202)


VENDOR = {
    "event": "commentAdded",
    "id": "PAY-77",
    "summary": "Zanzibar",
    "project": {"shortName": "OTHER"},
    "comments": [{"id": "7-901", "text": "private"}],
}


def test_of_a_vendor_event_only_the_id_is_kept(strict: Any) -> None:
    work_off(strict)
    answer = post(strict, json.dumps(VENDOR).encode(), {"X-YouTrack-Token": TOKEN})
    assert answer.status_code == 202
    (kept,) = waiting(strict)
    event = parse_event(kept)
    assert (event.issue, event.project) == ("PAY-77", "PAY")
    assert b"Zanzibar" not in kept
    assert b"private" not in kept


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        ("secret", VENDOR, 401),
        ("", VENDOR, 401),
        (TOKEN[:-1], VENDOR, 401),
        (TOKEN, {**VENDOR, "id": 7}, 400),
        (TOKEN, {**VENDOR, "id": "PAY-7/../8"}, 400),
        (TOKEN, {"event": "x"}, 400),
        (TOKEN, [1], 400),
    ],
)
def test_vendor_events_that_prove_or_say_nothing_are_refused(
    strict: Any, token: str, body: Any, status: int
) -> None:
    work_off(strict)
    answer = post(strict, json.dumps(body).encode(), {"X-YouTrack-Token": token})
    assert answer.status_code == status
    assert waiting(strict) == []


def test_the_token_opens_nothing_where_none_is_set(service: Any) -> None:
    for token in ("", "secret", TOKEN):
        assert post(service, json.dumps(VENDOR).encode(), {"X-YouTrack-Token": token}).status_code == 401


def test_the_token_does_not_help_a_wrong_signature(strict: Any) -> None:
    body = body_of(910020)
    headers = standard_headers("x" * 32, "evt_20", int(time.time()), body) | {"X-YouTrack-Token": TOKEN}
    assert post(strict, body, headers).status_code == 401


def test_a_full_inbox_turns_events_away_and_takes_them_later(strict: Any) -> None:
    work_off(strict)
    stamp = int(time.time())
    requests = [
        (body_of(n), standard_headers(OLD, f"evt_{n}", stamp, body_of(n)))
        for n in range(920000, 920000 + ROOM + 1)
    ]
    answers = [post(strict, *request) for request in requests]
    assert [a.status_code for a in answers] == [202] * ROOM + [503]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(waiting(strict)) == ROOM
    work_off(strict)
    assert post(strict, *requests[-1]).status_code == 202


def kill(pid: int) -> None:
    """Kill a process and its children at once: the one that answers is a child with a session of its own."""
    family = psutil.Process(pid)
    for one in [*family.children(recursive=True), family]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def test_what_was_accepted_survives_a_kill(serve: Callable[[str], Any]) -> None:
    running = serve("")
    accepted: list[bytes] = []

    def send(number: int) -> None:
        body = body_of(number)
        headers = standard_headers(running.settings.webhook_secret, f"evt_{number}", int(time.time()), body)
        try:
            answer = post(running, body, headers)
        except httpx.HTTPError:
            return
        if answer.status_code == 202:
            accepted.append(body)
        if len(accepted) == 20:
            kill(running.process.pid)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(930000, 930060)))
    assert 20 <= len(accepted) < 60
    assert set(accepted) <= set(waiting(running))
