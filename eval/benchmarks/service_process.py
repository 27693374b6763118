"""The service as benchmarks use it: a process of its own, with the promoted bundle and an empty store."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from data.errors import BundleError
from data.settings import Settings, read_settings
from eval.registry import champion_id

_READY_SECONDS = 90


@contextmanager
def service(database_url: str | None = None, more: Mapping[str, str] | None = None) -> Iterator[Settings]:
    """Run `firstline serve` on a free port and a home of its own; gives the settings it runs with.

    `database_url`: another store than SQLite in that home; `more`: its further settings. Raises
    `BundleError` where nothing is promoted or the service does not start.
    """
    settings = read_settings()
    if champion_id(settings.bundles) is None:
        raise BundleError(
            f"No bundle is promoted under {settings.bundles}.",
            remedy="Run `make demo` once, or set FIRSTLINE_HOME to the home of an installation that has one.",
        )
    # Under the real home, where disks are as in use; the bundles are shared, nothing else is.
    settings.home.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.home))
    try:
        (home / "bundles").symlink_to(settings.bundles)
        environ = {k: v for k, v in os.environ.items() if k != "FIRSTLINE_DATABASE_URL"}
        environ |= {"FIRSTLINE_HOME": str(home), "FIRSTLINE_SERVICE_PORT": str(_free_port()), **(more or {})}
        if database_url:
            environ["FIRSTLINE_DATABASE_URL"] = database_url
        command = [sys.executable, str(Path(sys.executable).with_name("firstline")), "serve"]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            running = read_settings(environ)
            _wait(running.service_url, process, home / "log")
            yield running
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=10).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    said = log.read_text("utf-8", errors="replace").strip().splitlines()[-2:]
    raise BundleError(
        "The service did not start. It said:\n" + "\n".join(said),
        remedy="Run `firstline serve` to see why.",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
