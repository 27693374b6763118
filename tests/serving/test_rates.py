"""So many requests a minute per key and per client: exact, in words, and never for health or events."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from starlette.responses import PlainTextResponse

from data.access import Principal, Role
from data.errors import SettingsError
from data.keyring import WORKER
from data.settings import read_settings
from serving.access import Access
from serving.rates import Rates

KEYS = {
    "a": Principal("a", Role.CLIENT, "acme"),
    "b": Principal("b", Role.CLIENT, "acme"),
    "g": Principal("g", Role.CLIENT, "globex"),
    "lead": Principal("lead", Role.READ_ONLY, None),
    "worker": WORKER,
}


class Keyring:
    def principal(self, header: str) -> Principal | None:
        return KEYS.get(header.removeprefix("Bearer "))


class Door:
    def __init__(self, **settings: object) -> None:
        known = replace(read_settings({}), **{"access": "keys", **settings})  # type: ignore[arg-type]
        service = SimpleNamespace(settings=known, keyring=Keyring())
        self._app = Access(PlainTextResponse("in"), lambda: service)

    def call(
        self, key: str, path: str = "/v1/tickets", method: str = "GET", times: int = 1
    ) -> list[httpx.Response]:
        async def calling() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                headers = {"Authorization": f"Bearer {key}"} if key else {}
                return [await http.request(method, path, headers=headers) for _ in range(times)]

        return asyncio.run(calling())


def test_a_key_may_ask_exactly_so_much() -> None:
    door = Door(rate_key=3, rate_client=0)
    answers = door.call("a", times=5)
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["remedy"]
    assert [a.status_code for a in door.call("b", times=1)] == [200]


def test_refused_requests_count_as_well() -> None:
    door = Door(rate_key=2, rate_client=0)
    assert [a.status_code for a in door.call("a", "/metrics", times=3)] == [403, 403, 429]


def test_all_keys_of_one_client_share() -> None:
    door = Door(rate_key=0, rate_client=4)
    assert [a.status_code for a in door.call("a", times=3)] == [200] * 3
    assert [a.status_code for a in door.call("b", times=2)] == [200, 429]
    assert [a.status_code for a in door.call("g")] == [200]
    assert {a.status_code for a in door.call("lead", times=10)} == {200}


def test_health_events_documentation_and_our_worker_are_never_held_up() -> None:
    door = Door(rate_key=1, rate_client=1)
    for path in ("/livez", "/readyz", "/healthz", "/docs", "/v1/openapi.json"):
        assert {a.status_code for a in door.call("a", path, times=5)} == {200}
    assert {a.status_code for a in door.call("", "/v1/events/youtrack", "POST", times=5)} == {200}
    assert {a.status_code for a in door.call("worker", "/v1/triage", "POST", times=5)} == {200}


def test_without_keys_this_machine_asks_as_much_as_it_likes() -> None:
    assert {a.status_code for a in Door(access="local", rate_key=1).call("", times=5)} == {200}


def test_a_burst_from_many_threads_gets_exactly_the_limit() -> None:
    rates = Rates(per_key=50, per_client=0)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: rates.wait(KEYS["a"]), range(400)))
    assert sum(w is None for w in waits) == 50


def test_a_limit_below_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="rate_key must be 0 or more"):
        read_settings({"FIRSTLINE_RATE_KEY": "-1"})
