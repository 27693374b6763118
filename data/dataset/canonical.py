"""The canonical form of a dataset's rows and answers: what its hash is taken of, and its tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from data.clock import to_millis
from data.dataset.answers import Answer
from data.dataset.rows import Row

SCHEMA_VERSION = "rows-2"
COLUMNS = tuple(f.name for f in fields(Row))


def content_hash(rows: Iterable[Row], answers: Iterable[Answer], versions: Mapping[str, str]) -> str:
    """Return SHA-256 (64 hexadecimal digits) over `versions`, `rows` and `answers`, in whatever order."""
    digest = hashlib.sha256(_line(dict(versions)))
    for row in sorted(rows, key=lambda r: r.ticket_id):
        digest.update(_line(asdict(row)))
    for line in sorted(_line(asdict(answer)) for answer in answers):
        digest.update(line)
    return digest.hexdigest()


def _line(values: Mapping[str, Any]) -> bytes:
    plain = {k: to_millis(v) if isinstance(v, datetime) else v for k, v in values.items()}
    return json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def to_table(rows: Sequence[Row]) -> Any:
    """Return `rows` as a `pyarrow.Table` with the columns of `COLUMNS`."""
    import pyarrow as pa

    kinds = {
        "audited": pa.bool_(),
        "weight": pa.float64(),
        "resolved_at": pa.timestamp("ms", tz="UTC"),
    }
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    return pa.Table.from_pylist([asdict(r) for r in rows], schema=schema)


def answers_to_table(answers: Sequence[Answer]) -> Any:
    """Return `answers` as a `pyarrow.Table`, one column per field."""
    import pyarrow as pa

    names = [f.name for f in fields(Answer)]
    schema = pa.schema([(name, pa.int64() if name == "tickets" else pa.string()) for name in names])
    return pa.Table.from_pylist([asdict(a) for a in answers], schema=schema)


def answers_from_table(table: Any) -> list[Answer]:
    """Inverse of `answers_to_table`."""
    return [Answer(**values) for values in table.to_pylist()]


def from_table(table: Any) -> list[Row]:
    """Inverse of `to_table`, exact to the millisecond."""
    return [Row(**values) for values in table.select(list(COLUMNS)).to_pylist()]
