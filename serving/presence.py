"""This process as the workers' table knows it, and whether another one still lives."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from data.store.workers import WorkerProcess

_SAME_START = timedelta(seconds=5)
"""The machine's clock may have been set since; a process id is not used again that fast."""
MISSING = timedelta(minutes=2)
"""A worker elsewhere that was not seen for so long is not at work."""


def place() -> str:
    """Return where process ids mean something: this start of this machine, this process namespace."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{start} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return socket.gethostname()


def myself(now: datetime) -> WorkerProcess:
    """Return this process as a worker seen `now`, under a name nobody had before."""
    pid = os.getpid()
    return WorkerProcess(f"worker-{pid}-{secrets.token_hex(4)}", place(), pid, _began(pid) or now, now)


def alive(worker: WorkerProcess) -> bool:
    """Tell whether a worker of this place still runs: its process id, with its time of start."""
    began = _began(worker.pid)
    return began is not None and abs(began - worker.started_at) <= _SAME_START


def at_work(worker: WorkerProcess, now: datetime) -> bool:
    """Tell whether a worker of any place seems to be at work."""
    return alive(worker) if worker.place == place() else now - worker.seen_at <= MISSING


def _began(pid: int) -> datetime | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return datetime.fromtimestamp(process.create_time(), UTC)
    except psutil.Error:
        return None
