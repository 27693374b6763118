"""`firstline ledger list|explain`, `firstline alerts list`, `firstline reconcile`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from data.errors import BadInputError
from data.options import AsJson


def register_ledger(app: typer.Typer, ledger: typer.Typer) -> None:
    """Add the commands; `ledger` is the group that has `status`."""
    ledger.command("list")(list_rows)
    ledger.command("explain")(explain)
    alerts = typer.Typer(help="What a person must look at.")
    alerts.callback()(lambda: None)  # one command only: keeps its name in the command line
    alerts.command("list")(list_alerts)
    app.add_typer(alerts, name="alerts")
    app.command()(reconcile)


def list_rows(
    kind: Annotated[str, typer.Option(help="resolution or root_cause; empty: both.")] = "",
    state: Annotated[str, typer.Option(help="candidate, rejected or trained_in; empty: all.")] = "",
    reason: Annotated[str, typer.Option(help="Only rows rejected for this reason.")] = "",
    client: Annotated[str, typer.Option(help="Only this client's rows.")] = "",
    as_json: AsJson = False,
) -> None:
    """List ledger rows: client, ticket, kind, state, reason."""
    from data.ledger import CANDIDATE, REJECTED, RESOLUTION, ROOT_CAUSE, TRAINED_IN
    from data.settings import read_settings
    from data.store import ledger, open_store

    _one_of("--kind", kind, (RESOLUTION, ROOT_CAUSE))
    _one_of("--state", state, (CANDIDATE, REJECTED, TRAINED_IN))
    with open_store(read_settings().database_url) as store, store.read() as conn:
        rows = [
            e
            for e in ledger.iterate(conn, kind=kind or None, state=state or None)
            if (not reason or e.reason == reason) and (not client or e.tenant == client)
        ]
    if as_json:
        print(json.dumps([asdict(e) for e in rows], default=str))
        return
    for e in rows:
        detail = e.reason or (f"{e.dataset} {e.model}" if e.dataset else "")
        print(f"{e.tenant}  {e.ticket_id}  {e.kind}  {e.state}  {detail}".rstrip())


def explain(
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="Readable or database id.")],
    as_json: AsJson = False,
) -> None:
    """Say in words why a ticket is candidate, rejected or trained in, or why it has no row."""
    from data.ledger_words import explain as in_words
    from data.settings import read_settings
    from data.store import ledger, open_store, outcomes, tickets

    with open_store(read_settings().database_url) as store, store.read() as conn:
        record = tickets.find(conn, ticket_id)
        if record is None:
            raise BadInputError(
                f"The store has no ticket {ticket_id}, so the ledger has no row for it.",
                remedy="Run `firstline sync`; check that the service account may see the ticket.",
            )
        outcome = outcomes.get(conn, record.tenant, record.ticket.id)
        rows = ledger.of_ticket(conn, record.ticket.id)
    lines = in_words(record, outcome, rows)
    if as_json:
        facts = {"ticket": record.ticket.id, "readable_id": record.readable_id, "rows": rows, "words": lines}
        print(json.dumps({**facts, "outcome": asdict(outcome) if outcome else None}, default=str))
    else:
        print("\n".join(lines))


def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False, as_json: AsJson = False
) -> None:
    """List alerts, newest first; exit code 1 while one stands."""
    from data.settings import read_settings
    from data.store import alerts, open_store

    with open_store(read_settings().database_url) as store, store.read() as conn:
        found = alerts.find(conn, standing_only=not every)
    if as_json:
        print(json.dumps([asdict(a) for a in found], default=str))
    for a in [] if as_json else found:
        end = f", closed {a.closed.isoformat()}" if a.closed else ""
        print(f"{a.kind} {a.subject}: {json.dumps(a.facts)} (opened {a.opened.isoformat()}{end})")
    if any(a.closed is None for a in found):
        raise typer.Exit(1)


def reconcile(
    since: Annotated[str, typer.Option(help="Only tickets created from this day on (YYYY-MM-DD, UTC).")] = "",
    accept_removals: Annotated[
        bool,
        typer.Option("--accept-removals", help="What the tracker does not show was removed: believe it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare store and ledger with the tracker and repair; exit code 1 when something could not be."""
    import httpx

    from data.clock import SystemClock
    from data.reconcile import check_ledger, sweep
    from data.removals import TO_DO
    from data.settings import read_settings
    from data.store import open_store
    from data.tracker import open_tracker

    settings, clock, start = read_settings(), SystemClock(), _day(since)
    with open_store(settings.database_url) as store, httpx.Client() as http:
        client = open_tracker(settings, http, clock, store=store)
        client.check()
        swept = sweep(client, store, clock, settings.project, since=start, accept_removals=accept_removals)
        checked = check_ledger(client, store, clock, settings.project)
    if as_json:
        print(json.dumps({"tickets": asdict(swept), "ledger": asdict(checked)}))
    else:
        _print(asdict(swept), asdict(checked))
    if swept.held:
        lost = (
            f"{swept.held} tickets that are stored are missing in the tracker at once: none was believed gone"
        )
        print(f"firstline: {lost}.\n  What to do: {TO_DO}", file=sys.stderr)
    if swept.unrepaired or swept.held or checked.missing_total:
        raise typer.Exit(1)


def _print(swept: dict[str, Any], checked: dict[str, Any]) -> None:
    print(
        f"{swept['tracker_tickets']} tickets in the tracker, {swept['stored_tickets']} here, {swept['days']} "
        f"days compared, {len(swept['days_differing'])} differed; {swept['repaired']} tickets read anew, "
        f"{swept['missed']} not found "
        + (f"({swept['removed']} believed removed)." if swept["removed"] else "(looked for again later).")
    )
    print(
        f"ledger: tracker counts {checked['tracker_resolved']} resolved, here {checked['stored_resolved']}; "
        f"root causes tagged {checked['tracker_root_causes']}, rows {checked['root_cause_rows']}."
    )
    if swept["unrepaired"]:
        print(f"firstline: not repaired: {', '.join(swept['unrepaired'])}", file=sys.stderr)
    if checked["missing_total"]:
        named = ", ".join(checked["missing"])
        print(f"firstline: {checked['missing_total']} without a ledger row: {named}", file=sys.stderr)


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{text!r} is not a day.", remedy="Write it like 2026-05-01.") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value and value not in known:
        raise BadInputError(f"{option} {value!r} is not known.", remedy=f"Use one of: {', '.join(known)}.")
