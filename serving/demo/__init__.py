"""`firstline demo`: the main job from end to end, on simulated desk data, with a measured report."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the `demo` command to `app`."""

    @app.command()
    def demo(
        seed: Annotated[int, typer.Option(help="Seed of the simulated desk.")] = 7,
        months: Annotated[int, typer.Option(min=1, max=24, help="Months of history.")] = 6,
        clients: Annotated[int, typer.Option(min=2, max=12, help="Client companies.")] = 4,
        tickets_per_day: Annotated[
            float, typer.Option(min=1, help="Mean tickets a day, all clients.")
        ] = 44.0,
        stay: Annotated[
            bool | None,
            typer.Option("--stay/--exit", help="Keep serving until Ctrl-C (default: on a terminal)."),
        ] = None,
    ) -> None:
        """History, dataset, LoRA, calibration, gate, service, two live weeks, report.

        Runs on the embedded defaults only; whatever tracker or database you have configured is left
        alone. An interrupted run continues where it stopped.
        """
        import sys

        from data.clock import SystemClock
        from data.settings import read_settings
        from serving.demo.run import Demo, World

        world = World(seed, months, clients, tickets_per_day)
        wanted = sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay
        Demo(read_settings(), SystemClock(), world).run(stay=wanted)
