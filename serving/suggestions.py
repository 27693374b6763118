"""The suggestion on a ticket over HTTP, and what an agent does with it: accept, edit, dismiss, undo.

An order carries an `Idempotency-Key`: sent again it changes nothing and gives the suggestion as it then
stands. The tracker is written by the worker; the order, its effect and its audit row are committed
together. A ticket that the caller may not see answers exactly as one that does not exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.access import Principal
from data.errors import BadInputError, FirstlineError
from data.mapping import TrackerMapping
from data.store import Store, audit, decisions, feedback, outbox, tickets
from serving import effects, problem, suggestion
from serving.access import principal_of
from serving.suggestion import ACCEPT, ACTIONS, EDIT, Case

_MOST_BODY = 16 * 1024
_OPERATION = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_LONGEST_LOGIN = 100
_DONE = {ACCEPT: "accepted", EDIT: "edited", "dismiss": "dismissed", "undo": "undone"}


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants done: one of `ACTIONS` on a ticket, once per `operation`."""

    ticket: str
    action: str
    operation: str
    fields: dict[str, str]
    actor: str
    key: str

    @property
    def digest(self) -> str:
        facts = json.dumps([self.action, self.ticket, self.fields], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()


class RefusedError(Exception):
    """The order cannot be followed; `status` says why over HTTP."""

    def __init__(self, status: int, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.remedy = status, detail, remedy


def routes(service: Callable[[], Any]) -> list[Route]:
    """Return the routes; `service()` gives the running service."""

    async def look(request: Request) -> Response:
        return await _answered(lambda: _look(service(), request))

    def act(action: str) -> Route:
        async def acting(request: Request) -> Response:
            body = await _body(request)
            return await _answered(lambda: _act(service(), request, action, body))

        return Route(f"/v1/tickets/{{ticket}}/{action}", acting, methods=["POST"])

    return [Route("/v1/tickets/{ticket}/suggestion", look, methods=["GET"]), *map(act, ACTIONS)]


async def _answered(work: Callable[[], dict[str, Any]]) -> Response:
    try:
        found = await asyncio.to_thread(work)
    except RefusedError as error:
        return problem.response(error.status, error.detail, remedy=error.remedy)
    except BadInputError as error:
        return problem.of(error, 422)
    except FirstlineError as error:
        return problem.of(error, 503)
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


def _look(service: Any, request: Request) -> dict[str, Any]:
    tenant, ticket_id = _visible(service.store, principal_of(request), request.path_params["ticket"])
    with service.store.tenant(tenant).read() as conn:
        return _shown(service, _case(conn, tenant, ticket_id))


def _act(service: Any, request: Request, action: str, body: bytes | None) -> dict[str, Any]:
    principal = principal_of(request)
    tenant, ticket_id = _visible(service.store, principal, request.path_params["ticket"])
    order = _order(service, request, action, body, principal, ticket_id)
    with service.store.write() as conn:
        feedback.take_turns(conn)
        known = feedback.find(conn, tenant, order.operation)
        if known is None:
            _follow(conn, tenant, order, _case(conn, tenant, ticket_id), service.names, service.clock.now())
        elif known.request_hash != order.digest:
            raise RefusedError(
                422, "This idempotency key was used for another order.", "Use a new key for a new order."
            )
        return _shown(service, _case(conn, tenant, ticket_id))


def _visible(store: Store, principal: Principal, ticket: str) -> tuple[str, str]:
    """Return (tenant, database id) of a ticket that the caller may see, or raise the one 404 for it."""
    if principal.tenant is None:
        with store.read() as conn:
            record = tickets.find(conn, ticket)
    else:
        with store.tenant(principal.tenant).read() as conn:
            record = tickets.find_of(conn, principal.tenant, ticket)
    if record is None:
        raise _nothing()
    return record.tenant, record.ticket.id


def _nothing() -> RefusedError:
    return RefusedError(
        404, "There is no suggestion for this ticket.", "New tickets take a few seconds; then look again."
    )


def _case(conn: Connection, tenant: str, ticket_id: str) -> Case:
    record, stored = tickets.get(conn, tenant, ticket_id), decisions.get(conn, tenant, ticket_id)
    if record is None or stored is None:
        raise _nothing()
    operations = outbox.of_ticket(conn, tenant, ticket_id)
    return Case(record, stored, operations, feedback.of_ticket(conn, tenant, ticket_id))


def _shown(service: Any, case: Case) -> dict[str, Any]:
    model = service.triage_model
    return suggestion.shown(case, service.names, model.bundle.taxonomy, model.policy)


def _order(
    service: Any, request: Request, action: str, body: bytes | None, principal: Principal, ticket_id: str
) -> Order:
    operation = request.headers.get("idempotency-key", "")
    if not _OPERATION.fullmatch(operation):
        raise RefusedError(
            400, "The order has no usable Idempotency-Key.", "Send 8 to 64 letters, digits, - or _."
        )
    if body is None:
        raise RefusedError(413, f"An order has at most {_MOST_BODY:,} bytes.", "Send `fields` only.")
    try:
        given: Any = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RefusedError(400, "The body is not JSON.", "Send a JSON object.") from None
    if not isinstance(given, dict):
        raise RefusedError(422, "The body must be a JSON object.", "Send a JSON object.")
    model, fields = service.triage_model, {}
    if action == EDIT:
        fields = suggestion.checked(given.get("fields"), model.bundle.taxonomy, model.policy)
    return Order(ticket_id, action, operation, fields, _actor(request, principal), principal.key_id)


def _actor(request: Request, principal: Principal) -> str:
    """Name who ordered it: the agent whom the tracker's app names, or the caller itself."""
    login = unquote(request.headers.get("x-firstline-actor", ""))
    if not login:
        return "local" if principal.key_id == "local" else f"key:{principal.key_id}"
    if not principal.acts_for_people:  # refused, not ignored: the order would count as somebody else's
        raise RefusedError(
            403, "This key may not act for a person.", "Leave X-Firstline-Actor out, or use the app's key."
        )
    if len(login) > _LONGEST_LOGIN or not login.isprintable() or login != login.strip():
        raise RefusedError(400, "X-Firstline-Actor is not a login.", "Send the login, percent-encoded.")
    return f"tracker:{login}"


def _follow(
    conn: Connection, tenant: str, order: Order, case: Case, names: TrackerMapping, now: datetime
) -> None:
    """Do what was ordered, with its audit row, in the caller's transaction."""
    if order.action not in suggestion.actions(case) and not _undo_of_anything(order, case):
        raise RefusedError(409, _why_not(order, case), "Look at the suggestion again.")
    effect = _effect(conn, tenant, order, case, names, now)
    feedback.add(
        conn,
        tenant,
        case.record.ticket.id,
        operation=order.operation,
        action=order.action,
        fields=order.fields,
        request_hash=order.digest,
        effect=effect,
        actor=order.actor,
        at=now,
    )
    audit.record(
        conn,
        actor=order.actor,
        action=f"suggestion.{_DONE[order.action]}",
        subject=case.record.ticket.id,
        at=now,
        tenant=tenant,
        facts={"key": order.key, "effect": effect, "fields": len(order.fields)},
    )


def _effect(
    conn: Connection, tenant: str, order: Order, case: Case, names: TrackerMapping, now: datetime
) -> str | None:
    ticket_id = case.record.ticket.id
    if order.action == "undo":
        return effects.request_undo(conn, tenant, ticket_id, actor=order.actor, now=now, names=names)
    values: dict[str, str | None] = {}
    if order.action == ACCEPT:
        values = suggestion.proposed(case, names)[0]
    elif order.action == EDIT:
        values = suggestion.corrected(case, order.fields, names)
    if not values:
        return None
    return effects.enqueue_fields(conn, tenant, ticket_id, values, actor=order.actor, now=now)


def _undo_of_anything(order: Order, case: Case) -> bool:
    """Our comment on a mere suggestion can be taken back as well, though no button offers it."""
    return order.action == "undo" and bool(case.effects) and case.stored.undone_at is None


def _why_not(order: Order, case: Case) -> str:
    last = case.last
    if case.stored.undone_at is not None or (last is not None and last.action == "undo"):
        return "It was taken back already."
    if last is not None:
        return f"It was {_DONE[last.action]} already."
    if order.action == "undo":
        return "Firstline has delivered nothing on this ticket."
    return "Firstline made no suggestion that could be accepted."


async def _body(request: Request) -> bytes | None:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > _MOST_BODY:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)
