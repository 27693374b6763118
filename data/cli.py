"""Commands of this room: synchronisation, the ledger, the directory; datasets and the sandbox join in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from data.settings import Settings
    from data.store import Store


def register(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    from data.audit_commands import register_audit
    from data.backup.commands import register_backup
    from data.dataset.commands import register_data
    from data.key_commands import register_keys
    from data.ledger_commands import register_ledger
    from data.sandbox.commands import register_sandbox
    from data.ticket_commands import register_ticket

    data = typer.Typer(help="Datasets and what goes into them.", no_args_is_help=True)
    ledger = typer.Typer(help="What was learnt from every resolved ticket.", no_args_is_help=True)
    directory = typer.Typer(help="People known per client, for redaction.", no_args_is_help=True)
    app.command()(sync)
    ledger.command("status")(ledger_status)
    directory.command("import")(directory_import)
    app.add_typer(ledger, name="ledger")
    data.add_typer(directory, name="directory")
    register_data(data)
    app.add_typer(data, name="data")
    register_sandbox(app)
    register_audit(app)
    register_keys(app)
    register_backup(app)
    register_ticket(app)
    register_ledger(app, ledger)


def sync(as_json: AsJson = False) -> None:
    """Bring the store up to date with the tracker; continues where an earlier run stopped."""
    import httpx

    from data.clock import SystemClock
    from data.progress import progress
    from data.sync import sync as run
    from data.tracker import open_tracker

    clock = SystemClock()
    with _store() as (settings, store), httpx.Client() as http:
        client = open_tracker(settings, http, clock, store=store)
        report = run(client, store, clock, project=settings.project, progress=progress)
    if as_json:
        print(json.dumps({**asdict(report), "missing": report.missing}))
        return
    known = "" if report.tracker_tickets is None else f" of {report.tracker_tickets}"
    print(
        f"{report.mode} sync: {report.tickets_read} tickets read, {report.tickets_changed} changed,"
        f" {report.changes_read} changes, {report.seconds:.1f} s; {report.stored_tickets}{known} tickets"
        f" stored, ledger {report.ledger_rows} rows,"
        f" {'complete' if report.ledger_complete else 'NOT complete: see `firstline ledger status`'}."
    )
    if report.missing:
        print(
            f"firstline: the tracker counts {report.missing} more tickets or resolutions than the store has;"
            " run `firstline sync` again, and check the account's rights if they stay away.",
            file=sys.stderr,
        )


def ledger_status(as_json: AsJson = False) -> None:
    """Show how many resolved tickets were recorded, rejected and trained on; exit 1 if any lacks a row."""
    from data.store import ledger

    with _store() as (_, store), store.read() as conn:
        status = ledger.status(conn)
    if as_json:
        print(json.dumps({**asdict(status), "complete": status.complete}))
    else:
        for kind, states in status.counts.items():
            rows, expected = sum(states.values()), status.expected[kind]
            words = ", ".join(f"{n} {state}" for state, n in states.items())
            print(
                f"{kind}: {rows} rows ({words}); {expected - status.missing_total[kind]}/{expected} recorded"
            )
            if status.missing[kind]:
                print(f"  missing: {', '.join(status.missing[kind])}")
        for reason, n in sorted(status.reasons.items()):
            print(f"  rejected because {reason}: {n}")
    if not status.complete:
        raise typer.Exit(1)


def directory_import(
    file: Annotated[Path, typer.Argument(help="CSV with a header line; `name` is required.")],
    client: Annotated[str, typer.Option("--client", help="The client's key.")],
    as_json: AsJson = False,
) -> None:
    """Replace a client's directory by a CSV file; bad lines are reported and left out (exit code 3)."""
    from data.directory_csv import read_people
    from data.store import directory

    people, problems = read_people(file, client)
    with _store() as (_, store), store.write() as conn:
        directory.replace(conn, client, people)
    for problem in problems:
        print(f"firstline: {file}:{problem.line}: {problem.what}", file=sys.stderr)
    if as_json:
        print(
            json.dumps({"client": client, "people": len(people), "problems": [asdict(p) for p in problems]})
        )
    else:
        print(f"{client}: {len(people)} people imported, {len(problems)} lines left out.")
    if problems:
        raise typer.Exit(3)


@contextmanager
def _store() -> Iterator[tuple[Settings, Store]]:
    from data.settings import read_settings
    from data.store import open_store

    settings = read_settings()
    with open_store(settings.database_url) as store:
        yield settings, store
