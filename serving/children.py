"""Child processes that are watched: started in groups of their own, restarted, stopped without orphans."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from data.clock import Clock

_STEADY = timedelta(seconds=60)
_LONGEST = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Command:
    """What to run and how to tell that it works. `health` is a URL that answers 200, or None."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    health: str | None
    url: str | None = None
    stop_seconds: float = 8.0


@dataclass(slots=True)
class Child:
    """One running command, its restarts and the moment of the next start."""

    command: Command
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started: datetime | None = None
    next_start: datetime | None = field(default=None)

    def start(self, now: datetime) -> None:
        """Start in a new session, output to the log, told to end should this process vanish."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command.arguments,
                env=dict(self.command.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self.started, self.next_start = now, None

    def watch(self, now: datetime, say: Callable[[str], None]) -> None:
        """Restart after a crash, with a doubling pause."""
        if self.process is None:
            if self.next_start is not None and now >= self.next_start:
                self.start(now)
            return
        code = self.process.poll()
        if code is None:
            if self.failures and self.started and now - self.started > _STEADY:
                self.failures = 0
            return
        _kill_group(self.process.pid)
        self.failures += 1
        pause = min(_LONGEST, 2.0 ** (self.failures - 1))
        say(f"{self.command.name} ended with code {code}; restarting in {pause:.0f} s (see {self.log})")
        self.process, self.next_start = None, now + timedelta(seconds=pause)

    def stop(self, clock: Clock) -> None:
        """Ask politely, then by force; nothing of the process group is left."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        deadline = clock.now() + timedelta(seconds=self.command.stop_seconds)
        while self.process.poll() is None and clock.now() < deadline:
            clock.sleep(0.05)
        _kill_group(self.process.pid)
        self.process.wait()
        self.process = None

    def last_words(self, lines: int = 5) -> str:
        """Return the end of the log, for an error message."""
        try:
            return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _end_with_parent() -> None:
    """Runs in the child: have the kernel send SIGTERM when the parent dies, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
