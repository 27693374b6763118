"""Inside a tenant's transaction every statement is kept to that tenant, or it is not sent.

SQLite has no row-level security; there this is the wall. On PostgreSQL it stands before the database's
own, so that code that works on one works on the other. What it proves, from the statement itself:

- every use of a tenant table, in sub-queries and joins too, is tied to the tenant by `tenant = :value`
  (or `IN` of that value alone), directly or through `a.tenant = b.tenant`, in a place that filters it;
- every row inserted carries the tenant, no update changes it, and only tables that `tenancy.writable`
  allows are written;
- nothing else is touched, and no raw SQL runs, because nothing can be proved about it; what this module
  does not know is refused, too.

A refusal is a mistake in our code, hence no `FirstlineError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ClauseElement, Connection, Engine, FromClause, Table, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import (
    ColumnClause,
    ReleaseSavepointClause,
    RollbackToSavepointClause,
    SavepointClause,
    TextClause,
)
from sqlalchemy.sql.selectable import HasPrefixes, HasSuffixes, Select, SelectBase

from data.store import tenancy
from data.store.guard_scope import Params, Scope, TenancyError, value_of

__all__ = ["TENANT_OPTION", "TenancyError", "check", "keeping_to", "tenant_of", "watch"]

TENANT_OPTION = "firstline_tenant"
_SAVEPOINTS = (SavepointClause, RollbackToSavepointClause, ReleaseSavepointClause)


def watch(engine: Engine) -> None:
    """Have every statement of this engine looked at."""
    event.listen(engine, "before_execute", _before_execute)
    event.listen(engine, "before_cursor_execute", _before_cursor)


@contextmanager
def keeping_to(conn: Connection, tenant: str | None) -> Iterator[None]:
    """Hold the connection to `tenant` inside the block; `None` lets it work for the whole desk."""
    before = conn.get_execution_options().get(TENANT_OPTION)
    conn.execution_options(**{TENANT_OPTION: tenant})
    try:
        yield
    finally:
        conn.execution_options(**{TENANT_OPTION: before})


def tenant_of(conn: Connection) -> str | None:
    """Return the tenant that this transaction is kept to, or `None`."""
    found = conn.get_execution_options().get(TENANT_OPTION)
    return None if found is None else str(found)


def _before_execute(  # the event hands over more than is needed
    conn: Connection,
    statement: Any,
    multi: Any,
    params: Any,
    options: Any,  # noqa: ARG001
) -> None:
    tenant = tenant_of(conn)
    if tenant is not None:
        check(statement, tenant, list(multi) or [params])


def _before_cursor(conn: Connection, *rest: Any) -> None:
    context = rest[3]  # after cursor, statement and parameters
    if tenant_of(conn) is not None and context.compiled is None:
        raise TenancyError("raw SQL in a tenant's transaction")


def check(statement: Any, tenant: str, rows: Sequence[Params] = ()) -> None:
    """Raise `TenancyError` where `statement` with the parameters `rows` is not kept to `tenant`."""
    if isinstance(statement, _SAVEPOINTS):
        return
    if not isinstance(statement, SelectBase | Insert | Update | Delete):
        raise TenancyError("raw SQL, or what is no statement on rows, in a tenant's transaction")
    for part in visitors.iterate(statement):
        _spelled_out(part)
        if isinstance(part, Select):
            _tied(part.get_final_froms(), part.whereclause, tenant, rows)
        elif isinstance(part, Insert):
            _inserted(part, tenant, rows)
        elif isinstance(part, Update):
            _written(part.table)
            _unmoved(part, rows)
            _tied(_sources(part, *(part._values or {}).values()), part.whereclause, tenant, rows)
        elif isinstance(part, Delete):
            _written(part.table)
            _tied(_sources(part), part.whereclause, tenant, rows)


def _spelled_out(part: Any) -> None:
    """Refuse SQL that was written as a string: nothing can be proved about it."""
    raw = isinstance(part, TextClause)
    if isinstance(part, ColumnClause):
        raw = part.is_literal and part.name != "*"  # `count(*)` is made so
    if isinstance(part, HasPrefixes):
        raw = raw or bool(part._prefixes)
    if isinstance(part, HasSuffixes):
        raw = raw or bool(part._suffixes)
    if isinstance(part, Select):
        raw = raw or bool(part._hints or part._statement_hints)
    if isinstance(getattr(part, "operator", None), operators.custom_op):
        raw = True
    if raw:
        raise TenancyError("raw SQL inside a statement in a tenant's transaction")


def _sources(statement: Update | Delete, *values: Any) -> list[FromClause]:
    """Return the table written and what else its condition or its values read (UPDATE ... FROM)."""
    found: dict[int, Any] = {id(statement.table): statement.table}
    waiting: list[Any] = [statement.whereclause, *values]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, ClauseElement) or isinstance(part, Select):  # a scope of its own
            continue
        table = getattr(part, "table", None)
        if isinstance(table, FromClause):
            found[id(table)] = table
        else:
            waiting += part.get_children()
    return list(found.values())


def _written(table: Any) -> None:
    if not isinstance(table, Table) or not tenancy.writable(table):
        raise TenancyError(f"a tenant's transaction may not write {getattr(table, 'name', table)}")


def _unmoved(statement: Update, rows: Sequence[Params]) -> None:
    named = {getattr(c, "name", c) for c in (statement._values or {})}
    if "tenant" in named or any("tenant" in r for r in rows):
        raise TenancyError("a tenant's transaction may not change whose a row is")


def _inserted(statement: Insert, tenant: str, rows: Sequence[Params]) -> None:
    _written(statement.table)
    if statement.select is not None:
        raise TenancyError("INSERT from SELECT in a tenant's transaction")
    conflict = statement._post_values_clause
    if conflict is not None and conflict.__visit_name__ != "on_conflict_do_nothing":
        raise TenancyError("an INSERT that may change other rows in a tenant's transaction")
    for row in _rows(statement, rows):
        if row.get("tenant") != tenant:
            raise TenancyError(f"a row for another tenant in an INSERT into {statement.table.name}")


def _rows(statement: Insert, params: Sequence[Params]) -> Iterator[dict[str, Any]]:
    """Yield what an INSERT writes, by column name."""
    single = {_name(column): value for column, value in (statement._values or {}).items()}
    several: list[Any] = [row for rows in statement._multi_values for row in rows]
    for row in several:
        if not isinstance(row, Mapping):
            raise TenancyError("rows without column names in a tenant's transaction")
        if any(isinstance(value, ClauseElement) for value in row.values()):
            raise TenancyError("rows with expressions in a tenant's transaction")
        yield {_name(column): value for column, value in row.items()}
    for given in () if several else params or [{}]:
        # A parameter is a column's value, or the value of a named parameter that stands for one.
        yield {name: value_of(value, given) for name, value in {**single, **given}.items()}


def _name(column: Any) -> str:
    return str(getattr(column, "name", column))


def _tied(sources: Sequence[FromClause], where: Any, tenant: str, rows: Sequence[Params]) -> None:
    scope = Scope(tenant, rows)
    for source in sources:
        scope.add(source)
    scope.conditions(where, None)
    if loose := scope.loose():
        raise TenancyError(f"a statement on {', '.join(loose)} that is not kept to the tenant")
