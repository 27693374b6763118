"""The sandbox's client systems over HTTP, by the contract of `data.client_system_http`."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.client_system import Key
from data.client_system_calls import ClientSystemError, arguments, read_types, write_names
from data.client_system_http import KEY_HEADER, MOST_KEY, TENANT_HEADER
from data.client_system_wire import to_json
from data.sandbox.payroll.system import SandboxClient

_MOST_BYTES = 16 << 10


class _RefusedRequest(Exception):  # noqa: N818
    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status, self.title = status, title


def create_app(systems: Mapping[str, SandboxClient], token: str) -> Starlette:
    """Serve these clients' systems to whoever has the token."""

    async def read(request: Request) -> Response:
        name = request.path_params["name"]
        kind = read_types().get(name)
        if kind is None:
            return _problem(404, "There is no such look-up.")
        try:
            system, given = await _opened(request, systems, token, name)
            found: object = await run_in_threadpool(system.read, name, kind, given)
        except _RefusedRequest as why:
            return _problem(why.status, why.title)
        except ClientSystemError as error:
            return _problem(409, error.message)
        return JSONResponse(to_json(found))

    async def write(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in write_names():
            return _problem(404, "There is no such effect.")
        key = request.headers.get(KEY_HEADER, "")
        if not 0 < len(key) <= MOST_KEY:
            return _problem(400, f"A write needs the header {KEY_HEADER}.")
        try:
            system, given = await _opened(request, systems, token, name)
            done = await run_in_threadpool(system.write, name, Key(key), given)
        except _RefusedRequest as why:
            return _problem(why.status, why.title)
        except ClientSystemError as error:
            return _problem(409, error.message)
        return JSONResponse(to_json(done))

    return Starlette(
        routes=[
            Route("/v1/reads/{name}", read, methods=["POST"]),
            Route("/v1/writes/{name}", write, methods=["POST"]),
        ]
    )


async def _opened(
    request: Request, systems: Mapping[str, SandboxClient], token: str, name: str
) -> tuple[SandboxClient, dict[str, str]]:
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise _RefusedRequest(401, "The token is not good.")
    system = systems.get(request.headers.get(TENANT_HEADER, ""))
    if system is None:
        raise _RefusedRequest(403, "There is no such client.")
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise _RefusedRequest(413, "The body is too long.")
    try:
        raw: Any = await request.json()
    except ValueError:
        raise _RefusedRequest(400, "The body is no JSON.") from None
    if not isinstance(raw, dict) or raw.keys() != arguments()[name]:
        raise _RefusedRequest(400, f"The body must have exactly: {', '.join(sorted(arguments()[name]))}.")
    if not all(isinstance(v, str) and v for v in raw.values()):
        raise _RefusedRequest(400, "Every argument is a text that is not empty.")
    return system, raw


def _problem(status: int, title: str) -> Response:
    return JSONResponse({"title": title, "status": status}, status, media_type="application/problem+json")
