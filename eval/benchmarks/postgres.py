"""A PostgreSQL server for a benchmark: a given one, or our own, durable as shipped."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import SettingsError


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a server without a database name. Raises `SettingsError` where there is none."""
    given = os.environ.get("FIRSTLINE_TEST_POSTGRES_URL", "")
    if given:
        yield given.rstrip("/")
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not found:
        raise SettingsError(
            "PostgreSQL's server binaries are missing.",
            remedy="Run `apt-get install postgresql`, or set FIRSTLINE_TEST_POSTGRES_URL.",
        )
    home = Path(tempfile.mkdtemp(prefix="firstline-bench-pg-"))
    # PostgreSQL refuses to run as root; Debian's package brings the user `postgres`.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    port, control = free_port(), found[-1].parent / "pg_ctl"

    def run(*words: str | Path) -> None:
        subprocess.run(words, check=True, user=user, cwd=home, stdout=subprocess.DEVNULL)

    run(found[-1], "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home}"
    run(control, "-D", home / "data", "-w", "-l", home / "log", "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        run(control, "-D", home / "data", "-m", "fast", "stop")
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
