"""The demo, stage by stage. Each stage is a `firstline` command that a user could type."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from data.clock import Clock
from data.errors import SettingsError, StorageError
from data.settings import SANDBOX_SECRET, SANDBOX_TOKEN, Settings
from serving.demo.live import LiveWeeks
from serving.demo.processes import Firstline, MemoryWatch, StageError, stop
from serving.demo.report import quality, table
from serving.demo.state import DemoState, open_state

RECIPE = Path(__file__).resolve().parents[2] / "training" / "recipes" / "categorize.yaml"
WEBHOOK_DROP = 0.3
"""Share of webhooks the demo loses on purpose, so that polling must find those tickets."""

_READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class World:
    """Size and seed of the simulated desk."""

    seed: int
    months: int
    clients: int
    tickets_per_day: float

    @property
    def options(self) -> list[str]:
        """The same, as options of the `sandbox` commands."""
        return [
            *("--seed", str(self.seed), "--months", str(self.months)),
            *("--clients", str(self.clients), "--tickets-per-day", str(self.tickets_per_day)),
        ]


class Demo:
    """Runs all stages; finished ones are remembered, so an interrupted run continues."""

    def __init__(self, settings: Settings, clock: Clock, world: World) -> None:
        self._settings, self._clock, self._world = settings, clock, world
        self._firstline = Firstline(_environ(settings), settings.logs)
        self._sandbox_url = f"http://{settings.host}:{settings.sandbox_port}"
        self._stage = 0

    def run(self, *, stay: bool) -> None:
        """Run what is left, print the table, write the report; with `stay`, serve until Ctrl-C."""
        self._check_ports()
        state = open_state(self._settings.home, dataclasses.asdict(self._world))
        running: list[subprocess.Popen[bytes]] = []
        try:
            with MemoryWatch() as watch:
                watch.merge(state.peaks)
                try:
                    report = self._stages(state, running, watch)
                finally:
                    state.peaks = watch.peaks
                    state.save()
            self._publish(state, report)
            if stay:
                self._serve_on(running)
        finally:
            for process in reversed(running):
                stop(process)

    def _stages(
        self, state: DemoState, running: list[subprocess.Popen[bytes]], watch: MemoryWatch
    ) -> dict[str, Any]:
        settings = self._settings
        self._do(state, "desk", lambda: self._start_sandbox(running), always=True)
        self._do(state, "directory", self._import_directory)
        self._do(state, "sync", lambda: self._firstline.run("sync", "--json"))
        dataset = self._do(state, "dataset", lambda: self._firstline.run("data", "build", "--json"))
        self._do(
            state,
            "train",
            lambda: self._firstline.run("train", str(RECIPE), "--dataset", dataset["id"], "--json"),
        )
        promoted = self._do(state, "promote", lambda: self._firstline.run("promote", "challenger", "--json"))
        self._do(state, "serve", lambda: self._start_services(running), always=True)
        live = LiveWeeks(settings, self._clock, self._sandbox_url)
        tickets = self._do(state, "live", live.play, always=True)
        urls = {
            "board": self._sandbox_url,
            "service": settings.service_url,
            "mlflow": f"http://{settings.host}:{settings.mlflow_port}",
        }
        return {
            **quality(tickets),
            "seconds": state.seconds,
            "peak_rss_mib": watch.peaks,
            "dataset": dataset["id"],
            "bundle": promoted["bundle"],
            "world": dataclasses.asdict(self._world),
            "urls": urls,
        }

    def _do(self, state: DemoState, name: str, work: Callable[[], Any], *, always: bool = False) -> Any:
        """Run one stage unless an earlier run finished it; `always` is for what must run now."""
        self._stage += 1
        if not always and name in state.results:
            _say(f"[{self._stage}/8] {name:10} done earlier")
            return state.results[name]
        _say(f"[{self._stage}/8] {name:10} ...")
        started = self._clock.now()
        result = work()
        seconds = (self._clock.now() - started).total_seconds()
        state.finish(name, seconds, None if always else result)
        _say(f"[{self._stage}/8] {name:10} {seconds:.0f} s")
        return result

    def _check_ports(self) -> None:
        for name in ("sandbox_port", "service_port", "mlflow_port"):
            port = getattr(self._settings, name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self._settings.host, port))
                except OSError:
                    raise SettingsError(
                        f"Port {port} is in use.",
                        remedy="Stop what uses it (`firstline doctor` names it), "
                        f"or set FIRSTLINE_{name.upper()} to a free port.",
                    ) from None

    def _start_sandbox(self, running: list[subprocess.Popen[bytes]]) -> None:
        settings = self._settings
        process = self._firstline.start(
            "sandbox",
            *("sandbox", "serve", *self._world.options),
            *("--host", settings.host, "--port", str(settings.sandbox_port)),
            *("--webhook-url", f"{settings.service_url}/v1/events/youtrack"),
            *("--webhook-drop", str(WEBHOOK_DROP)),
        )
        running.append(process)
        self._wait_for("sandbox", process, f"{self._sandbox_url}/sandbox/health")

    def _import_directory(self) -> dict[str, Any]:
        folder = self._settings.home / "demo" / "directory"
        self._firstline.run("sandbox", "directory", "--out", str(folder), *self._world.options)
        files = sorted(folder.glob("*.csv"))
        for file in files:
            self._firstline.run("data", "directory", "import", str(file), "--client", file.stem)
        return {"clients": [f.stem for f in files]}

    def _start_services(self, running: list[subprocess.Popen[bytes]]) -> None:
        process = self._firstline.start("up", "up", "--no-sandbox")
        running.append(process)
        self._wait_for("up", process, f"{self._settings.service_url}/readyz")
        self._wait_for("up", process, f"http://{self._settings.host}:{self._settings.mlflow_port}/health")

    def _wait_for(self, name: str, process: subprocess.Popen[bytes], url: str) -> None:
        deadline = self._clock.now().timestamp() + _READY_SECONDS
        while self._clock.now().timestamp() < deadline:
            if process.poll() is not None:
                break
            try:
                if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            self._clock.sleep(0.3)
        raise StageError(
            f"`firstline {name}` did not become ready.\n{self._firstline.last_words(name)}",
            remedy=f"Read {self._settings.logs / f'{name}.log'}; `firstline doctor` checks the surroundings.",
        )

    def _publish(self, state: DemoState, report: dict[str, Any]) -> None:
        path = self._settings.home / "demo" / "report.json"
        try:
            path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"{path} cannot be written: {error}", remedy="Free space, then run `make demo` again."
            ) from None
        state.complete = True
        state.save()
        print(table(report), f"report    {path}", sep="\n", flush=True)

    def _serve_on(self, running: list[subprocess.Popen[bytes]]) -> None:
        _say(f"Serving. File a ticket at {self._sandbox_url} and watch it; Ctrl-C stops everything.")
        try:
            while all(process.poll() is None for process in running):
                self._clock.sleep(1)
        except KeyboardInterrupt:
            _say("Stopping.")


def _environ(settings: Settings) -> dict[str, str]:
    """The demo's own environment: embedded defaults, whatever else is configured for this home."""
    ours = {
        "home": str(settings.home),
        "database_url": f"sqlite:///{settings.home / 'firstline.db'}",
        "mlflow_uri": f"sqlite:///{settings.home / 'mlflow.db'}",
        "tracker_url": f"http://{settings.host}:{settings.sandbox_port}",
        "tracker_token": SANDBOX_TOKEN,
        "project": "PAY",
        "webhook_secret": SANDBOX_SECRET,
        "poll_seconds": "3",
    }
    return {**os.environ, **{f"FIRSTLINE_{k.upper()}": v for k, v in ours.items()}}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
