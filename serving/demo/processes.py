"""Running the demo's processes, and watching what memory they take."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from data.errors import FirstlineError

_SAMPLE_SECONDS = 0.5
_STOP_SECONDS = 30
_MIB = 1024 * 1024
_EXIT_INTERRUPTED = 130

_MARKS = (  # first match names a process by its command line
    ("mlflow", "mlflow"),
    ("bentoml", "service"),
    ("circusd", "service"),  # BentoML's parent, where setproctitle is installed
    ("sandbox serve", "sandbox"),
    ("firstline worker", "worker"),
)


class StageError(FirstlineError):
    """A command of the demo failed; its own message is on standard error above."""

    title = "Demo stopped"


class MemoryWatch:
    """Samples the resident memory of this process and all below it, in MiB, by name.

    Shared pages are counted once per process, so the total overstates what the machine gives.
    """

    def __init__(self) -> None:
        self._peaks: dict[str, float] = {}
        self._total = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peaks(self) -> dict[str, float]:
        """Peak of each named process and, as `total`, of all of them at one moment."""
        return {**{k: round(v, 1) for k, v in sorted(self._peaks.items())}, "total": round(self._total, 1)}

    def merge(self, earlier: Mapping[str, float]) -> None:
        """Keep the peaks of an interrupted run that this one continues."""
        for name, value in earlier.items():
            if name == "total":
                self._total = max(self._total, value)
            else:
                self._peaks[name] = max(self._peaks.get(name, 0.0), value)

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(_SAMPLE_SECONDS):
            now: dict[str, float] = {}
            for process in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    name = "demo" if process == me else process_name(process.cmdline())
                    now[name] = now.get(name, 0.0) + process.memory_info().rss / _MIB
            for name, value in now.items():
                self._peaks[name] = max(self._peaks.get(name, 0.0), value)
            self._total = max(self._total, sum(now.values()))


def process_name(command: Sequence[str]) -> str:
    """Name a process by its command line: `service`, `worker`, ... or the `firstline` sub-command."""
    line = " ".join(command)
    for mark, name in _MARKS:
        if mark in line:
            return name
    for i, word in enumerate(command):
        if Path(word).name == "firstline" and i + 1 < len(command):
            return command[i + 1]
    return "other"


class Firstline:
    """Runs `firstline` sub-commands with one fixed environment."""

    def __init__(self, environ: Mapping[str, str], logs: Path) -> None:
        self._environ = dict(environ)
        self._logs = logs

    def run(self, *arguments: str) -> Any:
        """Run a command; return what it prints under `--json`, else None. Raises `StageError`."""
        with subprocess.Popen(
            [*_command(), *arguments], env=self._environ, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ) as process:
            try:
                out, _ = process.communicate()
            except KeyboardInterrupt:
                stop(process)  # the child got the terminal's Ctrl-C too; wait for its clean end
                raise
        if process.returncode in (_EXIT_INTERRUPTED, -signal.SIGINT):
            raise KeyboardInterrupt
        if process.returncode:
            raise StageError(
                f"`firstline {' '.join(arguments)}` ended with code {process.returncode}.",
                remedy="Correct what its message above names, then run `make demo` again; it continues here.",
            )
        return json.loads(out) if "--json" in arguments else None

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a long-running command in a process group of its own; output goes to a log file."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*_command(), *arguments],
                env=self._environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def last_words(self, name: str) -> str:
        """The end of a started command's log, for an error message."""
        path = self._logs / f"{name}.log"
        lines = path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else []
        return "\n".join(lines[-5:])


def stop(process: subprocess.Popen[Any]) -> None:
    """Stop a process politely, then by force after `_STOP_SECONDS`; returns when it is gone."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _command() -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name("firstline"))]
