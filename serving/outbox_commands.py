"""`firstline outbox`: what waits for delivery, what was given up, and another try."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from data.clock import SystemClock
from data.errors import BadInputError
from data.options import AsJson
from data.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from data.store.outbox import Operation

OperationId = Annotated[str, typer.Argument(help="Operation id, as `firstline outbox list` shows it.")]
State = Literal["new", "sending", "done", "dead"]
_NO_SUCH = "Give an id that `firstline outbox list` shows."


def register_outbox(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    outbox = typer.Typer(help="Effects on the tracker: waiting, done, given up.", no_args_is_help=True)
    outbox.command("list")(list_operations)
    outbox.command()(show)
    outbox.command()(retry)
    outbox.command()(drop)
    app.add_typer(outbox, name="outbox")


def list_operations(
    state: Annotated[State | None, typer.Option("--state", help="Only these; default: all but done.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List operations, oldest first: id, state, kind, ticket, attempts, what was last wrong."""
    from data.store import open_store, outbox, tickets

    states = (state,) if state else ("new", "sending", "dead")
    with open_store(read_settings().database_url) as store, store.read() as conn:
        found = outbox.listed(conn, states, limit)
        counts = outbox.counts(conn)
        names = {r.ticket.id: r.readable_id for r in tickets.find_all(conn, [o.ticket_id for o in found])}
    if as_json:
        print(json.dumps([_facts(o, names) for o in found]))
        return
    for o in found:
        wrong = f": {o.last_error}" if o.last_error else ""
        ticket = names.get(o.ticket_id, o.ticket_id)
        print(f"{o.op_id}  {o.state:<7}  {o.kind:<6}  {ticket}  {o.attempts} attempt(s){wrong}")
    print(", ".join(f"{n} {s}" for s, n in counts.items()))


def show(operation: OperationId, as_json: AsJson = False) -> None:
    """Show one operation with what it found and left in the tracker."""
    from data.store import open_store, tickets

    with open_store(read_settings().database_url) as store, store.read() as conn:
        found = _found(conn, operation)
        names = {r.ticket.id: r.readable_id for r in tickets.find_all(conn, [found.ticket_id])}
    facts = _facts(found, names)
    if as_json:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:<12}{'-' if value is None else value}")


def retry(operation: OperationId, as_json: AsJson = False) -> None:
    """Give an operation that was given up a new set of attempts; the worker takes it next."""
    from data.store import open_store, outbox

    now = SystemClock().now()
    with open_store(read_settings().database_url) as store, store.write() as conn:
        found = _found(conn, operation)
        if any(
            o.payload.get("of") == operation for o in outbox.of_ticket(conn, found.tenant, found.ticket_id)
        ):
            raise BadInputError(f"Operation {operation} was taken back.", remedy="There is nothing to retry.")
        if not outbox.revive(conn, operation, now):
            raise BadInputError(
                f"Operation {operation} is {found.state}, not dead.",
                remedy="Only what was given up can be tried again; the worker does the rest by itself.",
            )
        _record(conn, "delivery.retried", found, now)
    print(json.dumps({"operation": operation}) if as_json else f"{operation} waits for the worker again.")


def drop(operation: OperationId, as_json: AsJson = False) -> None:
    """End an operation that waits or was given up and is not wanted any more, with its alert."""
    from data.store import open_store
    from serving import effects

    now = SystemClock().now()
    with open_store(read_settings().database_url) as store, store.write() as conn:
        found = _found(conn, operation)
        if not effects.drop(conn, found, now):
            raise BadInputError(
                f"Operation {operation} is {found.state}: it cannot be dropped.",
                remedy="What was delivered is taken back with `firstline undo TICKET`.",
            )
        _record(conn, "delivery.dropped", found, now)
    print(json.dumps({"operation": operation}) if as_json else f"{operation} is not delivered any more.")


def _found(conn: Connection, operation: str) -> Operation:
    from data.store import outbox

    found = outbox.get(conn, operation)
    if found is None:
        raise BadInputError(f"There is no operation {operation}.", remedy=_NO_SUCH)
    return found


def _record(conn: Connection, action: str, operation: Operation, now: datetime) -> None:
    from data.store import audit

    audit.record(
        conn,
        actor="cli",
        action=action,
        subject=operation.ticket_id,
        at=now,
        tenant=operation.tenant,
        facts={"operation": operation.op_id},
    )


def _facts(o: Operation, names: dict[str, str]) -> dict[str, Any]:
    """Return what may be shown of an operation: no text of the ticket, no decision."""
    return {
        "operation": o.op_id,
        "state": o.state,
        "kind": o.kind,
        "ticket": names.get(o.ticket_id, o.ticket_id),
        "tenant": o.tenant,
        "project": o.project,
        "automatic": o.automatic,
        "attempts": o.attempts,
        "created": o.created_at.isoformat(),
        "outcome": o.outcome,
        "last_error": o.last_error,
        "found": o.found,
        "left": o.left,
        "comment": o.remote_id,
    }
