"""Inside a tenant's transaction every statement is kept to that tenant, or it is not sent.

SQLite has no row-level security; there this is the wall. On PostgreSQL it stands before the database's
own, so that code that works on one works on the other. What it proves, from the statement itself:

- every use of a tenant table, in sub-queries and joins too, is tied to the tenant by `tenant = :value`
  (or `IN` of that value alone), directly or through `a.tenant = b.tenant`, in a place that filters it;
- every row inserted carries the tenant, no update changes it, and only tables that `tenancy.writable`
  allows are written;
- nothing else is touched, and no raw SQL runs, because nothing can be proved about it.

A refusal is a mistake in our code, hence no `FirstlineError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ColumnElement,
    Grouping,
)
from sqlalchemy.sql.selectable import Alias, FromClause, Join, Select

from data.store import tenancy

TENANT_OPTION = "firstline_tenant"
_Column = tuple[int, str]


class TenancyError(Exception):
    """A statement in a tenant's transaction could reach another tenant's rows; it was not sent."""


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
        rows = list(multi) or ([params] if params else [])
        flat = [r for given in rows for r in (given if isinstance(given, list | tuple) else [given])]
        check(statement, tenant, flat)


def _before_cursor(conn: Connection, *rest: Any) -> None:
    context = rest[3]  # after cursor, statement and parameters
    if tenant_of(conn) is not None and getattr(context, "compiled", None) is None:
        raise TenancyError("raw SQL in a tenant's transaction")


def check(statement: Any, tenant: str, rows: Sequence[Mapping[str, Any]] = ()) -> None:
    """Raise `TenancyError` where `statement` with the parameters `rows` is not kept to `tenant`."""
    if not isinstance(statement, visitors.Visitable) or statement.__visit_name__ in ("textclause", "text"):
        raise TenancyError("raw SQL in a tenant's transaction")
    parts: Any = statement
    for part in visitors.iterate(parts):
        if part.__visit_name__ in ("textclause", "textual_select", "text"):
            raise TenancyError("raw SQL inside a statement in a tenant's transaction")
        if isinstance(part, Select):
            _tied(part.get_final_froms(), part.whereclause, tenant, rows)
        elif isinstance(part, Insert):
            _inserted(part, tenant, rows)
        elif isinstance(part, Update):
            _written(part.table)
            _unmoved(part, rows)
            _tied(_sources(part), part.whereclause, tenant, rows)
        elif isinstance(part, Delete):
            _written(part.table)
            _tied(_sources(part), part.whereclause, tenant, rows)


def _sources(statement: Update | Delete) -> list[Any]:
    """Return the table written and what else its condition reads (UPDATE ... FROM)."""
    found: dict[int, Any] = {id(statement.table): statement.table}
    waiting: list[Any] = [statement.whereclause]
    while waiting:
        part = waiting.pop()
        if part is None or isinstance(part, Select):  # a scope of its own
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


def _unmoved(statement: Update, rows: Sequence[Mapping[str, Any]]) -> None:
    named = {getattr(c, "name", c) for c in (statement._values or {})}
    if "tenant" in named or any("tenant" in r for r in rows):
        raise TenancyError("a tenant's transaction may not change whose a row is")


def _inserted(statement: Insert, tenant: str, rows: Sequence[Mapping[str, Any]]) -> None:
    table = statement.table
    _written(table)
    if statement.select is not None:
        raise TenancyError("INSERT from SELECT in a tenant's transaction")
    given: list[Mapping[Any, Any]] = [dict(r) for r in rows]
    single: dict[Any, Any] = {getattr(k, "name", k): v for k, v in (statement._values or {}).items()}
    for several in statement._multi_values:
        rows_given: Any = several
        for row in rows_given:
            if not isinstance(row, Mapping):
                raise TenancyError("rows without column names in a tenant's transaction")
            given.append({getattr(k, "name", k): v for k, v in row.items()})
    for one in given or [{}]:
        if _value({**single, **one}.get("tenant"), {}) != tenant:
            raise TenancyError(f"a row for another tenant in an INSERT into {table.name}")
    conflict = statement._post_values_clause
    if conflict is not None and conflict.__visit_name__ == "on_conflict_do_update":
        target = {getattr(c, "name", c) for c in (getattr(conflict, "inferred_target_elements", None) or ())}
        changed = {getattr(c, "name", c) for c, _ in getattr(conflict, "update_values_to_set", ())}
        if "tenant" not in target or "tenant" in changed:
            raise TenancyError(f"ON CONFLICT DO UPDATE beyond the tenant's own rows of {table.name}")


def _value(value: Any, params: Mapping[str, Any]) -> Any:
    if isinstance(value, BindParameter):
        return params.get(value.key, value.effective_value)
    return value


class _Scope:
    """The tables of one SELECT, UPDATE or DELETE and what ties their tenants."""

    def __init__(self, tenant: str, params: Sequence[Mapping[str, Any]]) -> None:
        self._tenant, self._params = tenant, params or [{}]
        self.tables: dict[int, str] = {}
        self.tied: set[int] = set()
        self._edges: list[tuple[int, int]] = []  # when the first is tied, so is the second

    def add(self, source: FromClause) -> set[int]:
        """Take in a FROM element; return the tables in it."""
        if isinstance(source, Join):
            left, right = self.add(source.left), self.add(source.right)
            if not source.full:
                self.conditions(source.onclause, right if source.isouter else None)
            return left | right
        inner = source.element if isinstance(source, Alias) else source
        if not isinstance(inner, Table):
            return set()  # a sub-query is a scope of its own
        if inner.name in tenancy.SHARED:
            return set()
        if not tenancy.belongs_to_tenants(inner):
            raise TenancyError(f"a tenant's transaction may not touch {inner.name}")
        self.tables[id(source)] = inner.name
        return {id(source)}

    def conditions(self, clause: Any, only: set[int] | None) -> None:
        """Take in what must hold. `only`: the tables that it filters (the right side of an outer join)."""
        for part in _conjuncts(clause):
            if not isinstance(part, BinaryExpression):
                continue
            if part.operator is operators.eq:
                self._equal(part.left, part.right, only)
            elif part.operator is operators.in_op:
                self._within(part.left, part.right, only)

    def _equal(self, left: Any, right: Any, only: set[int] | None) -> None:
        a, b = _tenant_column(left), _tenant_column(right)
        for one, other, value in ((a, b, right), (b, a, left)):
            if one is None or (only is not None and one not in only):
                continue
            if other is not None:
                self._edges.append((other, one))
            elif isinstance(value, BindParameter) and self._is_tenant(value):
                self.tied.add(one)

    def _within(self, left: Any, right: Any, only: set[int] | None) -> None:
        column = _tenant_column(left)
        if column is None or (only is not None and column not in only):
            return
        if isinstance(right, BindParameter):
            values = [_value(right, p) for p in self._params]
            if all(isinstance(v, list | tuple | set) and set(v) <= {self._tenant} for v in values):
                self.tied.add(column)

    def _is_tenant(self, value: BindParameter[Any]) -> bool:
        return all(_value(value, p) == self._tenant for p in self._params)

    def loose(self) -> list[str]:
        """Return the names of the tables that nothing ties."""
        grew = True
        while grew:
            fresh = {b for a, b in self._edges if a in self.tied} - self.tied
            self.tied |= fresh
            grew = bool(fresh)
        return sorted(name for key, name in self.tables.items() if key not in self.tied)


def _tied(
    sources: Iterable[Any],
    where: ColumnElement[bool] | None,
    tenant: str,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    scope = _Scope(tenant, rows)
    for source in sources:
        scope.add(source)
    scope.conditions(where, None)
    if loose := scope.loose():
        raise TenancyError(f"a statement on {', '.join(loose)} that is not kept to the tenant")


def _conjuncts(clause: Any) -> Iterator[Any]:
    if isinstance(clause, Grouping):
        yield from _conjuncts(clause.element)
    elif isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjuncts(part)
    elif clause is not None:
        yield clause


def _tenant_column(side: Any) -> int | None:
    table = getattr(side, "table", None)
    return id(table) if table is not None and getattr(side, "name", None) == "tenant" else None
