"""Which statements a tenant's transaction may send: what is not proven to be its own is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import (
    DDL,
    bindparam,
    column,
    create_engine,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    tablesample,
    text,
    true,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import DropTable

from data.store import Store, guard, open_store
from data.store.guard import TenancyError, check
from data.store.schema import decisions, inbox, jobs, outbox, people, switches, tickets

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OURS = outbox.c.tenant == "acme"
THEIRS = select(people.c.name).scalar_subquery()
A, B, C = outbox.alias("a"), tickets.alias("b"), people.alias("c")
A_OURS, B_OURS = A.c.tenant == "acme", B.c.tenant == "acme"
TIED = B.c.tenant == A.c.tenant
GIVEN = outbox.c.tenant == bindparam("whose")

ACCEPTED: dict[str, Any] = {
    "equal": select(outbox).where(OURS),
    "equal, the other way round": select(outbox).where(literal("acme") == outbox.c.tenant),
    "in": select(outbox).where(outbox.c.tenant.in_(["acme", "acme"])),
    "in nothing": select(outbox).where(outbox.c.tenant.in_([])),
    "with another condition": select(outbox).where(OURS, outbox.c.op_id == "1"),
    "nested and": select(outbox).where(true() & (OURS & (outbox.c.op_id == "1"))),
    "after a condition of another kind": select(outbox).where(or_(A.c.op_id == "1", A_OURS), OURS, A_OURS),
    "in brackets": select(outbox).where(OURS.self_group()),
    "alias": select(A).where(A_OURS),
    "alias of an alias": select(x := A.alias()).where(x.c.tenant == "acme"),
    "two tables": select(A, B).where(A_OURS, B_OURS),
    "join, tied to each other": select(A.join(B, TIED)).where(A_OURS),
    "join, tied to each other in where": select(A, B).where(A.c.tenant == B.c.tenant, B_OURS),
    "join, both in on": select(A.join(B, A_OURS & B_OURS)),
    "outer join, right in on": select(A.outerjoin(B, B_OURS)).where(A_OURS),
    "outer join, right tied to left": select(A.outerjoin(B, TIED)).where(A_OURS),
    "outer join, right of two in on": select(
        A.outerjoin(B.join(C, true()), B_OURS & (C.c.tenant == "acme"))
    ).where(A_OURS),
    "full join, both in where": select(A.join(B, true(), full=True)).where(A_OURS, B_OURS),
    "join in brackets": select(C.join(A.join(B, TIED), true())).where(B_OURS, C.c.tenant == "acme"),
    "three in a row": select(A, B, C).where(C.c.tenant == B.c.tenant, TIED, A_OURS),
    "sub-query": select(select(outbox.c.op_id).where(OURS).subquery()),
    "cte": select(select(outbox).where(OURS).cte()),
    "lateral": select(A.join(select(outbox).where(OURS).lateral(), true())).where(A_OURS),
    "union": union(
        select(outbox.c.op_id).where(OURS), select(people.c.name).where(people.c.tenant == "acme")
    ),
    "exists": select(A).where(A_OURS, exists().where(B_OURS)),
    "count": select(func.count()).select_from(outbox).where(OURS),
    "shared table": select(switches),
    "shared table beside": select(outbox).where(
        OURS, outbox.c.project.not_in(select(switches.c.project).where(switches.c.paused))
    ),
    "no table": select(literal(1)),
    "update": update(outbox).where(OURS).values(state="dead"),
    "update from": update(outbox).where(OURS, people.c.tenant == "acme").values(kind=people.c.name),
    "delete": delete(outbox).where(OURS, outbox.c.op_id == "1"),
    "delete using": delete(outbox).where(OURS, people.c.tenant == outbox.c.tenant),
    "insert": insert(outbox).values(tenant="acme", op_id="1"),
    "insert by columns": insert(outbox).values({outbox.c.tenant: "acme"}),
    "insert of several by columns": insert(people).values([{people.c.tenant: "acme", people.c.position: 1}]),
    "insert of several": insert(people).values([{"tenant": "acme", "position": n} for n in (1, 2)]),
    "insert unless there": sqlite.insert(outbox).values(tenant="acme").on_conflict_do_nothing(),
    "insert unless there, postgresql": postgresql.insert(outbox)
    .values(tenant="acme")
    .on_conflict_do_nothing()
    .returning(outbox.c.op_id),
    "insert with a sub-query": insert(outbox).values(
        tenant="acme", kind=select(people.c.name).where(people.c.tenant == "acme").scalar_subquery()
    ),
}

REFUSED: dict[str, Any] = {
    "everything": select(outbox),
    "another's": select(outbox).where(outbox.c.tenant == "globex"),
    "not ours": select(outbox).where(outbox.c.tenant != "acme"),
    "not": select(outbox).where(not_(OURS)),
    "not in": select(outbox).where(outbox.c.tenant.not_in(["acme"])),
    "in two": select(outbox).where(outbox.c.tenant.in_(["acme", "globex"])),
    "in a query": select(outbox).where(outbox.c.tenant.in_(select(literal("acme")))),
    "or": select(outbox).where(or_(OURS, outbox.c.op_id == "1")),
    "greater": select(outbox).where(outbox.c.tenant >= "acme"),
    "like": select(outbox).where(outbox.c.tenant.like("acme")),
    "another column": select(outbox).where(outbox.c.project == "acme"),
    "another column in": select(outbox).where(outbox.c.project.in_(["acme"])),
    "a function of it": select(outbox).where(func.lower(outbox.c.tenant) == "acme"),
    "equal to what is read": select(outbox).where(outbox.c.tenant == func.lower("acme")),
    "the tenant of another table": select(A).where(OURS.self_group()),
    "tuple": select(outbox).where(tuple_(outbox.c.tenant, outbox.c.op_id) == ("acme", "1")),
    "column of no table": select(outbox).where(column("tenant") == "acme"),
    "alias of an alias": select(A.alias()),
    "sample": select(tablesample(outbox, 100)),
    "two tables, one tied": select(A, B).where(A_OURS),
    "join, one tied": select(A.join(B, A.c.ticket_id == B.c.ticket_id)).where(A_OURS),
    "join in brackets": select(C.join(A.join(B, true()), true())).where(C.c.tenant == "acme"),
    "outer join, left in on": select(A.outerjoin(B, A_OURS & TIED)),
    "outer join, left in in of on": select(A.outerjoin(B, A.c.tenant.in_(["acme"]))).where(B_OURS),
    "outer join, left tied to right": select(A.outerjoin(B, TIED)).where(B_OURS),
    "full join, in on": select(A.join(B, A_OURS & B_OURS, full=True)),
    "full join, tied to each other": select(A.join(B, TIED, full=True)).where(A_OURS),
    "tied to each other alone": select(A, B).where(TIED),
    "sub-query": select(select(outbox.c.op_id).subquery()),
    "sub-query, filtered outside": select(x := select(outbox).subquery()).where(x.c.tenant == "acme"),
    "cte": select(select(outbox).cte()),
    "lateral": select(A.join(select(outbox).lateral(), true())).where(A_OURS),
    "cte beside": select(outbox).where(OURS).add_cte(select(people).cte()),
    "deleting cte": select(delete(outbox).returning(outbox.c.op_id).cte()),
    "union": union(select(outbox.c.op_id).where(OURS), select(people.c.name)),
    "column": select(THEIRS),
    "order": select(outbox).where(OURS).order_by(THEIRS),
    "having": select(func.count()).select_from(A).where(A_OURS).group_by(A.c.op_id).having(THEIRS == "x"),
    "exists": select(A).where(A_OURS, exists().where(A.c.ticket_id == B.c.ticket_id)),
    "on": select(A.join(B, TIED & (THEIRS == "x"))).where(A_OURS),
    "the desk's table": select(inbox),
    "the desk's table, joined": select(A.join(inbox, true())).where(A_OURS),
    "a table by its name": select(table("outbox", column("op_id"))),
    "a function as a table": select(func.json_each("[]").table_valued("value")),
    "text": text("SELECT 1"),
    "text as a statement": text("SELECT op_id FROM outbox").columns(outbox.c.op_id),
    "text in a condition": select(outbox).where(OURS, text("1 = 1")),
    "text in a column": select(literal_column("(SELECT max(op_id) FROM outbox)")),
    "text in an operator": select(outbox).where(OURS, outbox.c.op_id.op("= '' OR 1 =")(1)),
    "text in front": select(outbox).where(OURS).prefix_with("op_id,"),
    "text behind": select(outbox).where(OURS).suffix_with("UNION SELECT * FROM outbox"),
    "text in front of an insert": insert(outbox).values(tenant="acme").prefix_with("OR REPLACE"),
    "a hint": select(outbox).where(OURS).with_hint(outbox, "x"),
    "a hint for all": select(outbox).where(OURS).with_statement_hint("x"),
    "text in a definition": DDL("DELETE FROM outbox"),
    "a definition": DropTable(outbox),
    "a function": func.now(),
    "a string": "SELECT 1",
    "update": update(outbox).values(state="dead"),
    "update of another's": update(outbox).where(outbox.c.tenant == "globex").values(state="dead"),
    "update of whose it is": update(outbox).where(OURS).values(tenant="globex"),
    "update of whose it is, by name": update(outbox).where(OURS).values({"tenant": "globex"}),
    "update of whose it is, in order": update(outbox).where(OURS).ordered_values((outbox.c.tenant, "globex")),
    "update from, in where": update(outbox).where(OURS, people.c.name == outbox.c.kind).values(kind="x"),
    "update from, beside a sub-query": update(outbox)
    .where(OURS, people.c.name == "x", exists().where(B_OURS))
    .values(kind="x"),
    "update from, in values": update(outbox).where(OURS).values(kind=people.c.name),
    "update from, inside a value": update(outbox).where(OURS).values(kind=func.lower(people.c.name)),
    "update by a sub-query": update(outbox).where(OURS).values(kind=THEIRS),
    "update where a sub-query": update(outbox).where(OURS, exists().where(people.c.name == "x")),
    "update of a table that is read only": update(tickets).where(tickets.c.tenant == "acme").values(state=""),
    "update of the desk's table": update(inbox).values(body=""),
    "update of an alias": update(A).where(A_OURS).values(state="dead"),
    "delete": delete(outbox),
    "delete using": delete(outbox).where(OURS, people.c.name == outbox.c.kind),
    "delete of a table that is read only": delete(tickets).where(tickets.c.tenant == "acme"),
    "insert without a tenant": insert(outbox).values(op_id="1"),
    "insert of nothing": insert(outbox),
    "insert for another": insert(outbox).values(tenant="globex"),
    "insert into a table that is read only": insert(tickets).values(tenant="acme", ticket_id="1"),
    "insert into the desk's table": insert(inbox).values(event_key="1"),
    "insert of several, one for another": insert(people).values([{"tenant": "acme"}, {"tenant": "globex"}]),
    "insert of several without names": insert(people).values([("acme", 1), ("globex", 2)]),
    "insert of several with a sub-query": insert(people).values([{"tenant": "acme", "name": THEIRS}]),
    "insert with a sub-query": insert(outbox).values(tenant="acme", kind=THEIRS),
    "insert returning a sub-query": insert(outbox).values(tenant="acme").returning(THEIRS),
    "insert from select": insert(outbox).from_select(["tenant"], select(literal("acme"))),
    "insert or update": sqlite.insert(outbox)
    .values(tenant="acme")
    .on_conflict_do_update(index_elements=["op_id"], set_={"kind": "x"}),
    "insert or update, postgresql": postgresql.insert(outbox)
    .values(tenant="acme")
    .on_conflict_do_update(index_elements=["op_id"], set_={"tenant": "acme"}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_kept_to_the_tenant_is_sent(name: str) -> None:
    check(ACCEPTED[name], "acme")
    if name not in ("shared table", "no table", "in nothing"):
        with pytest.raises(TenancyError):
            check(ACCEPTED[name], "globex")


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_reach_further_is_not_sent(name: str) -> None:
    with pytest.raises(TenancyError):
        check(REFUSED[name], "acme")


def _accepts(statement: Any, *rows: dict[str, Any]) -> bool:
    try:
        check(statement, "acme", rows)
    except TenancyError:
        return False
    return True


def test_what_is_bound_decides_not_what_was_written() -> None:
    ours, theirs = {"whose": "acme"}, {"whose": "globex"}
    assert _accepts(select(outbox).where(GIVEN), ours)
    assert not _accepts(select(outbox).where(GIVEN), theirs)
    assert not _accepts(select(outbox).where(GIVEN))
    assert not _accepts(select(outbox).where(outbox.c.tenant == bindparam("whose", "acme")), theirs)
    assert _accepts(select(outbox).where(outbox.c.tenant == bindparam("whose", "acme")), {"other": "globex"})
    changed = update(outbox).where(GIVEN).values(state="dead")
    assert _accepts(changed, ours, ours)
    assert not _accepts(changed, ours, theirs), "of many executions each counts"
    assert not _accepts(changed, ours, ours | {"tenant": "globex"})
    gone = delete(outbox).where(GIVEN)
    assert _accepts(gone, ours)
    assert not _accepts(gone, theirs)
    some = select(outbox).where(outbox.c.tenant.in_(bindparam("whose", ["acme"], expanding=True)))
    assert _accepts(some)
    assert _accepts(some, {"whose": ("acme",)})
    assert not _accepts(some, {"whose": ["acme", "globex"]})
    assert not _accepts(some, {"whose": ["acme"]}, {"whose": ["globex"]})
    assert not _accepts(some, {"whose": "acme"}), "a string is not a list of tenants"


def test_each_row_of_an_insert_is_the_tenants() -> None:
    ours, theirs = {"tenant": "acme", "op_id": "1"}, {"tenant": "globex", "op_id": "2"}
    assert _accepts(insert(outbox), ours, ours)
    assert not _accepts(insert(outbox), ours, theirs)
    assert not _accepts(insert(outbox).values(tenant="acme"), theirs), "what is given with it goes first"
    assert _accepts(insert(outbox).values(tenant="globex"), ours)
    assert _accepts(insert(outbox).values(tenant="acme"), {"op_id": "1"})
    named = insert(outbox).values(tenant=bindparam("whose", "acme"))
    assert _accepts(named, {"op_id": "1"})
    assert _accepts(named, {"whose": "acme"})
    assert not _accepts(named, {"whose": "globex"})


def test_refusals_name_the_table_and_nothing_else() -> None:
    secret = "the text of a ticket"
    both = select(people, outbox).where(outbox.c.kind == secret)
    with pytest.raises(TenancyError) as refused:
        check(both, "acme")
    assert str(refused.value) == "a statement on outbox, people that is not kept to the tenant"
    for statement, words in (
        (insert(outbox).values(tenant="globex", kind=secret), "INSERT into outbox"),
        (insert(inbox).values(body=secret), "may not write inbox"),
        (update(A).values(kind=secret), "may not write a"),
        (select(inbox), "may not touch inbox"),
    ):
        with pytest.raises(TenancyError, match=words) as refused:
            check(statement, "acme")
        assert secret not in str(refused.value)


@pytest.fixture
def people_of_two(sqlite_url: str) -> Any:
    facts = dict.fromkeys(("name", "email", "employee_id", "phone", "iban", "national_id", "address"), "x")
    with open_store(sqlite_url) as store:
        with store.write() as conn:
            conn.execute(insert(people), [{"tenant": t, "position": 1, **facts} for t in ("acme", "globex")])
        yield store


def test_the_wall_stands_for_the_length_of_the_block(people_of_two: Store) -> None:
    with people_of_two.write() as conn:
        assert guard.tenant_of(conn) is None
        with guard.keeping_to(conn, "acme"):
            assert guard.tenant_of(conn) == "acme"
            with guard.keeping_to(conn, "globex"):
                assert guard.tenant_of(conn) == "globex"
            with pytest.raises(RuntimeError), guard.keeping_to(conn, None):
                assert len(conn.execute(select(people)).all()) == 2
                raise RuntimeError("also after an exception")
            assert guard.tenant_of(conn) == "acme"
            with pytest.raises(TenancyError):
                conn.execute(select(people))
        assert guard.tenant_of(conn) is None
        assert len(conn.execute(select(people)).all()) == 2


def test_what_is_bound_is_looked_at_when_it_is_sent(people_of_two: Store) -> None:
    whose = select(people.c.tenant).where(people.c.tenant == bindparam("whose"))
    added = insert(people).values(
        dict.fromkeys(("name", "email", "employee_id", "phone", "iban", "national_id", "address"), "")
    )
    with people_of_two.tenant("acme").write() as conn:
        assert conn.execute(whose, {"whose": "acme"}).scalars().all() == ["acme"]
        with pytest.raises(TenancyError):
            conn.execute(whose, {"whose": "globex"})
        conn.execute(added, [{"tenant": "acme", "position": n} for n in (2, 3)])
        with pytest.raises(TenancyError):
            conn.execute(added, [{"tenant": "acme", "position": 4}, {"tenant": "globex", "position": 4}])
    with people_of_two.read() as conn:
        assert conn.execute(select(func.count()).select_from(people)).scalar() == 4


def test_nothing_goes_around_the_wall(people_of_two: Store) -> None:
    with people_of_two.tenant("acme").write() as conn:
        for raw in ("SELECT * FROM people", "DELETE FROM people"):
            with pytest.raises(TenancyError, match="raw SQL"):
                conn.exec_driver_sql(raw)
        with conn.begin_nested() as savepoint:
            conn.execute(delete(people).where(people.c.tenant == "acme"))
            savepoint.rollback()
        with conn.begin_nested():
            assert len(conn.execute(select(people).where(people.c.tenant == "acme")).all()) == 1
    with people_of_two.write() as conn:
        assert len(conn.exec_driver_sql("SELECT * FROM people").all()) == 2, "the desk may"


def test_an_engine_that_is_not_watched_asks_nobody() -> None:
    """So that the test above shows what `watch` does."""
    engine = create_engine("sqlite://")
    with engine.connect() as conn, guard.keeping_to(conn, "acme"):
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1
    guard.watch(engine)
    with engine.connect() as conn, guard.keeping_to(conn, "acme"), pytest.raises(TenancyError):
        conn.exec_driver_sql("SELECT 1")


def test_read_only_tables_can_be_read() -> None:
    check(select(decisions, jobs).where(decisions.c.tenant == "acme", jobs.c.tenant == "acme"), "acme")
