"""`firstline audit`: look at the audit log and check that nobody changed it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.options import AsJson

if TYPE_CHECKING:  # imported in the commands: `firstline --help` stays fast
    from data.store.audit_chain import Row


def register_audit(app: typer.Typer) -> None:
    """Add the group `audit` to `app`."""
    group = typer.Typer(help="Who did what: the append-only log.", no_args_is_help=True)
    group.command("verify")(audit_verify)
    group.command("list")(audit_list)
    group.command("head")(audit_head)
    app.add_typer(group, name="audit")


def audit_verify(as_json: AsJson = False) -> None:
    """Check the whole chain and the exported heads; exit code 1 when anything was changed."""
    from data import audit_heads
    from data.audit_verify import verify
    from data.settings import read_settings
    from data.store import open_store

    settings = read_settings()
    heads, bad = audit_heads.read(settings.home)
    with open_store(settings.database_url) as store:
        verdict = verify(store, heads, unreadable=bad)
    if as_json:
        print(json.dumps({**asdict(verdict), "intact": verdict.intact}))
    elif verdict.intact:
        print(f"The audit log is intact: {verdict.rows} rows, {verdict.exported_heads} exported heads agree.")
    else:
        print(f"The audit log was changed: {verdict.problems_total} problem(s) in {verdict.rows} rows.")
        for problem in verdict.problems:
            print(f"  {problem}")
    if not verdict.intact:
        raise typer.Exit(1)


def audit_list(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows, newest first.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only rows before this number.")] = None,
    action: Annotated[str | None, typer.Option(help="Only actions that start so, such as `key.`.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this actor did.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only what concerns this client.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was done, newest first."""
    from data.settings import read_settings
    from data.store import audit, open_store

    with open_store(read_settings().database_url) as store, store.read() as conn:
        rows = audit.newest(
            conn, limit=limit, before=before, action=action, actor=actor, tenant=tenant, subject=subject
        )
    if as_json:
        print(json.dumps([_as_json(r) for r in rows]))
        return
    for r in rows:
        facts = "" if r.facts == "{}" else f"  {r.facts}"
        client = "" if r.tenant is None else f" ({r.tenant})"
        when = r.at.isoformat(timespec="seconds")
        print(f"{r.seq:>8}  {when}  {r.actor:16}  {r.action:24}  {r.subject}{client}{facts}")


def audit_head(
    export: Annotated[bool, typer.Option("--export", help="Also append it to the exported heads.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the end of the chain: the number of rows and the hash of the last one."""
    from data import audit_heads
    from data.clock import SystemClock
    from data.settings import read_settings
    from data.store import audit, open_store

    settings = read_settings()
    with open_store(settings.database_url) as store:
        if export:
            audit_heads.export(store, settings.home, SystemClock().now())
        with store.read() as conn:
            end = audit.head(conn)
    print(json.dumps({"rows": end.seq, "hash": end.hash}) if as_json else f"{end.seq} rows, {end.hash}")


def _as_json(row: Row) -> dict[str, Any]:
    return {**asdict(row), "at": row.at.isoformat(), "facts": json.loads(row.facts)}
