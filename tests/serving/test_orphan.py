"""A service whose parent is killed gives its port back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from data.errors import SettingsError
from serving.orphan import is_server
from serving.serve import check_port


def test_after_kill_9_of_the_parent_nobody_holds_the_port(serve: Callable[[str], Any]) -> None:
    running = serve("")
    workers = psutil.Process(running.process.pid).children(recursive=True)
    assert workers, "the server answers from a child"
    assert is_server(running.process.pid)
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    psutil.wait_procs(workers, timeout=10)
    assert not [p for p in workers if p.is_running()]
    _wait_for_port(running.settings.host, running.settings.service_port)


def test_a_process_that_is_no_server_is_not_taken_for_one() -> None:
    assert not is_server(psutil.Process().pid)
    assert not is_server(2**22 + 1)


def _wait_for_port(host: str, port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            return check_port(host, port, "service_port")
        except SettingsError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
