"""The directory of people known per tenant, for redaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import replace as with_fields

from sqlalchemy import Connection, delete, func, insert, select

from data.redact.directory import Person
from data.store.schema import people as table

_NAMES = ("name", "email", "employee_id", "phone", "iban", "national_id", "address")


def replace(conn: Connection, tenant: str, people: Sequence[Person]) -> None:
    """Make `people` the whole directory of `tenant`."""
    conn.execute(delete(table).where(table.c.tenant == tenant))
    rows = [
        {"tenant": tenant, "position": i, **{n: v for n, v in asdict(p).items() if n in _NAMES}}
        for i, p in enumerate(people)
    ]
    if rows:
        conn.execute(insert(table), rows)


def people(conn: Connection, tenant: str | None = None) -> list[Person]:
    """Return the directory of `tenant`, or everybody's, in the order it was imported."""
    query = select(table).order_by(table.c.tenant, table.c.position)
    if tenant is not None:
        query = query.where(table.c.tenant == tenant)
    return [
        with_fields(Person(**{n: getattr(row, n) for n in _NAMES}), client=row.tenant)
        for row in conn.execute(query)
    ]


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of people per tenant."""
    query = select(table.c.tenant, func.count()).group_by(table.c.tenant).order_by(table.c.tenant)
    return {row[0]: row[1] for row in conn.execute(query)}
