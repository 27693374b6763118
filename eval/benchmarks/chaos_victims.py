"""The processes that a benchmark kills: worker and service, started again as a supervisor would."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

WAYS = ("parent", "child", "tree")
"""What of the service is killed: the process that was started, the one that answers, or both."""


class Victim:
    """One `firstline` command. It is started again when it has ended, whoever ended it."""

    def __init__(self, command: str, environ: Mapping[str, str], log: IO[Any]) -> None:
        self._command, self._environ, self._log = command, environ, log
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether the process that was started lives."""
        return self._process is not None and self._process.poll() is None

    def keep_up(self) -> None:
        """Start it unless it runs."""
        if self.running:
            return
        program = str(Path(sys.executable).with_name("firstline"))
        self._process = subprocess.Popen(
            [sys.executable, program, self._command],
            env=dict(self._environ),
            stdout=self._log,
            stderr=self._log,
        )
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL, at whatever it is doing."""
        self._signal(self._tree())

    def _tree(self) -> list[psutil.Process]:
        if self._process is None or not self.running:
            return []
        try:
            top = psutil.Process(self._process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        if self._process is not None and self._process.pid in [p.pid for p in processes]:
            self._process.wait()

    def stop(self, seconds: float = 60.0) -> None:
        """Ask it to end; by force where it does not, so that nothing of it stays."""
        if self._process is None:
            return
        tree = self._tree()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._signal([p for p in tree if p.is_running()])
        self._process.wait()


class Service(Victim):
    """`firstline serve`: a parent that holds the port and a child that answers."""

    def __init__(self, environ: Mapping[str, str], log: IO[Any], url: str) -> None:
        super().__init__("serve", environ, log)
        self._url = url

    def kill_some(self, dice: random.Random) -> str:
        """Kill the parent, the child or both; return which."""
        tree = self._tree()
        way = dice.choice(WAYS)
        chosen = {"parent": tree[:1], "child": tree[1:], "tree": tree}[way]
        if not chosen:  # it has not got a child yet
            way, chosen = "parent", tree
        self._signal(chosen)
        return way

    def answers(self) -> bool:
        """Whether it takes requests now."""
        try:
            return httpx.get(f"{self._url}/livez", timeout=1).is_success
        except httpx.HTTPError:
            return False


def environment(home: Path, database: str, tracker_port: int, service_port: int) -> dict[str, str]:
    """Return the settings of worker, service and desk as environment variables."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("FIRSTLINE_")},
        "OMP_NUM_THREADS": "1",
        "FIRSTLINE_HOME": str(home),
        "FIRSTLINE_DATABASE_URL": database,
        "FIRSTLINE_SANDBOX_PORT": str(tracker_port),
        "FIRSTLINE_SERVICE_PORT": str(service_port),
        "FIRSTLINE_TRACKER_URL": f"http://127.0.0.1:{tracker_port}",
        "FIRSTLINE_POLL_SECONDS": "1",
    }
