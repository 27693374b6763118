"""`firstline up`: every process the product needs, started, watched and stopped as one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import httpx

from data.clock import Clock
from data.errors import FirstlineError
from data.settings import Settings
from serving import serve
from serving.children import Child, Command

_READY = timedelta(seconds=150)
_WATCH_SECONDS = 0.25


class NotReadyError(FirstlineError):
    """A process did not become healthy in time."""

    title = "Not ready"


def commands(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    sandbox: bool,
    mlflow: bool,
    sandbox_options: Sequence[str] = (),
) -> list[Command]:
    """Return what to run, in starting order; stopping goes backwards."""
    here = {**environ, "FIRSTLINE_HOME": str(settings.home)}
    found = []
    if sandbox:
        found.append(_sandbox(settings, here, sandbox_options))
    if mlflow:
        found.append(_mlflow(settings, here))
    found.append(
        Command(
            "service",
            serve.command(settings),
            serve.environment(settings, here),
            f"{settings.service_url}/readyz",
            settings.service_url,
            stop_seconds=12,
        )
    )
    found.append(Command("worker", [*_firstline(), "worker"], here, None))
    return found


def check(settings: Settings, *, sandbox: bool, mlflow: bool) -> None:
    """Raise the first `FirstlineError` that would keep a process from starting."""
    serve.check(settings)
    if sandbox:
        serve.check_port(settings.host, settings.sandbox_port, "sandbox_port")
    if mlflow:
        serve.check_port(settings.host, settings.mlflow_port, "mlflow_port")


def starts_mlflow(settings: Settings) -> bool:
    """Tell whether MLflow runs here; a server elsewhere (http) is only used."""
    return not settings.mlflow_uri.startswith(("http://", "https://"))


def run(settings: Settings, plan: Sequence[Command], clock: Clock) -> None:
    """Start all, print the URLs when healthy, watch until SIGTERM or Ctrl-C, stop all."""
    signal.signal(signal.SIGTERM, _interrupt)
    children = [Child(c, settings.logs / f"{c.name}.log") for c in plan]
    try:
        for child in children:
            child.start(clock.now())
        _wait(children, clock)
        for child in children:
            print(f"{child.command.name:8} {child.command.url or 'running'}", flush=True)
        _say("ready; Ctrl-C stops everything")
        while True:
            clock.sleep(_WATCH_SECONDS)
            for child in children:
                child.watch(clock.now(), _say)
    except KeyboardInterrupt:
        _say("stopping")
    finally:
        # A second Ctrl-C must not leave orphans.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(children):
            child.stop(clock)
        _say("stopped")


def _wait(children: Sequence[Child], clock: Clock) -> None:
    deadline = clock.now() + _READY
    waiting = list(children)
    with httpx.Client(timeout=5) as http:
        while waiting:
            for child in list(waiting):
                if child.process is not None and child.process.poll() is not None:
                    raise _not_ready(child, f"ended with code {child.process.returncode}")
                if _healthy(http, child.command.health):
                    waiting.remove(child)
            if waiting and clock.now() > deadline:
                raise _not_ready(waiting[0], f"did not become ready within {_READY.seconds} s")
            if waiting:
                clock.sleep(0.3)


def _healthy(http: httpx.Client, url: str | None) -> bool:
    if url is None:
        return True
    try:
        return http.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _not_ready(child: Child, what: str) -> NotReadyError:
    return NotReadyError(
        f"The {child.command.name} {what}. It said last:\n{child.last_words()}",
        remedy=f"Read {child.log}; `firstline doctor` checks the surroundings.",
    )


def _sandbox(settings: Settings, environ: Mapping[str, str], options: Sequence[str]) -> Command:
    url = f"http://{settings.host}:{settings.sandbox_port}"
    arguments = [
        *(*_firstline(), "sandbox", "serve"),
        *("--host", settings.host, "--port", str(settings.sandbox_port)),
        *("--webhook-url", f"{settings.service_url}/v1/events/youtrack"),
        "--again",
        *options,
    ]
    return Command("sandbox", arguments, environ, f"{url}/sandbox/health", url)


def _mlflow(settings: Settings, environ: Mapping[str, str]) -> Command:
    url = f"http://{settings.host}:{settings.mlflow_port}"
    arguments = [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", settings.mlflow_uri),
        *("--artifacts-destination", str(settings.home / "mlartifacts")),
        *("--host", settings.host, "--port", str(settings.mlflow_port)),
        *("--workers", "1"),  # the default takes 69 s, 15 processes and 1.8 GB
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Command("mlflow", arguments, {**environ, **quiet}, f"{url}/health", url, stop_seconds=5)


def _firstline() -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name("firstline"))]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"firstline: {text}", file=sys.stderr, flush=True)


def environment() -> dict[str, str]:
    """Return this process's environment with threads tamed: several processes share few cores."""
    return {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", **os.environ}
