"""A service whose parent is killed gives its port back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from data.errors import SettingsError
from serving.orphan import PARENT
from serving.serve import check_port


def test_after_kill_9_of_the_parent_nobody_holds_the_port(serve: Callable[[str], Any]) -> None:
    running = serve("")
    workers = psutil.Process(running.process.pid).children(recursive=True)
    assert workers, "the server answers from a child"
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    psutil.wait_procs(workers, timeout=10)
    assert not [p for p in workers if p.is_running()]
    _wait_for_port(running.settings.host, running.settings.service_port)


def test_a_child_whose_parent_died_meanwhile_does_not_begin(tmp_path: Path) -> None:
    """As the server would start it, but with the parent that the environment names gone."""
    script = "import os, serving.orphan as o; o.end_with_parent(os.environ); print('serves')"
    words = [sys.executable, "-c", script, "_bentoml_impl.worker.service"]
    for pid, code, said in ((os.getpid(), 0, b"serves\n"), (2**22 + 1, 1, b"")):
        done = subprocess.run(words, env={**os.environ, PARENT: str(pid)}, capture_output=True, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, said)


def _wait_for_port(host: str, port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            return check_port(host, port, "service_port")
        except SettingsError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
