"""Commands about effects: `firstline undo`, `firstline automation`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from data.clock import SystemClock
from data.errors import BadInputError
from data.options import AsJson
from data.settings import read_settings
from serving.outbox_commands import register_outbox

Project = Annotated[str | None, typer.Option("--project", help="Only this project; default: all of them.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]
_ACTOR = "cli"


def register_effects(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    automation = typer.Typer(help="The kill switch of what is done alone.", no_args_is_help=True)
    automation.command()(pause)
    automation.command()(resume)
    automation.command()(status)
    app.add_typer(automation, name="automation")
    app.command()(undo)
    register_outbox(app)


def undo(
    ticket: Annotated[str, typer.Argument(help="Ticket id, such as PAY-17.")], as_json: AsJson = False
) -> None:
    """Take back our latest delivery on a ticket that still stands; the worker restores what nobody changed.

    Again takes back the one before.
    """
    from data.mapping_file import load_mapping
    from data.store import open_store, outbox, tickets
    from serving.effects import request_undo, standing

    settings = read_settings()
    names = load_mapping(settings.home)
    with open_store(settings.database_url) as store, store.write() as conn:
        record = tickets.find(conn, ticket)
        if record is None:
            raise BadInputError(f"There is no ticket {ticket}.", remedy="Give an id such as PAY-17.")
        now = SystemClock().now()
        key = (record.tenant, record.ticket.id)
        before = standing(outbox.of_ticket(conn, *key))
        op_id = request_undo(conn, *key, actor=_ACTOR, now=now, names=names)
        operation = outbox.get(conn, op_id)
        done = None if operation is None else outbox.get(conn, operation.payload["of"])
    found: dict[str, Any] = dict((done and done.found) or {})
    left = max(0, len(before) - 1)
    if as_json:
        facts = {"ticket": record.readable_id, "operation": op_id, "restores": found, "standing": left}
        print(json.dumps(facts))
        return
    if not before:
        print(f"{record.readable_id}: everything was taken back already; the last undo is {op_id}.")
        return
    words = ", ".join(f"{name} to {value or 'empty'}" for name, value in found.items()) or "no field"
    print(f"{record.readable_id}: undo {op_id} requested; restores {words}, unless changed since.")
    if left:
        print(f"{left} earlier delivery(s) stand; run it again to take back the one before, too.")


def pause(project: Project = None, reason: Reason = "", as_json: AsJson = False) -> None:
    """Stop everything that is done alone, at once and in every process; what waits is kept."""
    _switch(True, project, reason, as_json)


def resume(project: Project = None, reason: Reason = "", as_json: AsJson = False) -> None:
    """Lift the pause of one project, or the one for all."""
    _switch(False, project, reason, as_json)


def status(as_json: AsJson = False) -> None:
    """Show what is paused; exit code 0 either way."""
    from data.store import open_store, switches

    with open_store(read_settings().database_url) as store, store.read() as conn:
        found = switches.status(conn)
    if as_json:
        print(json.dumps([{**asdict(s), "changed_at": s.changed_at.isoformat()} for s in found]))
        return
    for s in found:
        word = "paused" if s.paused else "running"
        since = f"{word} since {s.changed_at:%Y-%m-%d %H:%M} by {s.actor}"
        print(f"{s.project or 'all projects'}: {since}: {s.reason or 'no reason given'}")
    if not any(s.paused for s in found):
        print("nothing is paused")


def _switch(on: bool, project: str | None, reason: str, as_json: bool) -> None:
    from data.store import open_store, switches

    act = switches.pause if on else switches.resume
    with open_store(read_settings().database_url) as store, store.write() as conn:
        changed = act(conn, project, _ACTOR, reason, SystemClock().now())
        left = sorted(switches.paused_projects(conn))
    if as_json:
        print(json.dumps({"changed": changed, "paused": [p or "*" for p in left]}))
        return
    print(f"paused now: {', '.join(p or 'all projects' for p in left) or 'nothing'}")
