"""`/sandbox/*`: what no tracker has. For measuring and for playing the live weeks, never for deciding."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.sandbox.world import WorldTicket
from data.sandbox.youtrack.loading import SandboxState
from data.sandbox.youtrack.model import Issue
from data.sandbox.youtrack.player import Player
from data.sandbox.youtrack.transaction import Veto


def control_routes(state: SandboxState, player: Player) -> list[Route]:
    """Return the routes: health, truth, arrivals."""

    async def health(_request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "tickets": len(state.tracker.issues),
                "live_left": player.left,
                "now": state.clock.now().isoformat(),
                "seed": state.world.config.seed,
            }
        )

    async def truth(request: Request) -> Response:
        ids = [i for i in request.query_params.get("ids", "").split(",") if i]
        found = {i: state.find_truth(i) for i in ids}
        return JSONResponse({i: _truth(*hit) for i, hit in found.items() if hit is not None})

    async def arrivals(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(player.report())
        try:
            count, pace = _order(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        player.order(count, pace)
        return JSONResponse(player.report())

    async def access(request: Request) -> Response:
        try:
            state.allow(**json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"lost": sorted(state.tracker.lost), "guest_banned": state.tracker.guest_banned})

    async def rules(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse([asdict(r) for r in state.tracker.rules.values()])
        try:
            given = json.loads(await request.body())
            on = given.pop("on", True)
            rule = Veto(**{"message": "A workflow rule refuses this.", **given})
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        state.tracker.rules.pop(rule.name, None)
        if on:
            state.tracker.rules[rule.name] = rule
        return JSONResponse({"on": sorted(state.tracker.rules)})

    return [
        Route("/sandbox/rules", rules, methods=["GET", "POST"]),
        Route("/sandbox/access", access, methods=["POST"]),
        Route("/sandbox/health", health),
        Route("/sandbox/truth", truth),
        Route("/sandbox/arrivals", arrivals, methods=["GET", "POST"]),
    ]


def _truth(issue: Issue, ticket: WorldTicket) -> dict[str, Any]:
    return {
        "readable_id": issue.readable_id,
        "issue_type": ticket.truth.issue_type,
        "category": ticket.truth.category,
        "priority": ticket.truth.priority,
        "team": ticket.truth.team,
        "family": ticket.family,
        "kind": ticket.kind,
        "personal": [
            {"field": s.field, "kind": s.kind, "start": s.start, "end": s.end, "text": s.text}
            for s in ticket.spans
        ],
    }


def _order(body: bytes) -> tuple[int, float]:
    try:
        given = json.loads(body)
        count, pace = given["count"], given.get("per_second", 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError('the body must be JSON like {"count": 10, "per_second": 2}') from None
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (count, pace))
    if not numbers or count != int(count) or not 0 <= count <= 100_000 or not 0 <= pace <= 1000:
        raise ValueError("count must be a whole number from 0, per_second a number from 0 to 1000")
    return int(count), float(pace)
