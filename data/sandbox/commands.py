"""`firstline sandbox`: serve the simulated desk, export its directories of people."""

from __future__ import annotations

import csv
import gc
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Seed = Annotated[int, typer.Option(help="Everything follows from it.")]
Months = Annotated[int, typer.Option(min=1, max=24, help="Simulated months of history.")]
Clients = Annotated[int, typer.Option(help="Client companies, 4 to 8.")]
PerDay = Annotated[float, typer.Option("--tickets-per-day", min=1, help="Mean tickets a day in the history.")]
DESK = "desk"
"""The tenant under which the provider's own people are known."""
COLUMNS = ("client", "name", "email", "employee_id", "phone", "iban", "national_id", "address", "country")


def register_sandbox(app: typer.Typer) -> None:
    """Add `firstline sandbox ...`."""
    sandbox = typer.Typer(
        help="The simulated desk: a YouTrack stand-in with a made-up world.", no_args_is_help=True
    )
    sandbox.command()(serve)
    sandbox.command()(directory)
    sandbox.command("client-system")(client_system)
    app.add_typer(sandbox, name="sandbox")


def serve(
    seed: Seed = 7,
    months: Months = 6,
    clients: Clients = 4,
    tickets_per_day: PerDay = 44.0,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: setting sandbox_port.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to bind to. Default: setting host.")] = None,
    webhook_url: Annotated[str, typer.Option(help="Where signed events go; empty: nowhere.")] = "",
    webhook_drop: Annotated[float, typer.Option(min=0, max=1, help="Share of events lost on purpose.")] = 0.3,
    live_rate: Annotated[
        float, typer.Option(min=0, max=1000, help="New tickets a second; 0: on request.")
    ] = 0.0,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="YAML or JSON script of what goes wrong on purpose.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Go on later, with new ids: for a store that knows this desk.")
    ] = False,
    names: Annotated[str, typer.Option(help="`desk`, or `other`: German fields, legacy values.")] = "desk",
) -> None:
    """Build the world and serve it until Ctrl-C. Changes live in memory: a restart begins again."""
    from data.sandbox.youtrack.faults.script import Script, read_script
    from data.settings import read_settings

    if names not in ("desk", "other"):
        raise SettingsError(f"There are no names {names!r}.", remedy="Use --names desk or --names other.")
    script = read_script(faults) if faults else Script()
    settings = read_settings()
    address, number = host or settings.host, port or settings.sandbox_port
    listener = _listen(address, number)
    try:
        import random

        import uvicorn

        from data.clock import SystemClock
        from data.sandbox.world import WorldConfig, build_world
        from data.sandbox.youtrack.app import create_app
        from data.sandbox.youtrack.faults.abrupt import AbruptProtocol
        from data.sandbox.youtrack.faults.injection import Faults
        from data.sandbox.youtrack.loading import go_on, load
        from data.sandbox.youtrack.other_names import OtherNames, run_state_by_events
        from data.sandbox.youtrack.webhooks import Emitter

        world = build_world(WorldConfig(seed, months, clients, tickets_per_day))
        emitter = Emitter(
            webhook_url,
            settings.webhook_secret,
            webhook_drop,
            SystemClock(),
            random.Random(f"{seed}/webhooks"),
        )
        state = load(world)
        gc.freeze()  # the history stays; no collection need look at it again
        if again:
            go_on(state, SystemClock().now())
        app: ASGIApp = create_app(state, emitter, live_rate=live_rate, faults=Faults(SystemClock(), script))
        if names == "other":
            run_state_by_events(state.tracker.project)
            app = OtherNames(app, world.taxonomy)
        config = uvicorn.Config(app, http=AbruptProtocol, log_level="warning", timeout_graceful_shutdown=3)
        server = uvicorn.Server(config)
        print(
            f"firstline: sandbox desk with {len(world.history)} tickets of {len(world.clients)} clients "
            f"({len(world.live)} more to come) ready at http://{address}:{number}",
            file=sys.stderr,
            flush=True,
        )
        # After its clean stop uvicorn raises the signal once more; both are the normal way out.
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        listener.close()


def client_system(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8803,
    seed: Seed = 7,
    months: Months = 6,
    clients: Clients = 4,
    tickets_per_day: PerDay = 44.0,
) -> None:
    """Serve the clients' payroll system, where patterns look things up, until Ctrl-C. It lives in memory.

    Reach it with FIRSTLINE_CLIENT_SYSTEM_URL and the same FIRSTLINE_CLIENT_SYSTEM_TOKEN on both sides.
    """
    from data.settings import read_settings

    settings = read_settings()
    if not settings.client_system_token:
        raise SettingsError(
            "The client system needs a token.", remedy="Set FIRSTLINE_CLIENT_SYSTEM_TOKEN to any long word."
        )
    listener = _listen(settings.host, port)
    try:
        import uvicorn

        from data.clock import SystemClock
        from data.sandbox.payroll.app import create_app
        from data.sandbox.payroll.system import sandbox_systems
        from data.sandbox.world import WorldConfig

        systems = sandbox_systems(WorldConfig(seed, months, clients, tickets_per_day), SystemClock())
        app = create_app(systems, settings.client_system_token)
        print(
            f"firstline: client systems ready at http://{settings.host}:{port}", file=sys.stderr, flush=True
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    finally:
        listener.close()


def directory(
    out: Annotated[Path, typer.Option(help="Folder for <client>.csv files and desk.csv.")],
    seed: Seed = 7,
    months: Months = 6,
    clients: Clients = 4,
    tickets_per_day: PerDay = 44.0,
) -> None:
    """Write everyone's names as HR systems would export them: each client's, and the desk's own roster.

    Redaction looks people up in these.
    """
    from data.sandbox.world import WorldConfig, build_directories, build_roster

    config = WorldConfig(seed, months, clients, tickets_per_day)
    out.mkdir(parents=True, exist_ok=True)
    files = {
        key: [[getattr(p, c) for c in COLUMNS] for p in people.people]
        for key, people in build_directories(config).items()
    }
    blank = [""] * (len(COLUMNS) - 3)
    files[DESK] = [[DESK, a.name, a.email, *blank] for a in build_roster(config).everyone]
    for key, rows in files.items():
        with (out / f"{key}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
        print(f"{out / f'{key}.csv'}: {len(rows)} people")


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before the world is built: an occupied one is told at once, early callers wait."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Port {port} on {host} is not to be had ({error.strerror}).",
            remedy="Stop what uses it (`firstline doctor` says what), or choose another with --port.",
        ) from None
    return listener
