"""`firstline backup` and `firstline restore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from data.backup.manifest import Manifest
    from data.backup.restore import Restored


def register_backup(app: typer.Typer) -> None:
    """Add `backup` and `restore` to `app`."""
    app.command()(backup)
    app.command()(restore)


def backup(
    destination: Annotated[
        Path | None, typer.Argument(metavar="[DEST]", help="A new file or a directory.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the store to one file while everything runs; default: backups/ under FIRSTLINE_HOME."""
    from data.backup.save import back_up
    from data.clock import SystemClock
    from data.settings import read_settings

    saved = back_up(read_settings(), destination, SystemClock().now())
    if as_json:
        facts = {"path": str(saved.path), "size": saved.size, "sha256": saved.sha256}
        print(json.dumps({**facts, **_facts(saved.manifest)}))
        return
    print(f"Backup written and read again: {saved.path}, {saved.size / 1e6:.1f} MB, SHA-256 {saved.sha256}")
    _print_contents(saved.manifest)
    print("It holds personal data: keep it as safe as the database. Bundles and secrets are not in it.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `firstline backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Set aside what the database holds, then restore.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into the configured database; automation is paused afterwards."""
    from data.backup.restore import restore as run
    from data.clock import SystemClock
    from data.settings import read_settings

    done = run(read_settings(), file, SystemClock().now(), replace=replace)
    if as_json:
        facts = {
            "head": {"rows": done.head.seq, "hash": done.head.hash},
            "aside": done.aside,
            "automation": "paused",
            "configuration_written": done.written,
            "configuration_left": done.left,
            "missing_bundles": done.missing_bundles,
        }
        print(json.dumps({**_facts(done.manifest), **facts}))
    else:
        _print_restored(done)


def _print_restored(done: Restored) -> None:
    print(f"Restored the backup of {done.manifest.created.isoformat(timespec='seconds')}.")
    _print_contents(done.manifest)
    print(f"Audit log intact; with the restore itself it ends at row {done.head.seq}, {done.head.hash}")
    if done.aside is not None:
        print(f"What was there before: {done.aside}")
    if done.heads_aside is not None:
        print(f"The heads exported before: {done.heads_aside}")
    for name in done.written:
        print(f"Configuration put back: {name}, without secrets")
    for name in done.left:
        print(f"Configuration left as it is, though the backup has another: {name}")
    for name in done.missing_bundles:
        print(f"Bundle not installed here: {name}")
    print(
        "Automation is PAUSED. What was revoked, paused or decided after the backup is not known here: check"
        " the keys, run `firstline sync`, then `firstline automation resume`."
    )


def _print_contents(manifest: Manifest) -> None:
    contents = manifest.contents
    counts = ", ".join(f"{name} {n}" for name, n in sorted(contents.counts.items()) if n)
    print(f"{manifest.database}, schema {contents.schema}, {contents.rows} rows: {counts}")
    if contents.audit is not None:
        print(f"Audit head: row {contents.audit.seq}, {contents.audit.hash}")


def _facts(manifest: Manifest) -> dict[str, Any]:
    contents = manifest.contents
    head = contents.audit
    return {
        "created": manifest.created.isoformat(),
        "database": manifest.database,
        "schema": contents.schema,
        "counts": dict(contents.counts),
        "audit_head": None if head is None else {"rows": head.seq, "hash": head.hash},
        "bundles": manifest.bundles,
        "champion": manifest.champion,
    }
