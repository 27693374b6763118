"""One client's data stays its own: database roles and row-level security on PostgreSQL.

Every table with a `tenant` column is closed by default (`ENABLE` and `FORCE`), also for its owner. Two
roles that own nothing open it, each transaction for itself:

- the *tenant role* sees and writes rows whose tenant is `firstline.tenant`, set for the transaction;
- the *desk role* sees all: synchronisation, the worker and the command line work for the whole desk.

A key that is unique across tenants would tell one tenant what another has, so the tenant role may only
read tables with such a key. A table whose tenant may be empty (the audit log, for one) is the desk's.
On SQLite, which has none of this, `data.store.guard` refuses statements that are not kept to one tenant.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, UniqueConstraint, inspect, text
from sqlalchemy.exc import DBAPIError

from data.errors import StorageError
from data.store.columns import clean

SETTING = "firstline.tenant"
SHARED = frozenset({"switches"})  # no tenant's data, but read while working for one
OPAQUE_KEYS = frozenset({("outbox", "op_id")})  # random: a collision tells nothing
APPEND_ONLY = frozenset({"audit"})
_ROLE_LETTERS = 40  # PostgreSQL cuts names at 63 bytes


@dataclass(frozen=True, slots=True)
class Roles:
    """The two roles of one database."""

    tenant: str
    desk: str


def belongs_to_tenants(table: Table) -> bool:
    """Whether every row of `table` is some tenant's."""
    return "tenant" in table.c and not table.c.tenant.nullable


def writable(table: Table) -> bool:
    """Whether a tenant's transaction may write `table`: every unique key in it starts with the tenant."""
    if not belongs_to_tenants(table):
        return False
    keys = [tuple(table.primary_key.columns.keys())]
    keys += [tuple(k.columns.keys()) for k in table.constraints if isinstance(k, UniqueConstraint)]
    keys += [tuple(str(c.name) for c in i.columns) for i in table.indexes if i.unique]
    return all(k[0] == "tenant" or (table.name, *k) in OPAQUE_KEYS for k in keys)


def roles_for(database: str) -> Roles:
    """Name the roles of a database. Roles belong to the whole server, so the name tells them apart."""
    words = re.sub(r"\W", "_", database.lower())
    if words != database or len(words) > _ROLE_LETTERS:
        words = f"{words[: _ROLE_LETTERS - 9]}_{hashlib.sha256(database.encode()).hexdigest()[:8]}"
    return Roles(tenant=f"firstline_tenant_{words}", desk=f"firstline_desk_{words}")


def find_roles(conn: Connection) -> Roles | None:
    """Return the roles that the policies in this database name; `None` before they are made.

    Asked and not derived: a copied or renamed database keeps the roles of the original.
    """
    query = text(
        "SELECT policyname, roles[1]::text FROM pg_policies WHERE schemaname = current_schema()"
        " AND tablename = 'tickets' AND policyname IN ('firstline_tenant', 'firstline_desk')"
    )
    found: dict[str, str] = {row[0]: row[1] for row in conn.execute(query)}
    if len(found) < 2:
        return None
    return Roles(tenant=found["firstline_tenant"], desk=found["firstline_desk"])


def enter(conn: Connection, roles: Roles | None, tenant: str | None) -> None:
    """Make the rest of this transaction work for `tenant`, or for the whole desk (`None`).

    Both settings end with the transaction, so that a pooled connection carries nothing over. Does nothing
    on SQLite.
    """
    if conn.dialect.name != "postgresql":
        return
    if roles is None:
        raise StorageError(
            "The database has no tenant roles, so no client's data can be kept apart.",
            remedy="Open it once with this release of Firstline, which makes them (any command does).",
        )
    query = text(f"SELECT set_config('role', :role, true), set_config('{SETTING}', :tenant, true)")
    role = roles.desk if tenant is None else roles.tenant
    # As a stored tenant is: a name that no row can have must find nothing, and not end in an error.
    conn.execute(query, {"role": role, "tenant": clean(tenant or "")})


def lift(conn: Connection) -> None:
    """Let the owner see all rows until `apply`: a migration that changes data must not miss any."""
    if conn.dialect.name != "postgresql":
        return
    forced = text(
        "SELECT relname FROM pg_class WHERE relforcerowsecurity"
        " AND relnamespace = current_schema()::regnamespace"
    )
    for name in conn.execute(forced).scalars().all():
        conn.execute(text(f"ALTER TABLE {_quoted(conn, name)} NO FORCE ROW LEVEL SECURITY"))


