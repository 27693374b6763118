"""What the suite left on disk: logs, MLflow's stores, datasets, backups, reports; and the rows of databases.

`see(place, text)` gets the text of everything but what holds personal data or secrets by its purpose.
"""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq

See = Callable[[str, str], None]

NUMBERS = (".onnx", ".safetensors", ".npy", ".pt", ".png", ".woff2")
"""Files without words."""
WORKING_TABLES = {"tickets", "comments", "changes", "staged_changes", "people", "pattern_steps"}
"""Tables of the product whose purpose is to hold what people wrote."""
_LARGEST = 64 << 20


def read_tree(root: Path, see: See) -> None:
    """Read every file below `root`."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix in NUMBERS:
            continue
        for place, text in _texts(path):
            see(place, text)


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    try:
        if path.stat().st_size > _LARGEST:
            return
        with path.open("rb") as file:
            start = file.read(16)
        if start.startswith(b"SQLite format 3"):
            yield from _rows_of_sqlite(path)
        elif start.startswith(b"PAR1"):
            yield str(path), "\n".join(map(str, pq.read_table(path).to_pylist()))
        elif start.startswith(b"PK\x03\x04"):
            yield from _members(path)
        elif start.startswith(b"\x1f\x8b"):
            yield str(path), gzip.decompress(path.read_bytes()).decode("latin-1")
        else:
            yield str(path), path.read_bytes().decode("latin-1")
    except (OSError, sqlite3.Error, zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        # Damaged on purpose by its test, or gone: its bytes are all there is to read.
        if path.is_file():
            yield str(path), path.read_bytes().decode("latin-1")


def _members(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield f"{path}!{name}", archive.read(name).decode("latin-1")


def _rows_of_sqlite(path: Path) -> Iterator[tuple[str, str]]:
    # Immutable: a database whose process was killed must not be recovered by reading it.
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if not ("alembic_version" in names and "outbox" in names and name in WORKING_TABLES):
                rows = db.execute(f'SELECT * FROM "{name}"').fetchall()
                yield f"{path}: table {name}", "\n".join(_text(row) for row in rows)


def read_postgres(url: str, see: See) -> None:
    """Read every table of a database of the product but the working tables."""
    with psycopg.connect(url, autocommit=True) as conn:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (name,) in conn.execute(query).fetchall():
            if name not in WORKING_TABLES:
                rows = conn.execute(f'SELECT * FROM "{name}"').fetchall()  # type: ignore[arg-type]
                if rows:
                    see(f"PostgreSQL: table {name}", "\n".join(_text(row) for row in rows))


def _text(row: Any) -> str:
    return " | ".join(v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in row)
