"""`firstline kb review|approve|retire|revise|sync`: steps in a document's life, written into its file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.options import AsJson
from kb.cli import SHIPPED, Day, Root, day_of

if TYPE_CHECKING:
    from datetime import date

    from kb.library import Entry
    from kb.steps import Step

Id = Annotated[str, typer.Argument(metavar="ID", help="An article's or pattern's id.")]
By = Annotated[str, typer.Option("--by", help="Who does it; not the author.")]


def register_steps(kb: typer.Typer) -> None:
    """Add the commands to the group `kb`."""
    for command in (review, approve, retire, revise, sync):
        kb.command()(command)


def review(entry_id: Id, by: By, root: Root = SHIPPED, on: Day = None, as_json: AsJson = False) -> None:
    """Note that somebody other than the author has read a draft and found it right."""
    from kb import lifecycle

    day = day_of(on)
    _step(root, entry_id, lambda e: lifecycle.review(e.record, by=by, on=day), as_json, on=day)


def approve(entry_id: Id, by: By, root: Root = SHIPPED, on: Day = None, as_json: AsJson = False) -> None:
    """Approve a reviewed document; refused for its author and for whatever fails the check."""
    from kb import lifecycle

    day = day_of(on)

    def step(entry: Entry) -> dict[str, Any]:
        text = lifecycle.digest(entry.document)
        return lifecycle.approve(entry.record, by=by, on=day, text=text)

    _step(root, entry_id, step, as_json, on=day)


def retire(
    entry_id: Id,
    by: Annotated[str, typer.Option("--by", help="Who does it.")],
    because: Annotated[str, typer.Option("--because", help="Why, or what replaces it.")],
    root: Root = SHIPPED,
    on: Day = None,
    as_json: AsJson = False,
) -> None:
    """Take a document out of use; it stays on file and is found no more."""
    from kb import lifecycle

    day = day_of(on)
    _step(root, entry_id, lambda e: lifecycle.retire(e.record, by=by, on=day, because=because), as_json)


def revise(
    entry_id: Id,
    by: Annotated[str, typer.Option("--by", help="Who writes the next version.")],
    root: Root = SHIPPED,
    as_json: AsJson = False,
) -> None:
    """Make a reviewed or approved document a draft again; what was approved becomes the next version."""
    from kb import lifecycle

    _step(root, entry_id, lambda e: lifecycle.revise(e.record, by=by), as_json)


def sync(
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only show it.")] = False,
    root: Root = SHIPPED,
    as_json: AsJson = False,
) -> None:
    """Compare with the tracker's articles; what changed on one side travels, conflicts are shown (exit 3)."""
    import httpx

    from data.clock import SystemClock
    from data.settings import read_settings
    from data.taxonomy import load_taxonomy
    from data.tracker import open_tracker
    from kb.library import read_library
    from kb.tracker_sync import BaseFile, TrackerSync

    settings, taxonomy = read_settings(), load_taxonomy()
    notes = BaseFile(settings.home / "kb-sync.json", settings.project)
    with httpx.Client() as http:
        run = TrackerSync(open_tracker(settings, http, SystemClock()), settings.project, notes, taxonomy)
        if apply:
            steps = run.apply(lambda: read_library(root, taxonomy), _tell)
        else:
            steps = run.plan(read_library(root, taxonomy))
    if as_json:
        print(json.dumps([asdict(s) for s in steps]))
    else:
        for s in steps:
            print(f"{s.deed}: {' = '.join(n for n in (s.article, s.readable) if n)}: {s.why}")
        print(f"{len(steps)} steps.{'' if apply else ' Nothing was done: add --apply.'}")
    if any(s.deed == "conflict" for s in steps):
        raise typer.Exit(3)


def _step(root: Path, entry_id: str, step: Step, as_json: bool, *, on: date | None = None) -> None:
    from data.taxonomy import load_taxonomy
    from kb.steps import take_step

    entry = take_step(root, entry_id, step, load_taxonomy(), on=on)
    if as_json:
        facts = {"id": entry.id, "status": entry.record.status, "version": entry.record.version}
        print(json.dumps({**facts, "file": str(entry.document.path)}))
        return
    print(f"{entry.id} is now {entry.record.status} (version {entry.record.version}).")


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
