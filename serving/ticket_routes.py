"""Tickets and decisions over HTTP, to read: for a support lead, and for a client's own portal.

A client's key works inside `Store.tenant`: what belongs to others does not exist there, so a foreign id
and an unknown one are one case with one answer, after the same statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data import ledger_words
from data.access import Principal, Role
from data.errors import BadInputError, FirstlineError
from data.store import Store, decisions, listing, outbox, outcomes, tickets
from data.store.listing import Listed
from serving import problem, ticket_query, views
from serving.access import principal_of

_REMEDY = "Look at the ids that /v1/tickets lists."


class NoneHereError(Exception):
    """There is none, or none that this caller may know of."""


class NotForClientsError(Exception):
    """The caller is one client, and asked for what only staff may ask."""


def routes(service: Callable[[], Any]) -> list[Route]:
    """Return the routes; `service()` gives the running service."""

    def serving(path: str, work: Callable[[Store, Principal, Request], dict[str, Any]]) -> Route:
        async def answered(request: Request) -> Response:
            return await _answered(work, service().store, request)

        return Route(path, answered, methods=["GET"])

    return [
        serving("/v1/tickets", list_tickets),
        serving("/v1/tickets/{ticket}", show_ticket),
        serving("/v1/decisions/{ticket}", show_decision),
    ]


async def _answered(
    work: Callable[[Store, Principal, Request], dict[str, Any]], store: Store, request: Request
) -> Response:
    try:
        found = await asyncio.to_thread(work, store, principal_of(request), request)
    except NoneHereError:
        return problem.response(404, "There is none with this id.", remedy=_REMEDY)
    except NotForClientsError as error:
        return problem.response(403, str(error), remedy="Leave that parameter out.")
    except BadInputError as error:
        return problem.of(error, 422)
    except FirstlineError as error:
        return problem.of(error, 503)
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


def list_tickets(store: Store, principal: Principal, request: Request) -> dict[str, Any]:
    """Return one page: `tickets`, newest first, and `next`, the cursor of the following page or `None`."""
    query = ticket_query.parse(request.query_params.multi_items())
    client = principal.role is Role.CLIENT
    if client and query.wanted.decision is not None:
        raise NotForClientsError("Decisions are the desk's own matter.")
    tenant = principal.tenant
    if query.client is not None:
        if tenant not in (None, query.client):
            raise NotForClientsError("This key sees one client only.")
        tenant = query.client
    wanted = query.wanted
    if client:
        wanted = _as_requesters_see(wanted)
    with _reading(store, tenant) as conn:
        found = listing.page(conn, tenant, wanted, query.after, query.limit + 1)
    shown = found[: query.limit]
    following = ticket_query.cursor(shown[-1].position) if len(found) > query.limit else None
    return {"tickets": [views.line(f, client=client) for f in shown], "next": following}


def show_ticket(store: Store, principal: Principal, request: Request) -> dict[str, Any]:
    """Return one ticket with the decision on it, its effects and its place in the ledger."""
    client, found = principal.role is Role.CLIENT, _found(store, principal, request)
    with store.tenant(found.tenant).read() as conn:
        record = tickets.get(conn, found.tenant, found.ticket_id)
        if record is None:  # its client was corrected a moment ago
            raise NoneHereError
        decision = _decision(conn, found, client=client)
        rows = [] if client else listing.ledger_rows(conn, found.tenant, found.ticket_id)
        outcome = None if client else outcomes.get(conn, found.tenant, found.ticket_id)
    explained = [] if client else ledger_words.explain(record, outcome, rows)
    return views.ticket(found, record, decision, rows, explained, client=client)


def show_decision(store: Store, principal: Principal, request: Request) -> dict[str, Any]:
    """Return the decision on one ticket."""
    found = _found(store, principal, request)
    with store.tenant(found.tenant).read() as conn:
        decision = _decision(conn, found, client=principal.role is Role.CLIENT)
    if decision is None:
        raise NoneHereError
    return decision


def _found(store: Store, principal: Principal, request: Request) -> Listed:
    if request.query_params:
        raise BadInputError("This takes no parameters.", remedy="Leave them out.")
    tenant = principal.tenant
    with _reading(store, tenant) as conn:
        gone = principal.role is not Role.CLIENT
        found = listing.find(conn, tenant, request.path_params["ticket"], gone=gone)
    if found is None:
        raise NoneHereError
    return found


def _decision(conn: Connection, found: Listed, *, client: bool) -> dict[str, Any] | None:
    stored = decisions.get(conn, found.tenant, found.ticket_id)
    if stored is None:
        return None
    operations = [] if client else outbox.of_ticket(conn, found.tenant, found.ticket_id)
    shown: dict[str, Any] | None = views.decision(found, stored, operations, client=client)
    return shown


def _reading(store: Store, tenant: str | None) -> Any:
    return store.read() if tenant is None else store.tenant(tenant).read()


def _as_requesters_see(wanted: listing.Wanted) -> listing.Wanted:
    return listing.Wanted(wanted.open, wanted.state, wanted.since, None, gone=False)
