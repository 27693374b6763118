"""One client's transactions cannot see or change another's rows, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Table, insert, inspect, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from data.errors import StorageError
from data.store import Store, outbox, tenancy
from data.store.guard import TenancyError
from data.store.schema import decisions, inbox, metadata, people, tickets
from data.store.schema import outbox as effects

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def two(store: Store) -> Store:
    with store.write() as conn:
        for tenant in ("acme", "globex"):
            outbox.enqueue(conn, f"op-{tenant}", tenant, f"3-{tenant}", "fields", {}, AT)
    return store


def test_a_tenant_reads_its_own_rows_only(two: Store) -> None:
    with two.tenant("acme").read() as conn:
        assert [o.op_id for o in outbox.of_ticket(conn, "acme", "3-acme")] == ["op-acme"]
        with pytest.raises(TenancyError):
            outbox.of_ticket(conn, "globex", "3-globex")


@pytest.mark.parametrize("name", ["acme\x00", "\x00", "\ud800"])
def test_a_name_that_no_client_can_have_finds_nothing(two: Store, name: str) -> None:
    with two.tenant(name).read() as conn:
        assert outbox.of_ticket(conn, name, "3-acme") == []


def test_a_tenant_writes_its_own_rows_only(two: Store) -> None:
    with two.tenant("acme").write() as conn:
        assert outbox.enqueue(conn, "op-2", "acme", "3-acme", "fields", {}, AT)
        with pytest.raises(TenancyError):
            outbox.enqueue(conn, "op-3", "globex", "3-globex", "fields", {}, AT)
    with two.read() as conn:
        assert outbox.get(conn, "op-2") is not None
        assert outbox.get(conn, "op-3") is None


@pytest.mark.parametrize(
    "statement",
    [
        select(effects),
        select(effects).where(effects.c.tenant == "globex"),
        select(effects).where(or_(effects.c.tenant == "acme", effects.c.op_id == "op-globex")),
        select(effects).where(effects.c.tenant.in_(["acme", "globex"])),
        select(tickets.outerjoin(decisions)).where(decisions.c.tenant == "acme"),
        select(select(effects.c.op_id).subquery()),
        update(effects).where(effects.c.op_id == "op-globex").values(state="dead"),
        update(effects).where(effects.c.tenant == "acme").values(tenant="globex"),
        effects.delete(),
        insert(people).values(tenant="globex", position=1, name="x"),
        insert(tickets).values(tenant="acme", ticket_id="3-globex"),
        select(inbox),
        text("SELECT * FROM outbox"),
    ],
    ids=str,
)
def test_statements_that_reach_further_are_not_sent(two: Store, statement: object) -> None:
    with two.tenant("acme").write() as conn, pytest.raises(TenancyError):
        conn.execute(statement)  # type: ignore[call-overload]


def test_joins_tied_to_the_tenant_pass(two: Store) -> None:
    joined = tickets.outerjoin(decisions)
    with two.tenant("acme").read() as conn:
        assert conn.execute(select(joined).where(tickets.c.tenant == "acme")).all() == []


def test_every_table_with_a_tenant_is_under_forced_row_security(postgres_url: str) -> None:
    from data.store import open_store

    with open_store(postgres_url) as opened, opened.engine.connect() as conn:
        query = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        secured = set(conn.execute(query).scalars())
        found = inspect(conn)
        with_tenant = {
            t for t in found.get_table_names() if "tenant" in {c["name"] for c in found.get_columns(t)}
        }
    assert with_tenant >= {t.name for t in metadata.tables.values() if "tenant" in t.c}
    assert secured == with_tenant


def _as_tenant(store: Store, conn: object) -> None:
    tenancy.enter(conn, store._roles, "acme")  # type: ignore[arg-type]


@pytest.fixture
def two_on_postgres(postgres_url: str) -> Store:
    from data.store import open_store

    opened = open_store(postgres_url)
    with opened.write() as conn:
        for tenant in ("acme", "globex"):
            outbox.enqueue(conn, f"op-{tenant}", tenant, f"3-{tenant}", "fields", {}, AT)
    return opened


def test_the_database_itself_keeps_to_the_tenant(two_on_postgres: Store) -> None:
    """Without the guard: raw SQL under the tenant role."""
    with two_on_postgres.engine.connect() as conn:
        with conn.begin():
            _as_tenant(two_on_postgres, conn)
            assert conn.execute(text("SELECT tenant FROM outbox")).scalars().all() == ["acme"]
            assert conn.execute(text("UPDATE outbox SET state = 'x' WHERE tenant = 'globex'")).rowcount == 0
        with pytest.raises(DBAPIError, match="row-level security"), conn.begin():
            _as_tenant(two_on_postgres, conn)
            conn.execute(text("UPDATE outbox SET tenant = 'globex'"))
        with pytest.raises(DBAPIError, match="permission denied"), conn.begin():
            _as_tenant(two_on_postgres, conn)
            conn.execute(text("SELECT * FROM inbox"))
    two_on_postgres.close()


def test_the_tenant_ends_with_its_transaction(two_on_postgres: Store) -> None:
    """An owner that is no superuser, on the same pooled connection: nothing is left over, nothing is open."""
    with two_on_postgres.engine.connect() as conn:
        with conn.begin():
            _as_tenant(two_on_postgres, conn)
        with conn.begin():
            assert conn.execute(text("SELECT current_user = session_user")).scalar()
            assert conn.execute(text("SELECT current_setting('firstline.tenant', true)")).scalar() == ""
            conn.execute(text(f'SET LOCAL ROLE "{two_on_postgres._roles.tenant}"'))  # type: ignore[union-attr]
            assert conn.execute(text("SELECT count(*) FROM outbox")).scalar() == 0
    two_on_postgres.close()


def test_unique_keys_that_would_tell_are_not_written_by_tenants() -> None:
    def revealing(table: Table) -> bool:
        return tenancy.belongs_to_tenants(table) and not tenancy.writable(table)

    assert {t.name for t in metadata.tables.values() if revealing(t)} >= {"tickets"}
    assert tenancy.writable(effects)


def test_a_user_who_may_not_create_roles_is_told_the_statements(postgres_url: str) -> None:
    from sqlalchemy import make_url

    from data.store import open_store

    with open_store(postgres_url) as owner, owner.engine.connect() as conn, conn.begin():
        conn.execute(text("CREATE ROLE plain LOGIN"))
        conn.execute(text("CREATE SCHEMA plain AUTHORIZATION plain"))
    url = make_url(postgres_url).set(username="plain").update_query_dict({"options": "-csearch_path=plain"})
    try:
        with pytest.raises(StorageError) as refused:
            open_store(url.render_as_string(hide_password=False)).close()
        assert "CREATE ROLE" in refused.value.remedy
        assert "GRANT" in refused.value.remedy
    finally:
        with open_store(postgres_url) as owner, owner.engine.connect() as conn, conn.begin():
            conn.execute(text("DROP OWNED BY plain CASCADE"))
            conn.execute(text("DROP ROLE plain"))
