"""PostgreSQL keeps clients apart by itself, also for the tables' owner, who is no superuser here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import (
    Column,
    Connection,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import SchemaItem

from data.errors import StorageError
from data.store import Store, open_store, outbox, tenancy
from data.store.schema import metadata, people
from data.store.tenancy import Roles

AT = datetime(2026, 6, 1, tzinfo=UTC)
OURS = "SELECT tenant FROM outbox ORDER BY tenant"


@pytest.fixture(scope="module")
def owned(postgres_server: str) -> Iterator[Store]:
    """Give a database whose owner may create roles and nothing else; two clients have an effect each."""
    user, name = f"desk_{uuid.uuid4().hex[:8]}", f"firstline_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {user} LOGIN CREATEROLE")
        conn.execute(f'CREATE DATABASE "{name}" OWNER {user}')
    url = make_url(f"{postgres_server}/{name}").set(username=user)
    opened = open_store(url.render_as_string(hide_password=False))
    with opened.write() as conn:
        for tenant in ("acme", "globex"):
            outbox.enqueue(conn, f"op-{tenant}", tenant, f"3-{tenant}", "fields", {}, AT)
    yield opened
    roles = roles_of(opened)
    opened.close()
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        for role in (roles.tenant, roles.desk, user):
            conn.execute(f'DROP ROLE "{role}"')


def roles_of(store: Store) -> Roles:
    assert store._roles is not None
    return store._roles


@contextmanager
def undone(store: Store) -> Iterator[Connection]:
    """Give a connection of the owner, outside the guard, whose transaction is rolled back."""
    with store.engine.connect() as conn, conn.begin() as transaction:
        yield conn
        transaction.rollback()


def found(conn: Connection, query: str = OURS) -> list[str]:
    return list(conn.execute(text(query)).scalars())


def become(conn: Connection, role: str, tenant: str | None = None) -> None:
    conn.execute(text(f'SET LOCAL ROLE "{role}"'))
    if tenant is not None:
        conn.execute(text("SELECT set_config('firstline.tenant', :t, true)"), {"t": tenant})


def test_the_owner_sees_nothing_until_it_takes_a_role_on(owned: Store) -> None:
    roles = roles_of(owned)
    with undone(owned) as conn:
        mighty = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert found(conn, mighty) == [False]
        assert found(conn) == []
        conn.execute(text("SELECT set_config('firstline.tenant', 'acme', true)"))
        become(conn, roles.tenant)
        assert found(conn) == ["acme"]
        become(conn, roles.desk)
        assert found(conn) == ["acme", "globex"]


def test_without_a_tenant_the_tenant_role_sees_nothing(owned: Store) -> None:
    with undone(owned) as conn:
        become(conn, roles_of(owned).tenant)
        assert found(conn) == [], "never set"
        become(conn, roles_of(owned).tenant, "")
        assert found(conn) == []
        become(conn, roles_of(owned).tenant, "ACME")
        assert found(conn) == []


def test_entering_is_for_one_transaction(owned: Store) -> None:
    with owned.engine.connect() as conn:
        for tenant, seen in (("acme", ["acme"]), (None, ["acme", "globex"]), ("globex", ["globex"])):
            with conn.begin():
                tenancy.enter(conn, owned._roles, tenant)
                assert found(conn) == seen
                assert found(conn, "SELECT current_setting('firstline.tenant')") == [tenant or ""]
        with conn.begin():
            assert found(conn, "SELECT current_user = session_user") == [True]
            assert found(conn) == [], "on the same connection nothing is left of it"


def test_the_desk_ends_what_a_tenant_began(owned: Store) -> None:
    with undone(owned) as conn:
        tenancy.enter(conn, owned._roles, "acme")
        tenancy.enter(conn, owned._roles, None)
        assert found(conn) == ["acme", "globex"]
        tenancy.enter(conn, owned._roles, "acme")
        assert found(conn) == ["acme"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO people VALUES ('globex', 1, '', '', '', '', '', '', '')",
        "UPDATE outbox SET tenant = 'globex'",
        "INSERT INTO outbox SELECT * FROM outbox",
        "INSERT INTO tickets (tenant, ticket_id) VALUES ('acme', '1')",
        "UPDATE tickets SET state = ''",
        "DELETE FROM tickets",
        "SELECT 1 FROM inbox",
        "SELECT 1 FROM audit",
        "SELECT 1 FROM api_keys",
        "UPDATE switches SET paused = false",
        "TRUNCATE outbox",
        "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
        "DROP POLICY firstline_tenant ON outbox",
    ],
)
def test_a_tenant_may_not(owned: Store, statement: str) -> None:
    with undone(owned) as conn:
        become(conn, roles_of(owned).tenant, "acme")
        refused = r"row-level security|permission denied|must be owner|duplicate key"
        with pytest.raises(DBAPIError, match=refused):
            conn.execute(text(statement))


def test_a_tenants_changes_reach_its_own_rows(owned: Store) -> None:
    with undone(owned) as conn:
        become(conn, roles_of(owned).tenant, "acme")
        assert conn.execute(text("UPDATE outbox SET state = 'x'")).rowcount == 1
        assert conn.execute(text("DELETE FROM outbox WHERE tenant = 'globex'")).rowcount == 0
        conn.execute(text("INSERT INTO people VALUES ('acme', 1, '', '', '', '', '', '', '')"))
        assert found(conn, "SELECT project FROM switches") == []
        become(conn, roles_of(owned).desk)
        assert found(conn, "SELECT state FROM outbox ORDER BY tenant") == ["x", "new"]


@pytest.mark.parametrize("options", ["", "WITH (security_invoker = true)"])
def test_a_view_of_the_owner_does_not_open_the_tables_behind_it(owned: Store, options: str) -> None:
    with undone(owned) as conn:
        conn.execute(text(f"CREATE VIEW seen {options} AS SELECT tenant FROM outbox"))
        with pytest.raises(DBAPIError, match="permission denied"), conn.begin_nested():
            become(conn, roles_of(owned).tenant, "acme")
            conn.execute(text("SELECT * FROM seen"))
        conn.execute(text(f'GRANT SELECT ON seen TO "{roles_of(owned).tenant}"'))
        assert found(conn, "SELECT tenant FROM seen") == [], "the owner through its own view"
        become(conn, roles_of(owned).tenant, "acme")
        assert found(conn, "SELECT tenant FROM seen") == ["acme"]


def test_the_roles_can_do_nothing_by_themselves(owned: Store) -> None:
    roles = roles_of(owned)
    facts = "rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls"
    with undone(owned) as conn:
        for role in (roles.tenant, roles.desk):
            row = conn.execute(text(f"SELECT {facts} FROM pg_roles WHERE rolname = :r"), {"r": role}).one()
            assert tuple(row) == (False, True, False, False, False, False)
            assert found(conn, f"SELECT relname FROM pg_class WHERE relowner = '\"{role}\"'::regrole") == []


def test_rights_on_each_table_are_no_more_than_needed(owned: Store) -> None:
    every = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    roles = roles_of(owned)
    with undone(owned) as conn:
        tenancy.apply(conn)

        def may(role: str, name: str) -> set[str]:
            asked = text("SELECT has_table_privilege(:role, :name, :right)")
            return {
                r for r in every if conn.execute(asked, {"role": role, "name": name, "right": r}).scalar()
            }

        for table in metadata.tables.values():
            rows, change = {"SELECT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}
            ours = set() if not tenancy.belongs_to_tenants(table) else rows
            expected = change if tenancy.writable(table) else rows if table.name == "switches" else ours
            assert may(roles.tenant, table.name) == expected, table.name
            desk = {"SELECT", "INSERT"} if table.name == "audit" else change
            assert may(roles.desk, table.name) == desk, table.name
        public = "SELECT table_name FROM information_schema.table_privileges WHERE grantee = 'PUBLIC'"
        assert not set(found(conn, public)) & set(metadata.tables)


POLICIES = (
    "SELECT concat_ws(' ', tablename, policyname, roles::text, cmd, qual, with_check) AS said"
    " FROM pg_policies ORDER BY said"
)


def test_policies_stand_once_however_often_they_are_applied(owned: Store) -> None:
    with undone(owned) as conn:
        before = found(conn, POLICIES)
        tenancy.apply(conn)
        tenancy.apply(conn)
        assert found(conn, POLICIES) == before
        assert tenancy.find_roles(conn) == roles_of(owned)
        tables = [t.name for t in metadata.tables.values() if "tenant" in t.c]
        closed = [t.name for t in metadata.tables.values() if tenancy.belongs_to_tenants(t)]
        assert len(before) == len(tables) + len(closed), "one for the desk, one for tenants"


def test_while_it_is_lifted_the_owner_sees_all_and_then_nothing_again(owned: Store) -> None:
    forced = "SELECT count(*) FROM pg_class WHERE relforcerowsecurity"
    with undone(owned) as conn:
        before = found(conn, forced)
        tenancy.lift(conn)
        assert found(conn, forced) == [0]
        assert found(conn) == ["acme", "globex"]
        tenancy.apply(conn)
        assert found(conn, forced) == before != [0]
        assert found(conn) == []


def test_roles_that_are_not_both_named_are_none(owned: Store) -> None:
    with undone(owned) as conn:
        conn.execute(text("DROP POLICY firstline_tenant ON tickets"))
        assert tenancy.find_roles(conn) is None
        conn.execute(text("DROP POLICY firstline_desk ON tickets"))
        assert tenancy.find_roles(conn) is None
        tenancy.apply(conn)
        assert tenancy.find_roles(conn) == roles_of(owned), "of this database, by its name"


def test_other_tables_can_take_the_roles_of_those_they_replace(owned: Store) -> None:
    """In a schema with a name that needs care."""
    with undone(owned) as conn:
        conn.execute(text(r"""CREATE SCHEMA "odd\:na""me" """))
        conn.execute(text(r"""SET LOCAL search_path TO "odd\:na""me" """))
        people.create(conn)
        conn.execute(text("INSERT INTO people VALUES ('acme', 1, '', '', '', '', '', '', '')"))
        tenancy.apply(conn, roles_of(owned))
        assert found(conn, "SELECT tenant FROM people") == []
        for tenant, seen in (("globex", []), ("acme", ["acme"])):
            become(conn, roles_of(owned).tenant, tenant)
            assert found(conn, "SELECT tenant FROM people") == seen
            conn.execute(text("RESET ROLE"))


def shaped(name: str, *parts: SchemaItem, tenant: Column[str] | None = None) -> Table:
    owner = Column("tenant", Text, nullable=False) if tenant is None else tenant
    return Table(name, MetaData(), owner, Column("id", Text), Column("other", Text), *parts)


MINE, FOREIGN = PrimaryKeyConstraint, UniqueConstraint
SHAPES = {
    True: [
        shaped("plain", MINE("tenant", "id")),
        shaped("unique_too", MINE("tenant", "id"), FOREIGN("tenant", "other")),
        shaped("unique_index", MINE("tenant", "id"), Index(None, "tenant", "other", unique=True)),
        shaped("ordinary_index", MINE("tenant", "id"), Index(None, "other")),
    ],
    False: [
        shaped("other_order", MINE("id", "tenant")),
        shaped("key_of_all", MINE("id")),
        shaped("unique_of_all", MINE("tenant", "id"), FOREIGN("other")),
        shaped("unique_last", MINE("tenant", "id"), FOREIGN("other", "tenant")),
        shaped("index_of_all", MINE("tenant", "id"), Index(None, "other", unique=True)),
        shaped("opaque_elsewhere", MINE("tenant", "id"), FOREIGN("id")),
    ],
}
NOBODYS = [
    shaped("perhaps", MINE("id"), tenant=Column("tenant", Text)),
    shaped("desks", MINE("id"), tenant=Column("renter", Text, nullable=False)),
]


def test_a_key_over_all_clients_makes_a_table_read_only_for_them(owned: Store) -> None:
    """A collision in such a key would tell one client what another has; code and database agree."""
    role = roles_of(owned).tenant
    with undone(owned) as conn:
        conn.execute(text("CREATE SCHEMA shapes"))
        conn.execute(text("SET LOCAL search_path TO shapes"))
        for table in (*SHAPES[True], *SHAPES[False], *NOBODYS):
            table.create(conn)
        tenancy.apply(conn, roles_of(owned))
        asked = text("SELECT has_table_privilege(:role, :name, :right)")

        def may(name: str) -> list[str]:
            rights = ("SELECT", "INSERT", "UPDATE", "DELETE")
            return [
                r for r in rights if conn.execute(asked, {"role": role, "name": name, "right": r}).scalar()
            ]

        for writable, tables in SHAPES.items():
            for table in tables:
                assert tenancy.belongs_to_tenants(table)
                assert tenancy.writable(table) == writable, table.name
                assert len(may(table.name)) == (4 if writable else 1), table.name
        for table in NOBODYS:
            assert not tenancy.belongs_to_tenants(table)
            assert not tenancy.writable(table)
            assert may(table.name) == []


def test_a_database_without_roles_lets_nobody_in(owned: Store) -> None:
    with undone(owned) as conn:
        for tenant in ("acme", None):
            with pytest.raises(StorageError, match="no tenant roles"):
                tenancy.enter(conn, None, tenant)
        assert found(conn, "SELECT current_user = session_user") == [True]


def test_a_user_who_may_not_create_roles_can_use_those_that_are_there(
    owned: Store, postgres_server: str
) -> None:
    user = str(owned.engine.url.username)
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as conn:
        conn.execute(f"ALTER ROLE {user} NOCREATEROLE")
        try:
            with open_store(owned.engine.url.render_as_string(hide_password=False)) as again:
                assert roles_of(again) == roles_of(owned)
            with undone(owned) as open_again:
                tenancy.apply(open_again)
                with pytest.raises(StorageError) as refused:
                    tenancy.apply(open_again, Roles("firstline_t_none", "firstline_d_none"))
        finally:
            conn.execute(f"ALTER ROLE {user} CREATEROLE")
    assert f"{user} may not create the roles" in refused.value.message
    statements = [s.strip() for s in refused.value.remedy.splitlines()[1:]]
    quoted = [
        f"{word};"
        for word in ("CREATE ROLE firstline_t_none NOLOGIN", "CREATE ROLE firstline_d_none NOLOGIN")
    ]
    assert [s.replace('"', "") for s in statements] == [
        *quoted,
        f"GRANT firstline_t_none TO {user};",
        f"GRANT firstline_d_none TO {user};",
    ]


@pytest.mark.parametrize("name", ["firstline", "a" * 40, "x_1"])
def test_plain_databases_name_their_roles_plainly(name: str) -> None:
    assert tenancy.roles_for(name) == Roles(f"firstline_tenant_{name}", f"firstline_desk_{name}")


def test_no_two_databases_have_the_same_roles_and_no_name_is_cut() -> None:
    names = ["desk", "Desk", "DESK", "de-sk", "de sk", "de_sk", "a" * 40, "a" * 41, "a" * 42, "\u00e9" * 60]
    made = [tenancy.roles_for(n) for n in names]
    assert len({r.tenant for r in made} | {r.desk for r in made}) == 2 * len(names)
    assert all(len(role.encode()) <= 63 for r in made[:-1] for role in (r.tenant, r.desk))
    assert tenancy.roles_for("De-sk").tenant.startswith("firstline_tenant_de_sk_")
    assert len(tenancy.roles_for("a" * 41).desk) == len("firstline_desk_") + 40


def test_sqlite_has_none_of_this() -> None:
    with create_engine("sqlite://").connect() as conn:
        people.create(conn)
        tenancy.lift(conn)
        tenancy.apply(conn, Roles("a", "b"))
        tenancy.enter(conn, None, "acme")
        assert conn.execute(people.select()).all() == []
