"""The receiver in this very process: what it answers, what it counts, what it keeps."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from data.clock import ManualClock
from data.errors import StorageError
from data.settings import read_settings
from data.store import Store, inbox
from data.youtrack.webhook import (
    MAX_BODY_BYTES,
    event_body,
    event_key,
    headers_for,
    parse_event,
    standard_headers,
)
from serving.events import receive

STAMP = 1764000000
NOW = datetime.fromtimestamp(STAMP, UTC)
KEY, TOKEN = "k" * 32, "t" * 32


class Receiver:
    """The route on a store, without a server."""

    def __init__(self, store: Store, **settings: str) -> None:
        self.store, self.clock = store, ManualClock(NOW)
        given = {"webhook_secret": KEY, "webhook_token": TOKEN, "webhook_backlog": "3"} | settings
        counter = Counter("events", "x", ["result"], registry=CollectorRegistry())
        self.service = SimpleNamespace(
            store=store,
            clock=self.clock,
            counters=SimpleNamespace(events=counter),
            settings=read_settings({f"FIRSTLINE_{k.upper()}": v for k, v in given.items()}),
        )

        async def taken(request: Request) -> Any:
            return await receive(self.service, request)

        self.app = Starlette(routes=[Route("/", taken, methods=["POST"])])

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        async def posting() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
                return await http.post("/", content=body, headers=headers)

        return asyncio.run(posting())

    def counted(self) -> dict[str, float]:
        (family,) = self.service.counters.events.collect()
        return {s.labels["result"]: s.value for s in family.samples if s.name == "events_total"}

    def kept(self) -> list[tuple[str, str]]:
        with self.store.read() as conn:
            return inbox.pending(conn)


@pytest.fixture
def receiver(store: Store) -> Receiver:
    return Receiver(store)


def body_of(n: int) -> bytes:
    return event_body(id=f"3-{n}", issue=f"PAY-{n}", project="PAY", at=STAMP * 1000, kinds=["created"])


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    return found


def test_what_is_accepted_is_stored_before_the_answer(receiver: Receiver) -> None:
    answer = receiver.post(body_of(1), standard_headers(KEY, "evt_1", STAMP, body_of(1)))
    assert (answer.status_code, answer.json()) == (202, {"received": True, "duplicate": False})
    assert receiver.kept() == [(event_key(body_of(1)), body_of(1).decode())]
    assert receiver.counted() == {"new": 1.0}


def test_a_second_signature_on_the_same_event_is_a_duplicate_and_the_first_then_a_replay(
    receiver: Receiver,
) -> None:
    first = headers_for(KEY, STAMP, body_of(1))
    for headers, status in (
        (first, 202),
        (headers_for(KEY, STAMP + 1, body_of(1)), 202),
        (first, 409),
        (standard_headers(KEY, "evt_1", STAMP + 2, body_of(1)), 202),
        (standard_headers(KEY, "evt_1", STAMP + 2, body_of(2)), 409),  # the id was seen
    ):
        answer = receiver.post(body_of(1) if status != 409 or headers is first else body_of(2), headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["title"] == "Event refused"
    assert "received before" in problem(answer)["detail"]
    assert "sign it anew" in problem(answer)["remedy"]
    assert receiver.counted() == {"new": 1.0, "duplicate": 2.0, "replayed": 2.0}
    assert len(receiver.kept()) == 1


def test_a_duplicate_says_so(receiver: Receiver) -> None:
    receiver.post(body_of(1), headers_for(KEY, STAMP, body_of(1)))
    answer = receiver.post(body_of(1), headers_for(KEY, STAMP + 1, body_of(1)))
    assert answer.json() == {"received": True, "duplicate": True}


def test_a_full_inbox_asks_the_sender_to_come_back(receiver: Receiver) -> None:
    for n in range(3):
        assert receiver.post(body_of(n), headers_for(KEY, STAMP, body_of(n))).status_code == 202
    answer = receiver.post(body_of(9), headers_for(KEY, STAMP, body_of(9)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "not kept" in problem(answer)["detail"]
    assert "worker" in problem(answer)["remedy"]
    assert receiver.counted() == {"new": 3.0, "full": 1.0}
    with receiver.store.write() as conn:
        inbox.processed(conn, [event_key(body_of(0))], NOW)
    assert receiver.post(body_of(9), headers_for(KEY, STAMP, body_of(9))).status_code == 202


def test_a_forged_event_is_refused_and_not_kept(receiver: Receiver) -> None:
    answer = receiver.post(body_of(1), headers_for("x" * 32, STAMP, body_of(1)))
    found = problem(answer)
    assert (answer.status_code, found["title"]) == (401, "Event refused")
    assert found["detail"] == "The event's signature does not match."
    assert "secret" in found["remedy"]
    assert (receiver.kept(), receiver.counted()) == ([], {"refused": 1.0})


def test_what_proved_itself_but_is_no_event_is_told_apart(receiver: Receiver) -> None:
    answer = receiver.post(b"[]", headers_for(KEY, STAMP, b"[]"))
    assert (answer.status_code, problem(answer)["title"]) == (400, "Event refused")
    assert problem(answer)["remedy"] == "Send what the Firstline app sends."
    answer = receiver.post(b'{"id": "x"}', {"X-YouTrack-Token": TOKEN})
    assert (answer.status_code, problem(answer)["detail"]) == (400, "The event names no issue.")
    assert problem(answer)["remedy"] == "Send what Webhook Triggers sends."
    assert receiver.counted() == {"refused": 2.0}


def test_the_clock_of_the_service_counts(receiver: Receiver) -> None:
    headers = headers_for(KEY, STAMP, body_of(1))
    receiver.clock.advance(timedelta(seconds=301))
    assert receiver.post(body_of(1), headers).status_code == 401


def test_of_the_vendors_event_our_own_form_is_kept(receiver: Receiver) -> None:
    body = json.dumps({"id": "PAY-7", "summary": "Zanzibar"}).encode()
    for duplicate in (False, True):
        answer = receiver.post(body, {"X-YouTrack-Token": TOKEN})
        assert (answer.status_code, answer.json()["duplicate"]) == (202, duplicate)
    ((_, kept),) = receiver.kept()
    event = parse_event(kept.encode())
    assert (event.id, event.issue, event.project, event.at) == ("PAY-7", "PAY-7", "PAY", STAMP * 1000)
    assert event.kinds == ("updated",)


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 401), (MAX_BODY_BYTES + 1, 413)])
def test_an_event_may_be_so_long_and_no_longer(receiver: Receiver, size: int, status: int) -> None:
    answer = receiver.post(b"x" * size, {})
    assert answer.status_code == status
    if status == 413:
        assert problem(answer)["detail"] == "An event has at most 65,536 bytes."
        assert problem(answer)["remedy"] == "Send ids, not content."
        assert receiver.counted() == {"too_large": 1.0}


def in_parts(receiver: Receiver, *parts: Any) -> int:
    """Hand a body over in parts (the last may be a disconnection); return the answer's status."""
    waiting, sent = list(parts), list[Any]()

    async def next_part() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    headers = headers_for(KEY, STAMP, body_of(1)).items()
    scope["headers"] = [(k.lower().encode(), v.encode()) for k, v in headers]
    asyncio.run(receiver.app(scope, next_part, send))
    assert len(waiting) <= 1, "it stops reading as soon as it knows"
    return int(sent[0]["status"])


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_parts_are_put_together(receiver: Receiver) -> None:
    whole = body_of(1)
    assert in_parts(receiver, part(whole[:9]), part(whole[9:20]), part(whole[20:], more=False)) == 202
    assert receiver.kept() == [(event_key(whole), whole.decode())]


