"""`firstline kb check|search|show|stale|gaps`, and the steps `review|approve|retire|revise`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from collections import Counter

    from kb.library import Library

Root = Annotated[
    Path, typer.Option("--kb", help="Folder with articles/ and patterns/.", show_default="the shipped one")
]
Day = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="As on this day.", show_default="today")
]
Client = Annotated[
    str | None, typer.Option(help="The client's key.", show_default="what is for every client")
]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Count as the sandbox desk draws tickets.")]
Days = Annotated[int, typer.Option(min=1, help="Count tickets of so many days.")]
SHIPPED = Path(__file__).parent


def register(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    from kb.lifecycle_commands import register_steps

    kb = typer.Typer(help="Articles and resolution patterns: check, search, approve.", no_args_is_help=True)
    for command in (check, search, show, stale, gaps):
        kb.command()(command)
    register_steps(kb)
    app.add_typer(kb, name="kb")


def check(
    root: Root = SHIPPED,
    on: Day = None,
    dates: Annotated[bool, typer.Option(help="Also what is overdue or expired.")] = True,
    as_json: AsJson = False,
) -> None:
    """Report all problems at once, with file, line and what to do; exit code 3 if there is any."""
    from kb.library import problems_of
    from kb.problem import DUE, DocumentsError

    library = _library(root)
    problems = problems_of(library, day_of(on) if dates else None)
    if as_json:
        print(json.dumps([asdict(p) for p in problems]))
    for problem in () if as_json else problems:
        print(problem)
    if problems:
        if not as_json:
            due = sum(p.kind == DUE for p in problems)
            print(f"{len(problems)} problems, {due} of them because time has passed.")
        raise typer.Exit(DocumentsError.exit_code)
    if not as_json:
        print(f"{len(library.articles)} articles, {len(library.patterns)} patterns: nothing to correct.")


def search(
    words: Annotated[list[str], typer.Argument(help="What to look for: a ticket's text will do.")],
    client: Client = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166 alpha-2.")] = None,
    release: Annotated[str | None, typer.Option(help="Like 5.2.")] = None,
    audience: Annotated[str, typer.Option(help="requester or agent; agents may read all.")] = "agent",
    drafts: Annotated[bool, typer.Option("--drafts", help="Also what is not approved.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    root: Root = SHIPPED,
    on: Day = None,
    as_json: AsJson = False,
) -> None:
    """Search articles and patterns; only what applies to client, country, release and day is ranked."""
    from data.errors import SettingsError
    from data.taxonomy import load_taxonomy
    from kb.article import AUDIENCES
    from kb.passage import passages_of_all
    from kb.search import Filter, WordIndex

    if audience not in AUDIENCES:
        raise SettingsError(f"--audience {audience!r} is unknown.", remedy=f"Use {' or '.join(AUDIENCES)}.")
    taxonomy, library = load_taxonomy(), _library(root)
    allowed = Filter(
        on=day_of(on),
        audience=audience,
        client=client,
        country=country,
        release=release,
        statuses=("draft", "reviewed", "approved") if drafts else ("approved",),
    )
    with WordIndex(passages_of_all(library, taxonomy)) as index:
        hits = index.search(" ".join(words), allowed, limit=limit)
    if as_json:
        print(json.dumps([asdict(h) for h in hits], ensure_ascii=False))
        return
    for hit in hits:
        print(f"{hit.score:6.2f}  {hit.document}  ({hit.kind}) {hit.title}\n        {hit.heading}")
    if not hits:
        print("Nothing found. Fewer or other words, --drafts, or a client and country may help.")


def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID")], root: Root = SHIPPED, as_json: AsJson = False
) -> None:
    """Show one article or pattern as it is written."""
    from kb.steps import find

    entry = find(_library(root), entry_id)
    document = entry.document
    if as_json:
        facts = {**document.raw, "file": str(document.path), "body": document.body}
        print(json.dumps(facts, default=str, ensure_ascii=False))
        return
    print(document.path.read_text(encoding="utf-8"), end="")


def stale(
    soon: Annotated[int, typer.Option(min=0, help="Also reviews due within so many days.")] = 30,
    days: Days = 180,
    sandbox: Sandbox = False,
    root: Root = SHIPPED,
    on: Day = None,
    as_json: AsJson = False,
) -> None:
    """List what has expired, is due for review, or is about issue types that nobody asked about."""
    from kb import demand

    day = day_of(on)
    counts = _counts(sandbox, None, day, days)
    rows = demand.stale(_library(root), day, soon, counts or None)
    if as_json:
        print(json.dumps([asdict(r) for r in rows]))
        return
    for row in rows:
        print(f"{row.id}  ({row.kind}, {row.owner}): {row.reason}")
    tail = "" if counts else " There are no tickets to tell what is unused."
    print(f"{len(rows)} to look at.{tail}")


def gaps(
    client: Client = None,
    days: Days = 180,
    sandbox: Sandbox = False,
    root: Root = SHIPPED,
    on: Day = None,
    as_json: AsJson = False,
) -> None:
    """List issue types by number of tickets that lack an approved article or pattern."""
    from data.errors import BadInputError
    from data.taxonomy import load_taxonomy
    from kb import demand

    day = day_of(on)
    counts = _counts(sandbox, client, day, days)
    if not counts:
        raise BadInputError(
            f"The store has no classified tickets of the {days} days before {day}.",
            remedy="Run `firstline sync`, count more --days, or use --sandbox.",
        )
    rows = demand.gaps(_library(root), counts, load_taxonomy(), day)
    if as_json:
        print(json.dumps([asdict(r) for r in rows]))
        return
    for row in rows:
        have = f"{row.articles} articles, {row.patterns} patterns"
        print(
            f"{row.tickets:6d}  {row.share:6.1%}  {row.issue_type} ({row.handling}):"
            f" no {' and no '.join(row.missing)}; has {have}"
        )
    covered = 1 - sum(r.share for r in rows)
    print(f"{len(rows)} issue types lack something; {covered:.1%} of {sum(counts.values())} tickets do not.")


def day_of(on: datetime | None) -> date:
    """Return the day given, or today in UTC."""
    from data.clock import SystemClock

    return (on or SystemClock().now()).date()


def _library(root: Path) -> Library:
    from data.taxonomy import load_taxonomy
    from kb.library import read_library

    return read_library(root, load_taxonomy())


def _counts(sandbox: bool, client: str | None, day: date, days: int) -> Counter[str]:
    """Return tickets per issue type of the `days` before `day`: the store's, or the sandbox desk's shares."""
    from collections import Counter
    from datetime import UTC

    from data.taxonomy import OUT_OF_SCOPE, load_taxonomy

    if sandbox:
        from data.sandbox.draw import type_counts
        from data.sandbox.world import WorldConfig

        total = round(days * WorldConfig().tickets_per_day)
        found: Counter[str] = Counter(type_counts(total, load_taxonomy()))
    else:
        from data.settings import read_settings
        from data.store import open_store
        from kb.demand import counted

        since = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=days)
        with open_store(read_settings().database_url) as store:
            found = counted(store, client, since)
    found.pop(OUT_OF_SCOPE, None)
    return found