def apply(conn: Connection, roles: Roles | None = None) -> None:
    """Put every table with a `tenant` column of this database under row-level security.

    `roles`: for tables that take the place of others whose roles are in use.
    May be called again at any time, inside the transaction of a migration; does nothing on SQLite. Raises
    `StorageError` with the statements to run where the database user may not create roles.
    """
    if conn.dialect.name != "postgresql":
        return
    database = str(conn.execute(text("SELECT current_database()")).scalar_one())
    roles = roles or find_roles(conn) or roles_for(database)
    _create(conn, roles)
    tenant, desk = _quoted(conn, roles.tenant), _quoted(conn, roles.desk)
    schema = _quoted(conn, str(conn.execute(text("SELECT current_schema()")).scalar_one()))
    run = [f"GRANT USAGE ON SCHEMA {schema} TO {tenant}, {desk}"]
    run.append(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {tenant}, {desk}")
    for name in inspect(conn).get_table_names():
        run += _on_table(conn, name, roles)
    for statement in run:
        conn.execute(text(statement.replace(":", r"\:")))


def _on_table(conn: Connection, name: str, roles: Roles) -> list[str]:
    table, tenant, desk = (_quoted(conn, n) for n in (name, roles.tenant, roles.desk))
    rights = "SELECT, INSERT" if name in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
    run = [f"REVOKE ALL ON {table} FROM PUBLIC, {tenant}", f"GRANT {rights} ON {table} TO {desk}"]
    columns = {c["name"]: c for c in inspect(conn).get_columns(name)}
    if "tenant" not in columns:
        return [*run, f"GRANT SELECT ON {table} TO {tenant}"] if name in SHARED else run
    # `current_user`, too: an owner that inherits the desk role must still take it on to see rows.
    everything = f"(current_user = '{roles.desk}')"
    own = f"(tenant = nullif(current_setting('{SETTING}'), ''))"
    run += [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS firstline_desk ON {table}",
        f"DROP POLICY IF EXISTS firstline_tenant ON {table}",
        f"CREATE POLICY firstline_desk ON {table} TO {desk} USING {everything} WITH CHECK {everything}",
    ]
    if columns["tenant"]["nullable"]:
        return run
    run.append(f"CREATE POLICY firstline_tenant ON {table} TO {tenant} USING {own} WITH CHECK {own}")
    rights = "SELECT, INSERT, UPDATE, DELETE" if _writable_there(conn, name) else "SELECT"
    return [*run, f"GRANT {rights} ON {table} TO {tenant}"]


def _writable_there(conn: Connection, name: str) -> bool:
    found = inspect(conn)
    keys: list[list[Any]] = [list(found.get_pk_constraint(name)["constrained_columns"])]
    keys += [list(k["column_names"]) for k in found.get_unique_constraints(name)]
    keys += [list(i["column_names"]) for i in found.get_indexes(name) if i["unique"]]
    return all(k[:1] == ["tenant"] or (name, *k) in OPAQUE_KEYS for k in keys)


def _create(conn: Connection, roles: Roles) -> None:
    """Make the roles where they are missing and let the current user take them on."""
    names = (roles.tenant, roles.desk)
    query = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)")
    known = set(conn.execute(query, {"names": list(names)}).scalars())
    wanted = [f"CREATE ROLE {_quoted(conn, n)} NOLOGIN" for n in names if n not in known]
    user = str(conn.execute(text("SELECT current_user")).scalar_one())
    for name in names:
        member = text("SELECT pg_has_role(current_user, :name, 'MEMBER')")
        if name not in known or not conn.execute(member, {"name": name}).scalar():
            wanted.append(f"GRANT {_quoted(conn, name)} TO {_quoted(conn, user)}")
    try:
        with conn.begin_nested():
            for statement in wanted:
                conn.execute(text(statement))
    except DBAPIError as error:
        words = str(error.orig).strip().splitlines()[0]
        raise StorageError(
            f"The database user {user} may not create the roles that keep clients apart: {words}.",
            remedy="Have a database administrator run this once, then run the same command again:\n    "
            + ";\n    ".join(wanted)
            + ";",
        ) from None


def _quoted(conn: Connection, name: str) -> str:
    return conn.dialect.identifier_preparer.quote_identifier(name)
