"""`firstline ticket show`: a ticket as it is, or as it stood."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import BadInputError
from data.options import AsJson

if TYPE_CHECKING:
    from data.store.absence import Tombstone
    from data.ticket import TicketRecord


def register_ticket(app: typer.Typer) -> None:
    """Add `firstline ticket ...`."""
    ticket = typer.Typer(help="Stored tickets and their history.")
    ticket.callback()(lambda: None)  # one command only: keeps its name in the command line
    ticket.command()(show)
    app.add_typer(ticket, name="ticket")


def show(
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="Readable or database id.")],
    at: Annotated[str, typer.Option("--at", help="ISO 8601 moment; UTC without a zone.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show a stored ticket with its history, as it is or as it stood at a moment; exit code 3 if unknown."""
    from data.history import as_of
    from data.mapping_file import load_mapping
    from data.settings import read_settings
    from data.store import absence, open_store, tickets

    moment = _moment(at) if at else None
    settings = read_settings()
    with open_store(settings.database_url) as store, store.read() as conn:
        record = tickets.find(conn, ticket_id)
        graves = absence.buried(conn, ticket_id=ticket_id)
    if record is None:
        raise BadInputError(f"The store has no ticket {ticket_id}.", remedy="Run `firstline sync` first.")
    if moment is not None:
        stood = as_of(record, moment, load_mapping(settings.home))
        if stood is None:
            raise BadInputError(
                f"{ticket_id} did not exist at {moment.isoformat()}.",
                remedy=f"It was created at {record.created.isoformat()}.",
            )
        record = stood
    grave = next((g for g in graves if moment is None or g.missing_since <= moment), None)
    print(json.dumps(_facts(record, grave), default=str) if as_json else _words(record, grave))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(
            f"{text!r} is not a moment.", remedy="Write it like 2026-05-01T09:30:00+00:00."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _facts(record: TicketRecord, grave: Tombstone | None) -> dict[str, Any]:
    return {**asdict(record), "fields": dict(record.fields), "gone": asdict(grave) if grave else None}


def _words(record: TicketRecord, grave: Tombstone | None) -> str:
    lines = [
        f"{record.readable_id} ({record.ticket.id}) {record.ticket.summary}",
        f"created {record.created.isoformat()} by {record.reporter}, updated {record.updated.isoformat()}, "
        + (f"resolved {record.resolved.isoformat()}" if record.resolved else "open"),
    ]
    if grave:
        lines.append(f"GONE from the tracker: {grave.reason}, missed since {grave.missing_since.isoformat()}")
    lines += [f"  {name}: {value}" for name, value in record.fields]
    if record.tags:
        lines.append(f"  tags: {', '.join(record.tags)}")
    lines += [f"  {k.relation}: {k.target or k.target_id}" for k in record.links]
    lines += [
        f"  file: {a.name} ({a.mime_type or 'type unknown'}, {_size(a.size)})" for a in record.attachments
    ]
    lines += ["", record.ticket.description]
    for c in record.comments:
        kind = "internal" if c.internal else "public"
        text = "(deleted)" if c.deleted else c.text
        lines.append(f"\n{c.created.isoformat()} {c.author} ({kind}):\n{text}")
    lines.append("\nHistory:")
    for change in record.changes:
        what = change.field if change.subject is None else f"{change.field} {change.subject}"
        sides = f"{_short(change.removed)} -> {_short(change.added)}"
        lines.append(f"  {change.at.isoformat()} {change.author} {what}: {sides}")
    return "\n".join(lines)


def _size(size: int | None) -> str:
    return "size unknown" if size is None else f"{size:,} bytes"


def _short(text: str | None) -> str:
    flat = "(empty)" if text is None else " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."
