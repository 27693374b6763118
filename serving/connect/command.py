"""The command `firstline connect`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import BundleError, SettingsError
from data.mapping import TrackerMapping, as_tables
from data.options import AsJson
from data.settings import Settings, read_settings, unknown_variables
from serving.connect.rehearsal import NEWEST, Rehearsed

if TYPE_CHECKING:  # `firstline --help` stays fast
    from data.youtrack.client import YouTrackClient
    from data.youtrack.survey import Survey
    from serving.connect.fit import Problem
    from serving.connect.propose import Proposal

Text = str | None


def connect(
    url: Annotated[Text, typer.Option(help="Service URL without /api. Default: setting.")] = None,
    token: Annotated[Text, typer.Option(help="Permanent token; it is not stored. Default: setting.")] = None,
    project: Annotated[Text, typer.Option(help="Short name of the project. Default: setting.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write mapping.toml.")] = False,
    create_missing: Annotated[
        bool, typer.Option("--create-missing", help="Create fields and values that the project lacks.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help=f"Show what the newest {NEWEST} tickets would get.")] = True,
    as_json: AsJson = False,
) -> None:
    """Ask the tracker what it has, propose a mapping and check it; exit 1 while something does not fit."""
    import httpx

    from data.clock import SystemClock
    from data.mapping_file import MAPPING_NAME, load_mapping
    from data.taxonomy import load_taxonomy
    from data.tracker import open_tracker
    from data.youtrack.survey import look_around
    from serving.connect.create import create, lacking_in
    from serving.connect.fit import problems
    from serving.connect.propose import propose

    settings = _settings(url, token, project)
    clock, taxonomy = SystemClock(), load_taxonomy()
    known = load_mapping(settings.home) if (settings.home / MAPPING_NAME).is_file() else None
    with httpx.Client() as http:
        plain = open_tracker(settings, http, clock)
        survey = look_around(plain, settings.project)
        proposal = propose(survey, taxonomy, known, creating=create_missing)
        if create_missing and (lacking := lacking_in(proposal.mapping, survey, taxonomy)):
            made = create(plain, settings.project, lacking)
            print(f"firstline: created {made} fields and values in {settings.project}.", file=sys.stderr)
            survey = look_around(plain, settings.project)
            proposal = propose(survey, taxonomy, known)
        found = problems(proposal.mapping, survey, taxonomy)
        client = open_tracker(settings, http, clock, mapping=proposal.mapping)
        rows, why_not = _rehearsed(settings, client, found) if dry_run else ([], "not asked for")
    blocked = any(p.blocking for p in found)
    if not as_json:
        _show(survey, proposal, found, rows, why_not)
        write = write or (not blocked and _may_ask() and typer.confirm("Write this mapping?"))
    written = _written(settings, proposal.mapping, clock) if write and not blocked else None
    if as_json:
        print(
            json.dumps(
                _as_json(survey, proposal, found, rows, why_not, written), ensure_ascii=False, indent=2
            )
        )
    elif written is not None:
        print(
            f"Written: {written}. The worker reads it when it starts.\n{_where_to_put(settings, url, token)}"
        )
    if blocked:
        if write:
            print("firstline: nothing was written: see the problems above.", file=sys.stderr)
        raise typer.Exit(1)


def _settings(url: Text, token: Text, project: Text) -> Settings:
    for name in unknown_variables(os.environ):
        print(f"firstline: {name} is no setting; it has no effect.", file=sys.stderr)
    settings = read_settings()
    if url is not None and not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"--url {url!r} is no web address.", remedy="Give it as https://host or with a path."
        )
    return replace(
        settings,
        tracker_url=(url or settings.tracker_url).rstrip("/"),
        tracker_token=token or settings.tracker_token,
        project=project or settings.project,
    )


def _rehearsed(
    settings: Settings, client: YouTrackClient, found: list[Problem]
) -> tuple[list[Rehearsed], str]:
    from serving.connect.rehearsal import rehearse

    if any(p.where == "project" for p in found):
        return [], "the project cannot be read"
    try:
        return rehearse(settings, client), ""
    except BundleError as error:
        return [], error.message


def _written(settings: Settings, mapping: TrackerMapping, clock: Any) -> str:
    """Write the file and the audit row: the row commits only after the file is in place."""
    from data.mapping_file import MAPPING_NAME, save_mapping
    from data.store import open_store
    from data.store.audit import record

    now = clock.now()
    with open_store(settings.database_url) as store, store.write() as conn:
        record(conn, actor="cli", action="mapping.written", subject=settings.project, at=now)
        backup = save_mapping(settings.home, mapping, now)
    kept = f" (the former one: {backup})" if backup else ""
    return f"{settings.home / MAPPING_NAME}{kept}"


def _may_ask() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _where_to_put(settings: Settings, url: Text, token: Text) -> str:
    said = [f"Set FIRSTLINE_PROJECT={settings.project}"]
    said += [f"FIRSTLINE_TRACKER_URL={settings.tracker_url}"] if url else []
    said += ["FIRSTLINE_TRACKER_TOKEN (kept out of every file)"] if token else []
    return ", ".join(said) + "."


def _show(
    survey: Survey, proposal: Proposal, found: list[Problem], rows: list[Rehearsed], why_not: str
) -> None:
    print(_surroundings(survey))
    for line in proposal.lines:
        shown = line.theirs if line.score else "-"
        print(f"{line.ours:11} {shown:24} {line.score:4.2f}  {line.reason}")
    mapping = proposal.mapping
    print(f"{'resolved':11} {', '.join(sorted(mapping.resolved_states))}")
    duplicate = [mapping.duplicate_link, *sorted(mapping.duplicate_states)]
    print(f"{'duplicates':11} {', '.join(d for d in duplicate if d) or '-'}")
    if mapping.sla:
        print(f"{'sla timers':11} {', '.join(mapping.sla)}")
    for name, table in mapping.values.items():
        shown = "; ".join(f"{k} = {', '.join(w)}" for k, w in list(table.items())[:4])
        print(
            f"{name + ':':11} {len(table)} values have other names: {shown}{' ...' if len(table) > 4 else ''}"
        )
    print()
    for p in found:
        print(f"{'PROBLEM' if p.blocking else 'note'}  {p.where}: {p.what}\n         -> {p.remedy}")
    print(f"{len(found)} problem(s)." if found else "Everything fits.")
    print(f"\nDry run on the newest {len(rows)} tickets:" if rows else f"\nNo dry run: {why_not}")
    for row in rows:
        values = ", ".join(f"{k} = {v}" for k, v in row.values.items()) or "nothing written"
        print(f"  {row.ticket:10} {row.decision:8} {values}")


def _surroundings(survey: Survey) -> str:
    server, count = survey.server, "?" if survey.tickets is None else survey.tickets
    skew = "does not tell the time" if server.skew is None else f"clock {server.skew:+.0f} s from ours"
    rights = {True: "an administrator", False: "no administrator", None: "perhaps an administrator"}
    return (
        f"YouTrack {server.version or '(version not told)'}, build {server.build or 'not told'}, {skew}\n"
        f"Account {survey.account.login}: not the guest, {rights[survey.administers]}; "
        f"project {survey.project}, {count} tickets; projects seen: {', '.join(survey.projects)}\n"
        "Workflow rules cannot be read over REST: what they veto shows when something is written.\n"
    )


def _as_json(
    survey: Survey,
    proposal: Proposal,
    found: list[Problem],
    rows: list[Rehearsed],
    why_not: str,
    written: str | None,
) -> dict[str, Any]:
    return {
        "survey": asdict(survey),
        "fields": [asdict(line) for line in proposal.lines],
        "mapping": as_tables(proposal.mapping),
        "problems": [asdict(p) for p in found],
        "dry_run": [r.as_dict() for r in rows],
        "no_dry_run": why_not,
        "written": written,
    }
