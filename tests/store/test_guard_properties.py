"""Whatever statement the guard lets pass, another client's rows make no difference to it, nor it to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Connection,
    Engine,
    and_,
    create_engine,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import OperationalError

from data.store.guard import TenancyError, check
from data.store.schema import jobs, people

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERSON = dict.fromkeys(("email", "employee_id", "phone", "iban", "national_id", "address"), "")
JOB: dict[str, Any] = {
    "payload": {},
    "state": "new",
    "run_at": NOW,
    "attempts": 0,
    "fence": 0,
    "created_at": NOW,
}
WORD = {"people": "name", "jobs": "dedupe_key"}  # a column whose values both clients have
BUDGET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def filled(*tenants: str) -> Engine:
    engine = create_engine("sqlite://")
    for table in (people, jobs):
        table.create(engine)
    with engine.begin() as conn:
        for tenant in tenants:
            for n, word in enumerate(("x", "y", tenant)):  # some that both have, and one of its own
                conn.execute(insert(people).values(tenant=tenant, position=n, name=word, **PERSON))
                conn.execute(insert(jobs).values(tenant=tenant, dedupe_key=word, kind=tenant, **JOB))
    return engine


@pytest.fixture(scope="module")
def both() -> Engine:
    return filled("acme", "globex")


@pytest.fixture(scope="module")
def alone() -> Engine:
    return filled("acme")


def word(table: Any) -> Any:
    return next(c for c in table.c if c.name in WORD.values())


def ties(table: Any) -> st.SearchStrategy[Any]:
    tenant = table.c.tenant
    return st.sampled_from([tenant == "acme", literal("acme") == tenant, tenant.in_(["acme"])])


def loose(table: Any) -> st.SearchStrategy[Any]:
    """Give conditions that look like a tie and are none."""
    tenant = table.c.tenant
    said = [tenant != "globex", tenant == "globex", or_(tenant == "acme", word(table) == "x")]
    said += [not_(tenant == "acme"), tenant.in_(["acme", "globex"]), tenant >= "acme", word(table) == "x"]
    return st.sampled_from(said)


@st.composite
def sources(draw: st.DrawFn, depth: int) -> Any:
    if depth and draw(st.integers(0, 3)) == 0:
        inner = draw(selects(depth - 1))
        return draw(st.sampled_from([inner.subquery(), inner.cte()]))
    table = draw(st.sampled_from([people, jobs])).alias()
    return draw(st.sampled_from([table, table, table.alias()]))


@st.composite
def conditions(draw: st.DrawFn, tables: list[Any], depth: int) -> list[Any]:
    found: list[Any] = []
    for table in tables:
        chance = draw(st.integers(0, 9))
        found += [draw(ties(table))] if chance < 6 else [draw(loose(table))] if chance < 8 else []
    if len(tables) > 1 and draw(st.booleans()):
        one, other = draw(st.permutations(tables))[:2]
        found.append(draw(st.sampled_from([one.c.tenant == other.c.tenant, word(one) == word(other)])))
    if depth and draw(st.integers(0, 3)) == 0:
        inner = draw(selects(depth - 1))
        names = select(inner.subquery().c.name)
        found.append(draw(st.sampled_from([exists(names), not_(exists(names)), word(tables[0]).in_(names)])))
    return draw(st.sampled_from([found, [and_(*found)] if found else []]))


@st.composite
def selects(draw: st.DrawFn, depth: int = 2) -> Any:
    """Give a SELECT of one column called `name`, of up to three sources joined in any way."""
    first = draw(sources(depth))
    used, joined = [first], first
    for _ in range(draw(st.integers(0, 2))):
        following = draw(sources(depth))
        on = and_(*draw(conditions([*used, following], 0)), literal(1) == 1)
        how = draw(st.sampled_from([{}, {"isouter": True}, {"full": True}]))
        joined = joined.join(following, on, **how)
        used.append(following)
    tenant, name = draw(st.sampled_from(used)).c.tenant, word(draw(st.sampled_from(used)))
    if draw(st.booleans()):
        tenant, name = func.max(tenant), func.count(name)
    query = select(tenant.label("tenant"), name.label("name")).select_from(joined)
    query = query.where(*draw(conditions(used, depth)))
    if depth and draw(st.integers(0, 5)) == 0:
        return union_all(query, select(draw(selects(depth - 1)).subquery()))
    return query


def passes(statement: Any) -> bool:
    try:
        check(statement, "acme")
    except TenancyError:
        return False
    return True


def rows(engine: Engine, statement: Any) -> list[Any]:
    with engine.connect() as conn:
        return sorted(map(tuple, conn.execute(statement)), key=str)


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as conn, conn.begin() as transaction:
        yield conn
        transaction.rollback()


@pytest.mark.filterwarnings("ignore:.*cartesian product")
@given(selects())
@settings(BUDGET, max_examples=150)
def test_a_query_that_passes_finds_what_it_would_find_without_the_others(
    both: Engine, alone: Engine, query: Any
) -> None:
    assume(passes(query))
    try:
        found = rows(both, query)
    except OperationalError:  # SQLite takes no outer join that looks to its right: nothing was read
        assume(False)
    assert found == rows(alone, query)


@pytest.mark.filterwarnings("ignore:.*cartesian product")
@given(st.data())
@settings(BUDGET, max_examples=100)
def test_a_change_that_passes_leaves_the_others_as_they_were(
    both: Engine, alone: Engine, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from([people, jobs]))
    where = data.draw(conditions([target], 2))
    change: Any = delete(target)
    if data.draw(st.booleans()):
        other = data.draw(st.sampled_from([people, jobs])).alias()
        where += data.draw(conditions([target, other], 0)) if data.draw(st.booleans()) else []
        written = target.c.phone if target is people else target.c.kind
        change = update(target).values({written: data.draw(st.sampled_from([literal("new"), word(other)]))})
    change = change.where(*where)
    assume(passes(change))
    seen = []
    for engine in (both, alone):
        with rolled_back(engine) as conn:
            conn.execute(change)
            seen.append([conn.execute(select(t).where(t.c.tenant == "acme")).all() for t in (people, jobs)])
            theirs = [conn.execute(select(t).where(t.c.tenant == "globex")).all() for t in (people, jobs)]
            assert theirs == [rows_of(engine, t) for t in (people, jobs)]
    assert seen[0] == seen[1]


def rows_of(engine: Engine, table: Any) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(select(table).where(table.c.tenant == "globex")).all())


@st.composite
def tied(draw: st.DrawFn, depth: int = 2) -> tuple[Any, bool]:
    """Give a SELECT, and whether each of its tables, at every depth, has a tie of its own in WHERE."""
    used, good = [], True
    query = select(literal("x").label("name"))
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.integers(0, 2)) == 0:
            inner, kept = draw(tied(depth - 1))
            used.append(draw(st.sampled_from([inner.subquery(), inner.cte()])))
            good = good and kept
            continue
        table = draw(st.sampled_from([people, jobs])).alias()
        used.append(table)
        kept = draw(st.integers(0, 5)) > 0
        query = query.where(draw(ties(table) if kept else loose(table)))
        good = good and kept
    query = query.select_from(*used)
    if depth and draw(st.booleans()):
        inner, kept = draw(tied(depth - 1))
        good = good and kept
        if draw(st.booleans()):
            return union_all(query, select(inner.subquery())), good
        query = query.where(draw(st.sampled_from([exists(inner), literal("x").in_(inner)])))
    return query, good


@given(tied())
@settings(BUDGET, max_examples=100)
def test_a_query_passes_when_each_of_its_tables_is_tied_and_only_then(drawn: tuple[Any, bool]) -> None:
    query, good = drawn
    assert passes(query) == good
