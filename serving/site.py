"""What the service shows and takes in beside triage: the status page, the bundle's facts, events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from data.errors import FirstlineError
from data.store import decisions, outbox, switches, tickets
from data.store.reach import find_all
from data.tracker import host_of
from eval.risk import Certificate
from serving import events, openapi, suggestions, ticket_routes
from serving.autonomy import Autonomy

_SHOWN = 20
_RECENT = timedelta(days=1)
_WEB = Path(__file__).resolve().parent / "web"


def application(service: Callable[[], Any]) -> Starlette:
    """Build the app that BentoML mounts; `service()` gives the running service."""
    pages = Environment(
        loader=FileSystemLoader(_WEB), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )

    async def status(_: Request) -> Response:
        return await _status(service(), pages)

    async def bundle(_: Request) -> Response:
        return JSONResponse(facts(service()))

    async def docs(_: Request) -> Response:
        return HTMLResponse(pages.get_template("docs.html").render(document=openapi.document()))

    async def described(_: Request) -> Response:
        return JSONResponse(openapi.document())

    async def event(request: Request) -> Response:
        return await events.receive(service(), request)

    return Starlette(
        routes=[
            Route("/", status, methods=["GET"]),
            Route("/v1/bundle", bundle, methods=["GET"]),
            Route("/v1/events/youtrack", event, methods=["POST"]),
            Route("/docs", docs, methods=["GET"]),
            Route("/docs.json", described, methods=["GET"]),
            Route("/v1/openapi.json", described, methods=["GET"]),
            *ticket_routes.routes(service),
            *suggestions.routes(service),
        ]
    )


def facts(service: Any) -> dict[str, Any]:
    """What is served: the bundle's manifest, the policy and the certificates it got."""
    triage = service.triage_model
    return {
        "bundle": triage.bundle.id,
        **asdict(triage.bundle.manifest.facts),
        "policy": triage.policy.version,
        "suggest_from": triage.policy.suggest_from,
        "certificates": triage.autonomy.as_dict(),
        "issue_types": list(triage.bundle.taxonomy.labels),
    }


async def _status(service: Any, pages: Environment) -> Response:
    try:
        activity = await asyncio.to_thread(_activity, service)
    except FirstlineError as error:
        activity = {"problem": error.message, "remedy": error.remedy}
    settings, triage = service.settings, service.triage_model
    page = pages.get_template("status.html").render(
        facts=facts(service),
        policy=triage.policy,
        certificates=_named(triage.autonomy),
        labels=len(triage.bundle.taxonomy.labels),
        tracker=settings.tracker_url,
        project=settings.project,
        activity=activity,
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _named(autonomy: Autonomy) -> list[tuple[str, Certificate]]:
    """Every certificate under the name that the page shows, groups of their own before the pooled one."""
    field = "Category, team, issue type"
    groups = [(f"{field}: {group}", c) for group, c in sorted(autonomy.groups.items())]
    rest = f"{field}: all other tickets" if groups else field
    return [*groups, (rest, autonomy.category), ("Priority", autonomy.priority)]


def _activity(service: Any) -> dict[str, Any]:
    with service.store.read() as conn:
        since = service.clock.now() - _RECENT
        last = list(deque(decisions.iterate(conn, since=since), maxlen=_SHOWN))[::-1]
        names = {r.ticket.id: r.readable_id for r in tickets.find_all(conn, [d.ticket_id for d in last])}
        return {
            "decisions": decisions.counts(conn),
            "outbox": outbox.counts(conn),
            "paused": [s for s in switches.status(conn) if s.paused],
            "reach": find_all(conn).get(host_of(service.settings.tracker_url)),
            "last": [
                {
                    "ticket": names.get(d.ticket_id, d.ticket_id),
                    "at": d.decided_at,
                    "decision": d.decision,
                }
                for d in last
            ],
        }
