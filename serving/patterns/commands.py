"""`firstline pattern list|run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import BadInputError
from data.options import AsJson

if TYPE_CHECKING:  # `firstline --help`, and the start of every process, stay fast
    import httpx

    from data.clock import Clock
    from data.settings import Settings
    from data.store import Store
    from data.ticket import TicketRecord
    from kb.library import Library
    from kb.pattern import Pattern
    from serving.patterns.case import Case
    from serving.patterns.desk import Desk
    from serving.patterns.run import Outcome

SHIPPED = Path(__file__).parent.parent.parent / "kb"
Root = Annotated[Path, typer.Option("--kb", help="Folder with patterns/.", show_default="the shipped one")]


def register_patterns(app: typer.Typer) -> None:
    """Add `firstline pattern ...`."""
    pattern = typer.Typer(help="Resolution patterns: list them, run one on a ticket.", no_args_is_help=True)
    pattern.command("list")(list_patterns)
    pattern.command("run")(run)
    app.add_typer(pattern, name="pattern")


def list_patterns(root: Root = SHIPPED, as_json: AsJson = False) -> None:
    """List the patterns that can be run: mode, risk, issue types, what each looks up and does."""
    patterns = _library(root).patterns
    if as_json:
        print(json.dumps([_facts(p) for p in patterns]))
        return
    for p in patterns:
        row = _facts(p)
        does = ", ".join((*row["writes"], *(["resolve"] if row["resolves"] else []))) or "drafts"
        print(f"{p.mode:6} {p.risk_class:7} {p.id:40} {does}")
    print(f"{len(patterns)} patterns, {sum(p.mode == 'auto' for p in patterns)} may run alone.")


def _facts(pattern: Pattern) -> dict[str, Any]:
    from kb.actions import Alone

    plan = pattern.plan
    return {
        "id": pattern.id,
        "mode": pattern.mode,
        "risk_class": pattern.risk_class,
        "status": pattern.record.status,
        "issue_types": list(pattern.issue_types),
        "reads": list(dict.fromkeys(c.read for c in pattern.checks)),
        "writes": [w.name for w in plan.writes] if isinstance(plan, Alone) else [],
        "resolves": isinstance(plan, Alone) and plan.resolves,
        "facts": list(pattern.facts),
    }


def run(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="Readable or database id.")],
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Really do it; without it nothing is written.")
    ] = False,
    issue_type: Annotated[
        str, typer.Option(help="As if the ticket were of this type; only with --dry-run.")
    ] = "",
    root: Root = SHIPPED,
    as_json: AsJson = False,
) -> None:
    """Show, step by step, what patterns would do for a ticket; with --execute, do it.

    Only an approved pattern in mode auto acts; everything else ends as a draft. Exit code 1 when the client
    system does not answer.
    """
    import httpx

    from data.clock import SystemClock
    from data.settings import read_settings
    from data.store import open_store
    from serving.patterns.words import as_json as values
    from serving.patterns.words import as_lines

    if execute and issue_type:
        raise BadInputError("--issue-type is a thought.", remedy="Use it with --dry-run, or leave it out.")
    settings, clock = read_settings(), SystemClock()
    library = _library(root)
    with open_store(settings.database_url) as store, httpx.Client() as http:
        readable, outcome = _ran(settings, store, http, clock, library, ticket, issue_type, execute)
    print(json.dumps(values(readable, outcome)) if as_json else "\n".join(as_lines(readable, outcome)))
    if outcome.again:
        raise typer.Exit(1)


def _ran(
    settings: Settings,
    store: Store,
    http: httpx.Client,
    clock: Clock,
    library: Library,
    ticket: str,
    issue_type: str,
    execute: bool,
) -> tuple[str, Outcome]:
    from data.store import tickets
    from data.taxonomy import load_taxonomy
    from serving.patterns.reach import open_client_system
    from serving.patterns.run import Runner

    with store.read() as conn:
        record = tickets.find(conn, ticket)
    if record is None:
        raise BadInputError(f"The store has no ticket {ticket}.", remedy="Run `firstline sync` first.")
    desk, record = _desk(settings, store, http, clock, record, execute)
    case = _case(settings, store, clock, record, issue_type)
    runner = Runner(
        library.patterns,
        library.articles,
        load_taxonomy(),
        open_client_system(settings, http, clock, record.tenant),
        store.tenant(record.tenant),
        desk,
        clock,
        record.project,
    )
    return record.readable_id, runner.run(case, execute=execute)


def _desk(
    settings: Settings, store: Store, http: httpx.Client, clock: Clock, record: TicketRecord, execute: bool
) -> tuple[Desk, TicketRecord]:
    """Return where to write, and the ticket: as it is now where something may be written."""
    from data.tracker import open_tracker
    from serving.patterns.desk import SilentDesk, TrackerDesk

    if not execute:
        return SilentDesk(), record
    client = open_tracker(settings, http, clock, store=store)
    now = client.issue(record.ticket.id)
    if now.tenant != record.tenant:
        raise BadInputError(
            f"{record.readable_id} has moved to another client.", remedy="Run `firstline sync`, then again."
        )
    return TrackerDesk(client, now.project), now


def _case(settings: Settings, store: Store, clock: Clock, record: TicketRecord, issue_type: str) -> Case:
    from data.mapping_file import load_mapping
    from data.store import decisions, directory, pattern_steps
    from serving.patterns.cases import Surroundings, build_case

    with store.tenant(record.tenant).read() as conn:
        steps = pattern_steps.of_ticket(conn, record.tenant, record.ticket.id)
        decided = decisions.get(conn, record.tenant, record.ticket.id)
        people = directory.people(conn, record.tenant)
    known = issue_type or record.issue_type or (decided.decision.issue_type if decided else None)
    around = Surroundings(clock.now().date(), load_mapping(settings.home), people)
    return build_case(record, known, steps, around)


def _library(root: Path) -> Library:
    from data.taxonomy import load_taxonomy
    from serving.patterns.load import load_runnable

    return load_runnable(root, load_taxonomy())
