"""A PostgreSQL server of one's own for the length of a benchmark."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import SettingsError

INSTALLED = Path("/usr/lib/postgresql")


@contextmanager
def own_postgres(port: int) -> Iterator[str]:
    """Start a durable server on `port` and give the URL of its database; it is deleted afterwards."""
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not found:
        raise SettingsError(
            "PostgreSQL's server is not installed.",
            remedy="Install it (apt-get install postgresql), or give --database a URL.",
        )
    binaries = found[-1].parent
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    home = Path(tempfile.mkdtemp(prefix="firstline-pg-"))
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    facts: dict[str, Any] = {"check": True, "user": user, "cwd": home, "stdout": subprocess.DEVNULL}
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        home / "data",
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    subprocess.run([*initdb, "--locale=C.UTF-8"], **facts)
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home}"
    control: list[str | Path] = [binaries / "pg_ctl", "-D", home / "data", "-w"]
    subprocess.run([*control, "-l", home / "log", "-o", options, "start"], **facts)
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **facts)
        shutil.rmtree(home, ignore_errors=True)
