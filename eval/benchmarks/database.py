"""The database of a benchmark: `sqlite`, `postgresql`, or whatever a URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from data.errors import SettingsError
from eval.benchmarks.postgres import postgres

HELP = "sqlite, postgresql (a server of its own, or FIRSTLINE_TEST_POSTGRES_URL), or a URL"


@contextmanager
def database(given: str) -> Iterator[str | None]:
    """Give the URL of an empty database; `None` for `sqlite`: a file where the caller keeps its own.

    A database on PostgreSQL is dropped afterwards; what a URL names is used as it is. Raises
    `SettingsError` for anything else, and where PostgreSQL is not to be had.
    """
    if given == "sqlite":
        yield None
    elif given == "postgresql":
        with postgres() as server, _made(server) as url:
            yield url
    elif "://" in given:
        yield given
    else:
        raise SettingsError(f"There is no database {given!r}.", remedy=f"Give {HELP}.")


@contextmanager
def _made(server: str) -> Iterator[str]:
    name = f"firstline_bench_{os.getpid()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield f"{server}/{name}"
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
