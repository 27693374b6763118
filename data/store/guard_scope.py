"""The tables of one SELECT, UPDATE or DELETE, and what ties their tenants: the reasoning of `guard`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Table
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import AliasedReturnsRows, FromGrouping, Join, SelectBase

from data.store import tenancy

Params = Mapping[str, Any]
"""What is bound by one execution of a statement, by name."""


class TenancyError(Exception):
    """A statement in a tenant's transaction could reach another tenant's rows; it was not sent."""


class Scope:
    """Grows by FROM elements and conditions; then says which tables nothing ties to the tenant."""

    def __init__(self, tenant: str, params: Sequence[Params]) -> None:
        self._tenant, self._params = tenant, params or [{}]
        self.tables: dict[int, str] = {}
        self.tied: set[int] = set()
        self._edges: list[tuple[int, int]] = []  # when the first is tied, so is the second

    def add(self, source: Any) -> set[int]:
        """Take in a FROM element; return the tables in it."""
        if isinstance(source, FromGrouping):
            return self.add(source.element)
        if isinstance(source, Join):
            left, right = self.add(source.left), self.add(source.right)
            if not source.full:
                self.conditions(source.onclause, right if source.isouter else None)
            return left | right
        inner = source
        while isinstance(inner, AliasedReturnsRows):
            inner = inner.element
        if isinstance(inner, SelectBase | UpdateBase):
            return set()  # a sub-query or a common table expression is a scope of its own
        if not isinstance(inner, Table):
            raise TenancyError("a tenant's transaction may read tables only")
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
            values = [value_of(right, p) for p in self._params]
            if all(isinstance(v, list | tuple | set) and set(v) <= {self._tenant} for v in values):
                self.tied.add(column)

    def _is_tenant(self, value: BindParameter[Any]) -> bool:
        return all(value_of(value, p) == self._tenant for p in self._params)

    def loose(self) -> list[str]:
        """Return the names of the tables that nothing ties."""
        grew = True
        while grew:
            fresh = {b for a, b in self._edges if a in self.tied} - self.tied
            self.tied |= fresh
            grew = bool(fresh)
        return sorted(name for key, name in self.tables.items() if key not in self.tied)


def value_of(value: Any, params: Params) -> Any:
    """Return what a value of a statement is when `params` are bound."""
    if isinstance(value, BindParameter):
        return params.get(value.key, value.effective_value)
    return value


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
