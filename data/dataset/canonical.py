"""The canonical form of a dataset's rows: what its hash is taken of, and its table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from data.clock import to_millis
from data.dataset.rows import Row

SCHEMA_VERSION = "rows-1"
COLUMNS = tuple(f.name for f in fields(Row))


def content_hash(rows: Iterable[Row], versions: Mapping[str, str]) -> str:
    """Return SHA-256 (64 hexadecimal digits) over `versions` and `rows`, whatever the rows' order."""
    digest = hashlib.sha256(_line(dict(versions)))
    for row in sorted(rows, key=lambda r: r.ticket_id):
        digest.update(_line(asdict(row)))
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


def from_table(table: Any) -> list[Row]:
    """Inverse of `to_table`, exact to the millisecond."""
    return [Row(**values) for values in table.select(list(COLUMNS)).to_pylist()]