def test_parts_are_counted_together(receiver: Receiver) -> None:
    half = part(b"x" * (MAX_BODY_BYTES // 2 + 1))
    assert in_parts(receiver, half, half, part(b"", more=False)) == 413


def test_a_sender_that_hangs_up_leaves_nothing_behind(receiver: Receiver) -> None:
    assert in_parts(receiver, part(body_of(1)), {"type": "http.disconnect"}) == 413
    assert receiver.kept() == []


def test_where_it_cannot_be_kept_the_sender_is_told_to_try_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **more: Any) -> Any:
        raise StorageError("The disk is full.", remedy="Make room.")

    monkeypatch.setattr("serving.events.inbox.accept", broken)
    answer = receiver.post(body_of(1), headers_for(KEY, STAMP, body_of(1)))
    assert (answer.status_code, problem(answer)["detail"]) == (503, "The disk is full.")
    assert (problem(answer)["title"], problem(answer)["remedy"]) == ("Storage failed", "Make room.")
    assert receiver.counted() == {"failed": 1.0}


def test_the_store_is_written_beside_the_loop(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    accept = inbox.accept

    def noted(*arguments: Any, **more: Any) -> Any:
        threads.append(threading.get_ident())
        return accept(*arguments, **more)

    monkeypatch.setattr("serving.events.inbox.accept", noted)
    receiver.post(body_of(1), headers_for(KEY, STAMP, body_of(1)))
    assert threads != [threading.get_ident()]
    assert len(threads) == 1
