"""Without keys only this machine is answered; nobody else can start or reach the service."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from data.errors import SettingsError
from data.settings import read_settings
from serving.access import LOCAL, Access, check, principal_of


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse({"local": principal_of(Request(scope)) == LOCAL})
    await answer(scope, receive, send)


async def call(headers: dict[str, str], client: str = "127.0.0.1") -> int:
    settings = read_settings({})
    app = Access(whoami, lambda: SimpleNamespace(settings=settings))
    transport = httpx.ASGITransport(app, client=(client, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8800") as http:
        return (await http.get("/v1/bundle", headers=headers)).status_code


@pytest.mark.parametrize(
    ("headers", "client", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "10.0.0.9", 403),
        ({"Host": "desk.example"}, "127.0.0.1", 403),
        ({"X-Forwarded-For": "10.0.0.9"}, "127.0.0.1", 403),
        ({"Origin": "https://evil.example"}, "127.0.0.1", 403),
        ({"Origin": "http://127.0.0.1:8800"}, "127.0.0.1", 200),
    ],
)
def test_only_this_machine_is_the_local_operator(headers: dict[str, str], client: str, status: int) -> None:
    import asyncio

    assert asyncio.run(call(headers, client)) == status


def test_a_service_without_keys_does_not_listen_to_others() -> None:
    with pytest.raises(SettingsError, match="only listen on this machine"):
        check(read_settings({"FIRSTLINE_HOST": "0.0.0.0"}))
    check(read_settings({}))
