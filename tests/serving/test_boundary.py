"""The edge of the service: the unexpected is a problem document, and only so much is in work at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import boundary
from serving.boundary import Boundary
from serving.problem import MEDIA_TYPE

SECRET = "IBAN DE89370400440532013000"


def ask(app: ASGIApp, *paths: str) -> list[httpx.Response]:
    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Boundary(app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as http:
            return list(await asyncio.gather(*(http.get(path) for path in paths)))

    return asyncio.run(asked())


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError(SECRET)


async def broken_route(request: Request) -> Any:
    raise ValueError(SECRET)


@pytest.mark.parametrize("app", [broken, Starlette(routes=[Route("/", broken_route)])])
def test_what_nobody_expected_is_a_problem_and_its_words_stay_inside(app: ASGIApp, capsys: Any) -> None:
    (answer,) = ask(app, "/")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert SECRET not in answer.text
    said = capsys.readouterr().err
    assert "unexpected ValueError in test_boundary.py, line " in said
    assert SECRET not in said


def test_only_so_much_is_in_work_at_once_but_health_and_events_always(monkeypatch: Any) -> None:
    monkeypatch.setattr(boundary, "MAX_AT_ONCE", 3)
    inside: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        inside.append(scope["path"])
        await asyncio.sleep(0.05)
        await PlainTextResponse("done")(scope, receive, send)

    answers = ask(slow, *["/v1/tickets"] * 5, "/livez", "/readyz", "/v1/events/youtrack")
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429, 200, 200, 200]
    assert answers[3].headers["content-type"] == MEDIA_TYPE
    assert answers[3].headers["retry-after"] == "1"
    assert [a.status_code for a in ask(slow, "/v1/tickets")] == [200]
