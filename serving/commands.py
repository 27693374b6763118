"""Commands of this room: triage, serve, worker, up, doctor."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from data.errors import BadInputError
from data.settings import read_settings
from serving.connect.command import connect
from serving.effect_commands import register_effects
from serving.patterns.commands import register_patterns
from serving.policy_commands import register_policy
from serving.replay_command import replay
from serving.review_commands import register_review


def register(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    app.command()(triage)
    app.command()(serve)
    app.command()(worker)
    app.command()(up)
    app.command()(doctor)
    app.command()(connect)
    app.command()(replay)
    register_effects(app)
    register_patterns(app)
    register_policy(app)
    register_review(app)


def triage(
    file: Annotated[str, typer.Argument(help="JSON lines; `-` reads standard input.")] = "-",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the engine.")] = 1,
) -> None:
    """Triage tickets from JSON lines to JSON lines; exit code 3 when some lines were bad."""
    from serving.lines import triage_lines
    from serving.wiring import load_triage

    settings = read_settings()
    if file != "-" and not Path(file).is_file():
        raise BadInputError(f"There is no file {file}.", remedy="Name a file of JSON lines, or - for stdin.")
    loaded = load_triage(settings, threads=threads)
    if file == "-":
        _, bad = triage_lines(sys.stdin.buffer, sys.stdout, loaded.decide_all)
    else:
        with Path(file).open("rb") as source:
            _, bad = triage_lines(source, sys.stdout, loaded.decide_all)
    if bad:
        print(f"firstline: {bad} line(s) were bad; see the `error` objects.", file=sys.stderr)
        raise typer.Exit(3)


def serve() -> None:
    """Run the triage service in the foreground, from the promoted bundle."""
    import os

    from serving.serve import serve as run

    run(read_settings(), os.environ)


def worker() -> None:
    """Run the worker in the foreground: find new tickets, have them decided, deliver the decisions."""
    from serving.worker import run

    run(read_settings())


def up(
    sandbox: Annotated[
        bool, typer.Option(help="Start the sandbox desk, where the configured tracker is the sandbox.")
    ] = True,
    mlflow: Annotated[bool, typer.Option(help="Start the MLflow server.")] = True,
    seed: Annotated[int | None, typer.Option(help="Seed of the sandbox's world.")] = None,
    months: Annotated[int | None, typer.Option(min=1, help="Months of history in the sandbox.")] = None,
    clients: Annotated[int | None, typer.Option(min=1, help="Client companies in the sandbox.")] = None,
    tickets_per_day: Annotated[float | None, typer.Option(min=0, help="Mean tickets a day there.")] = None,
    webhook_drop: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of events the sandbox loses.")
    ] = None,
    live_rate: Annotated[
        float | None, typer.Option(min=0, help="New tickets a second in the sandbox; 0: on request.")
    ] = None,
) -> None:
    """Start sandbox tracker, MLflow, service and worker; watch them until Ctrl-C."""
    from data.clock import SystemClock
    from serving import up as processes

    settings = read_settings()
    given = {
        "--seed": seed,
        "--months": months,
        "--clients": clients,
        "--tickets-per-day": tickets_per_day,
        "--webhook-drop": webhook_drop,
        "--live-rate": live_rate,
    }
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    with_sandbox = sandbox and settings.tracker_is_sandbox
    with_mlflow = mlflow and processes.starts_mlflow(settings)
    processes.check(settings, sandbox=with_sandbox, mlflow=with_mlflow)
    plan = processes.commands(
        settings,
        processes.environment(),
        sandbox=with_sandbox,
        mlflow=with_mlflow,
        sandbox_options=options,
    )
    processes.run(settings, plan, SystemClock())


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Check ports, disk, versions, database, bundle and tracker access; exit code 1 when something fails."""
    import httpx

    from data.clock import SystemClock
    from serving.doctor import examine

    with httpx.Client(timeout=5) as http:
        findings = examine(read_settings(), http, SystemClock())
    if as_json:
        print(json.dumps([asdict(f) for f in findings], indent=2))
    else:
        for f in findings:
            print(f"{f.verdict:4}  {f.check:14}  {f.found}")
            if f.remedy:
                print(f"{'':4}  {'':14}  -> {f.remedy}")
    if any(f.verdict == "fail" for f in findings):
        raise typer.Exit(1)
