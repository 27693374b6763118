"""`/sandbox/faults`: give a script, take it away, read what was injected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.sandbox.youtrack.faults.script import FaultScriptError, Script, parse_script


def fault_routes(install: Callable[[Script], None], report: Callable[[], dict[str, Any]]) -> list[Route]:
    """Return the route. POST takes YAML or JSON, 400 lists every mistake and changes nothing."""

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            install(Script())
        elif request.method == "POST":
            text = (await request.body()).decode("utf-8", "replace")
            try:
                install(parse_script(text))
            except FaultScriptError as error:
                return JSONResponse({"error": error.message, "problems": error.problems}, 400)
        return JSONResponse(report())

    return [Route("/sandbox/faults", faults, methods=["GET", "POST", "DELETE"])]
