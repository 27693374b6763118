"""`firstline serve`: check everything first, then become the BentoML server."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from data.errors import SettingsError
from data.settings import Settings
from data.store import open_store
from serving.access import check as check_access
from serving.orphan import PARENT
from serving.policy import load_policy
from serving.wiring import champion_directory, load_champion

ROOT = Path(__file__).resolve().parent.parent
_GRACE_SECONDS = 20


def check(settings: Settings) -> None:
    """Raise the `FirstlineError` that would stop the service: port, bundle, policy, database."""
    check_access(settings)
    check_port(settings.host, settings.service_port, "service_port")
    bundle = load_champion(settings)
    load_policy(settings.policy, bundle.taxonomy)
    open_store(settings.database_url).close()


def check_port(host: str, port: int, setting: str) -> None:
    """Raise `SettingsError` that names the user of an occupied port and the setting to change."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            holder = port_holder(port)
            what = f"in use by {holder}" if holder else f"not to be had ({error.strerror})"
            raise SettingsError(
                f"Port {port} on {host} is {what}.",
                remedy=f"Stop that process, or set FIRSTLINE_{setting.upper()} to a free port.",
            ) from None


def port_holder(port: int) -> str | None:
    """Return `name (process id)` of what listens on `port`, where the system tells."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        for connection in listening:
            if connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return None
    return None


def command(settings: Settings) -> list[str]:
    """Return the BentoML command line of the service."""
    return [
        *(sys.executable, "-m", "bentoml", "serve", "serving.service:FirstlineService"),
        *("--working-dir", str(ROOT)),
        *("--host", settings.host, "--port", str(settings.service_port)),
        *("--timeout-graceful-shutdown", str(_GRACE_SECONDS)),
    ]


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the service's environment: a BentoML home of its own (each start wipes its metrics)."""
    home = settings.home / "bentoml"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        **environ,
        "FIRSTLINE_HOME": str(settings.home),
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
    }


def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Check, then replace this process by the server; returns only by raising."""
    check(settings)
    print(
        f"firstline: serving bundle {champion_directory(settings).name} on {settings.service_url}",
        file=sys.stderr,
        flush=True,
    )
    arguments = command(settings)
    # The process stays the same one; its children must know whose they are.
    given = {**environment(settings, environ), PARENT: str(os.getpid())}
    os.execvpe(arguments[0], arguments, given)
