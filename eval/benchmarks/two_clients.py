"""Two clients in one store, for benchmarks of the service: every text of theirs carries their canary.

The rows are made from the schema itself, so that a table or a column that is added later is planted too.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Float, Integer, Table, insert, select

from data import api_key
from data.access import Role
from data.decision import TriageDecision
from data.keyring import WORKER_NAME, pepper_of, secret_file
from data.store import Store, api_keys, tenancy
from data.store.columns import Moment
from data.store.schema import audit, metadata

OWN, OTHER = "acme", "globex"
TICKETS = 4
_FIRST = {OWN: ("ACM", 6000), OTHER: ("GLX", 7000)}
_KINDS: tuple[Any, ...] = ("apply", "suggest", "abstain", "suggest")


@dataclass(frozen=True, slots=True)
class Planted:
    """One client: the word that stands in all its rows, and the ids of its tickets."""

    tenant: str
    canary: str
    readable: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. `header` is its `Authorization`; `free`: it may see every client."""

    name: str
    header: str | None
    free: bool = False


def plant(store: Store, now: datetime) -> dict[str, Planted]:
    """Store both clients' rows; every table of tenants gets some of each."""
    found = {}
    with store.write() as conn:
        for tenant, (project, first) in _FIRST.items():
            canary = f"canary{secrets.token_hex(8)}{tenant}"
            ids = [(f"{project}-{n}", f"{first // 1000}-{first + n}") for n in range(1, TICKETS + 1)]
            for table in metadata.sorted_tables:
                if tenancy.belongs_to_tenants(table):
                    conn.execute(insert(table), list(_rows(table, tenant, project, canary, ids, now)))
            found[tenant] = Planted(tenant, canary, *map(tuple, zip(*ids, strict=True)))
    return found


def checksum(conn: Connection, tenant: str) -> dict[str, str]:
    """Return a digest of each table's rows of one client, the audit log's included."""
    found = {}
    for table in (*filter(tenancy.belongs_to_tenants, metadata.sorted_tables), audit):
        rows = conn.execute(select(table).where(table.c.tenant == tenant)).all()
        found[table.name] = hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    return found


def callers(store: Store, home: Path, now: datetime) -> list[Caller]:
    """Make a key of every kind for `OWN`, one that sees every client, and what is no key at all."""
    past = now - timedelta(hours=1)
    found = [
        Caller(f"{role} of {OWN}", _key(store, home, role, OWN, now))
        for role in (Role.OPERATOR, Role.REVIEWER, Role.READ_ONLY, Role.CLIENT)
    ]
    found += [
        Caller("app of " + OWN, _key(store, home, Role.REVIEWER, OWN, now, acts_for_people=True)),
        Caller("revoked", _key(store, home, Role.OPERATOR, None, now, revoked_at=past)),
        Caller("ended", _key(store, home, Role.OPERATOR, OTHER, now, expires_at=past)),
        Caller("unknown", f"Bearer {api_key.new_key(secrets.token_bytes)}"),
        Caller("none", None),
        Caller("worker", f"Bearer {secret_file(home / WORKER_NAME)}"),
    ]
    return [*found, Caller("read-only of the desk", _key(store, home, Role.READ_ONLY, None, now), free=True)]


def _key(store: Store, home: Path, role: Role, tenant: str | None, now: datetime, **facts: Any) -> str:
    key = api_key.new_key(secrets.token_bytes)
    digest = api_key.digest(key, pepper_of(home))
    stored = api_keys.StoredKey(str(api_key.key_id(key)), "bench", role, tenant, digest, now, **facts)
    with store.write() as conn:
        api_keys.add(conn, stored)
    return f"Bearer {key}"


def _rows(
    table: Table, tenant: str, project: str, canary: str, ids: list[tuple[str, str]], now: datetime
) -> Iterator[dict[str, Any]]:
    several = ids if "ticket_id" in table.c else ids[:1]
    for i, (readable, ticket_id) in enumerate(several):
        known = {"tenant": tenant, "ticket_id": ticket_id, "readable_id": readable, "project": project}
        known |= _structure(table.name, tenant, ticket_id, canary, i, now)
        yield {c.name: known[c.name] if c.name in known else _value(c, canary, i, now) for c in table.c}


def _value(column: Column[Any], canary: str, i: int, now: datetime) -> Any:
    if isinstance(column.type, Moment):
        return None if column.nullable else now - timedelta(minutes=i)
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer | BigInteger):
        return i
    if isinstance(column.type, Float):
        return 0.5
    return {"word": canary} if isinstance(column.type, JSON) else f"{column.name} {canary}"


def _structure(
    table: str, tenant: str, ticket_id: str, canary: str, i: int, now: datetime
) -> Mapping[str, Any]:
    """Return the columns whose values have a meaning."""
    decision = TriageDecision(
        id=ticket_id,
        issue_type="payslip_missing",
        category="payslips",
        priority="major",
        team="portal",
        probability=0.7,
        top=(("payslip_missing", 0.7), ("out_of_scope", 0.1)),
        priority_probability=0.6,
        decision=_KINDS[i % len(_KINDS)],
        priority_decision="suggest",
        reason=f"Because of {canary}.",
        bundle=f"bundle {canary}",
        policy="p" * 12,
    )
    names = ("issue_type", "category", "priority", "team", "decision", "priority_decision")
    payload = {"decision": asdict(decision), "priority_seen": "normal", "thresholds": {"word": canary}}
    comment = {"internal": i % 2 == 0}
    known: dict[str, Mapping[str, Any]] = {
        "tickets": {
            **{"client": tenant, "tags": [canary], "fields": [["Note", canary]], "gone_reason": None},
            "links": [["Duplicate", "outward", "duplicates", canary, canary]],
            "attachments": [["a-1", f"{canary}.pdf", 1, "application/pdf", None]],
        },
        "comments": {"comment_id": f"c-{ticket_id}", **comment},
        "changes": {"change_id": f"h-{ticket_id}"},
        "outcomes": {"by_human": True},
        "ledger": {"kind": "resolution", "state": "trained_in"},
        "decisions": {n: getattr(decision, n) for n in names} | {"body": asdict(decision), "undone_by": None},
        "outbox": {
            **{"op_id": f"t{ticket_id}", "kind": "triage", "state": "new", "payload": payload},
            **{"fields_found": {"Team": canary}, "fields_left": {"Team": canary}, "lease_owner": None},
            "next_at": now + timedelta(days=365),
        },
        "feedback": {"operation": f"op_{ticket_id}", "action": "dismiss", "fields": {"team": canary}},
        "jobs": {"dedupe_key": f"job {tenant}", "state": "new"},
    }
    return known.get(table, {})
