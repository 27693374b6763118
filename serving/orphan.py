"""A service process ends with the parent that started it, also when that parent is killed.

BentoML serves from a child that has the listening socket and a session of its own. After a kill -9 of the
parent it would answer on, outside every supervisor, and keep the port from the service that comes next.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping

import psutil

PARENT = "_FIRSTLINE_SERVER"
"""The environment variable with the process id of the server that `firstline serve` became."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 20.0


def end_with_parent(environ: Mapping[str, str], grace: float = _GRACE_SECONDS) -> None:
    """From now on end when the parent is gone; at once where it is gone already.

    What is being answered is finished, within `grace` seconds; a process that hangs ends then as well.
    Does nothing where no BentoML server started us.
    """
    if not is_server_worker():
        return
    parent = os.getppid()
    if environ.get(PARENT, str(parent)) != str(parent):  # it died while we were starting
        os._exit(1)
    if sys.platform == "linux":  # the kernel is quicker than a look now and then
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    ending = threading.Thread(target=_watch, args=(lambda: os.getppid() == parent, grace), daemon=True)
    ending.start()


def is_server_worker() -> bool:
    """Whether this process answers for a BentoML server. The parent may have given itself another title."""
    return "_bentoml_impl.worker.service" in psutil.Process().cmdline()


def _watch(has_parent: Callable[[], bool], grace: float) -> None:
    while has_parent():
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)
