"""Commands: `firstline data build|list|show|diff`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from data.dataset.diff import Difference
    from data.dataset.manifest import Manifest

Reference = Annotated[str, typer.Argument(help="An id, the start of one, or `latest`.")]
_LISTED = 10


def register_data(app: typer.Typer) -> None:
    """Add the dataset commands to `app`, the `firstline data` group."""
    app.command("build")(build_command)
    app.command("list")(list_command)
    app.command("show")(show_command)
    app.command("diff")(diff_command)


def build_command(
    before: Annotated[
        datetime | None, typer.Option(help="Only tickets resolved before this moment (UTC).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a dataset version from the store; the same facts give the same version."""
    from data.clock import SystemClock
    from data.dataset.build import draft_from_store
    from data.labels import rules_of
    from data.mapping_file import load_mapping
    from data.progress import progress
    from data.redact.salt import salt_of
    from data.settings import read_settings
    from data.store import open_store
    from data.taxonomy import load_taxonomy

    settings = read_settings()
    with open_store(settings.database_url) as store:
        draft = draft_from_store(
            store,
            SystemClock(),
            taxonomy=load_taxonomy(),
            salt=salt_of(settings),
            code_revision=code_revision(),
            before=before.replace(tzinfo=UTC) if before else None,
            progress=progress,
            rules=rules_of(load_mapping(settings.home)),
        )
    new = draft.write(settings.datasets)
    manifest = draft.manifest
    path = settings.datasets / manifest.id
    if as_json:
        print(json.dumps({"id": manifest.id, "new": new, "path": str(path), **asdict(manifest)}))
    else:
        print(f"Dataset {manifest.id} {'built' if new else 'already exists'}: {path}")
        print(_described(manifest))
    _warn_of_unlisted(manifest)


def list_command(as_json: AsJson = False) -> None:
    """List the dataset versions, oldest first."""
    from data.dataset.load import list_datasets
    from data.settings import read_settings

    found = list_datasets(read_settings().datasets)
    if as_json:
        print(json.dumps([{"id": m.id, **asdict(m)} for m in found]))
        return
    if not found:
        print("There are no datasets yet: run `firstline data build`.")
    for m in found:
        splits = ", ".join(f"{n} {s}" for s, n in m.counts["splits"].items())
        print(f"{m.id}  {m.created}  {m.counts['rows']} rows ({splits})  code {m.code_revision[:12]}")


def show_command(reference: Reference = "latest", as_json: AsJson = False) -> None:
    """Verify a version and show what is in it."""
    from data.dataset.load import load, resolve
    from data.settings import read_settings

    manifest = load(resolve(read_settings().datasets, reference)).manifest
    if as_json:
        print(json.dumps({"id": manifest.id, **asdict(manifest)}))
        return
    print(f"Dataset {manifest.id}, built {manifest.created}, verified")
    print(_described(manifest))


def diff_command(a: Reference, b: Reference = "latest", as_json: AsJson = False) -> None:
    """Say what changed from version A to version B."""
    from data.dataset.diff import diff
    from data.dataset.load import load, resolve
    from data.settings import read_settings

    directory = read_settings().datasets
    found = diff(load(resolve(directory, a)), load(resolve(directory, b)))
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        print(_told(found))


def code_revision(root: Path | None = None) -> str:
    """Return the commit this code runs from (with `+changes` where files differ), or the version."""
    from importlib.metadata import PackageNotFoundError, version

    where = root or Path(__file__).resolve().parent.parent.parent
    try:
        commit = _git(where, "rev-parse", "HEAD")
        return f"{commit}+changes" if _git(where, "status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.SubprocessError):
        pass
    try:
        return f"firstline {version('firstline')}"
    except PackageNotFoundError:
        return "unknown"


def _git(where: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(where), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()


def _warn_of_unlisted(manifest: Manifest) -> None:
    without = sorted(set(manifest.counts["clients"]) - set(manifest.counts["directory"]))
    if without:
        print(
            f"firstline: no directory for {', '.join(without)}: names in their tickets are found by guesses"
            " only; import one with `firstline data directory import FILE --client KEY`.",
            file=sys.stderr,
        )


def _described(manifest: Manifest) -> str:
    counts = manifest.counts
    lines = [f"  rows: {counts['rows']} in {counts['families']} text families, {counts['audited']} audited"]
    lines += [
        f"    {s}: {n} rows, {counts['split_families'][s]} families" for s, n in counts["splits"].items()
    ]
    lines.append(f"  answers of the desk: {counts['answers']}")
    lines.append("  clients: " + _tally(counts["clients"]))
    lines.append("  left out: " + (_tally(manifest.exclusions) or "nothing"))
    lines.append("  versions: " + ", ".join(f"{k} {v}" for k, v in manifest.versions.items()))
    lines.append(f"  code: {manifest.code_revision}")
    return "\n".join(lines)


def _tally(counts: Any) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def _told(d: Difference) -> str:
    if d.same:
        return f"{d.a} and {d.b} are the same dataset."
    lines = [f"From {d.a} to {d.b}:"]
    for name, ids in (("added", d.added), ("removed", d.removed)):
        if ids:
            more = ", ..." if len(ids) > _LISTED else ""
            lines.append(f"  {name}: {len(ids)} tickets ({', '.join(ids[:_LISTED])}{more})")
    if d.changed:
        lines.append(f"  changed: {len(d.changed)} tickets")
        for ticket, columns in list(d.changed.items())[:_LISTED]:
            lines.append(f"    {ticket}: {', '.join(columns)}")
    for change in d.labels[:_LISTED]:
        lines.append(f"  {change.ticket_id}: {change.field} {change.before} -> {change.after}")
    for title, deltas in (
        ("answers", d.answers),
        ("splits", d.splits),
        ("issue types", d.issue_types),
        ("left out", d.exclusions),
    ):
        if deltas:
            lines.append(f"  {title}: " + ", ".join(f"{name} {n:+d}" for name, n in deltas.items()))
    for name, (old, new) in d.versions.items():
        lines.append(f"  {name} version: {old} -> {new}")
    return "\n".join(lines)
