"""The arithmetic of the audit log's hash chain: every row's hash covers the row and the hash before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from data.store.columns import to_micros

GENESIS = "0" * 64
"""What the first row is chained to."""

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Row:
    """One audited action as it is stored. `facts` is canonical JSON, `seq` counts from 1."""

    seq: int
    at: datetime
    actor: str
    tenant: str | None
    action: str
    subject: str
    facts: str
    hash: str


def canonical_facts(facts: Mapping[str, Fact]) -> str:
    """Return facts as JSON: sorted keys, no spaces, ASCII. Raises `TypeError` or `ValueError` for others."""
    for name, value in facts.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | bool | None):
            raise TypeError(f"the audit fact {name!r} is not a string, number, boolean or None")
    return json.dumps(dict(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link(previous: str, row: Row) -> str:
    """Return the hash of `row` chained to `previous`: SHA-256(previous hash || canonical row), in hex.

    The hash that the row itself carries is not looked at.
    """
    parts = [row.seq, to_micros(row.at), row.actor, row.tenant, row.action, row.subject, row.facts]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(bytes.fromhex(previous) + text.encode("ascii")).hexdigest()
