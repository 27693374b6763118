"""The audit log: with its transaction or not at all, in one chain, append-only on both databases."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from data.errors import StorageError
from data.store import Store, audit, sync_state
from data.store.audit_chain import GENESIS, Row, canonical_facts, link
from data.store.schema import audit as table
from data.store.schema import audit_head

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def note(store: Store, subject: str = "PAY", action: str = "automation.paused", **more: object) -> None:
    with store.write() as conn:
        audit.record(conn, actor="cli", action=action, subject=subject, at=NOW, **more)  # type: ignore[arg-type]


def rows(store: Store) -> list[Row]:
    with store.read() as conn:
        return audit.page(conn, 0, 10_000)


def test_rows_come_back_as_recorded_and_chained(store: Store) -> None:
    note(store, tenant="acme", facts={"n": 3, "why": "näh", "share": 0.1, "on": True, "who": None})
    note(store, subject="key-1", action="key.created")
    first, second = rows(store)
    assert (first.seq, first.at, first.actor, first.tenant) == (1, NOW, "cli", "acme")
    assert json.loads(first.facts) == {"n": 3, "why": "näh", "share": 0.1, "on": True, "who": None}
    assert first.hash == link(GENESIS, first)
    assert (second.seq, second.tenant, second.facts) == (2, None, "{}")
    assert second.hash == link(first.hash, second)
    with store.read() as conn:
        assert audit.head(conn) == audit.Head(2, second.hash)
        assert audit.extent(conn) == (2, 2)


def test_the_hash_is_the_documented_one() -> None:
    row = Row(1, NOW, "cli", None, "key.created", "k1", '{"a":1}', "")
    text_ = f'[1,{int(NOW.timestamp()) * 10**6},"cli",null,"key.created","k1","{{\\"a\\":1}}"]'
    assert link(GENESIS, row) == hashlib.sha256(bytes(32) + text_.encode()).hexdigest()


def test_nothing_is_recorded_of_what_was_rolled_back(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as conn:
        audit.record(conn, actor="cli", action="key.created", subject="k", at=NOW)
        raise RuntimeError
    assert rows(store) == []
    note(store)
    assert [r.seq for r in rows(store)] == [1]


def test_a_savepoint_takes_its_rows_back_with_it(store: Store) -> None:
    with store.write() as conn:
        audit.record(conn, actor="cli", action="a.first", subject="k", at=NOW)
        nested = conn.begin_nested()
        audit.record(conn, actor="cli", action="a.undone", subject="k", at=NOW)
        nested.rollback()
        audit.record(conn, actor="cli", action="a.last", subject="k", at=NOW)
    assert [r.action for r in rows(store)] == ["a.first", "a.last"]


def test_a_transaction_sees_what_it_recorded(store: Store) -> None:
    with store.write() as conn:
        audit.record(conn, actor="cli", action="a.b", subject="k", at=NOW)
        assert [r.action for r in audit.newest(conn)] == ["a.b"]
        audit.record(conn, actor="cli", action="a.c", subject="k", at=NOW)
    assert [r.action for r in rows(store)] == ["a.b", "a.c"]


def test_a_connection_of_its_own_appends_at_once(store: Store) -> None:
    with store.engine.connect() as conn, conn.begin():
        audit.record(conn, actor="cli", action="a.b", subject="k", at=NOW)
        assert audit.head(conn).seq == 1


def test_rows_are_found_by_what_they_say(store: Store) -> None:
    for n in range(4):
        note(store, subject=f"s{n}", action="key.created" if n % 2 else "key_x.made", tenant=f"t{n // 2}")
    with store.read() as conn:
        assert [r.seq for r in audit.newest(conn)] == [4, 3, 2, 1]
        assert [r.seq for r in audit.newest(conn, limit=2, before=4)] == [3, 2]
        assert [r.seq for r in audit.newest(conn, action="key.")] == [4, 2]
        assert [r.seq for r in audit.newest(conn, action="key_")] == [3, 1]
        assert [r.seq for r in audit.newest(conn, tenant="t1")] == [4, 3]
        assert [r.seq for r in audit.newest(conn, subject="s0", actor="cli")] == [1]
        assert audit.newest(conn, actor="worker") == []
        assert [r.seq for r in audit.page(conn, 1, 2)] == [2, 3]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"actor": ""}, ValueError),
        ({"action": "paused"}, ValueError),
        ({"action": "Key.created"}, ValueError),
        ({"at": datetime(2026, 6, 1)}, ValueError),
        ({"facts": {"x": float("nan")}}, ValueError),
        ({"facts": {"x": ["a"]}}, TypeError),
        ({"facts": {1: "a"}}, TypeError),
    ],
)
def test_what_is_no_audit_row_is_refused(store: Store, wrong: dict[str, object], error: type) -> None:
    good: dict[str, object] = {"actor": "cli", "action": "key.created", "subject": "k", "at": NOW}
    with pytest.raises(error), store.write() as conn:
        audit.record(conn, **(good | wrong))  # type: ignore[arg-type]
    assert rows(store) == []


def test_strings_are_made_storable_and_short(store: Store) -> None:
    note(store, subject="a\x00b" + "x" * 900, tenant="c\ud800", facts={"why": "y" * 900, "bad": "\x00"})
    (row,) = rows(store)
    assert row.subject == ("a\ufffdb" + "x" * 900)[:300]
    assert row.tenant == "c\ufffd"
    assert json.loads(row.facts) == {"why": "y" * 300, "bad": "\ufffd"}
    assert row.hash == link(GENESIS, row)


CHANGES = [
    update(table).values(subject="other"),
    update(table).where(table.c.seq == 2).values(seq=9),
    delete(table).where(table.c.seq == 2),
    update(audit_head).values(seq=1),
    update(audit_head).values(hash="0" * 64),
    update(audit_head).values(id=2, seq=5),
    delete(audit_head),
    insert(audit_head).values(id=2, seq=0, hash=""),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: str(c).split("\n")[0][:40])
def test_no_statement_changes_the_log(store: Store, change: object) -> None:
    note(store)
    note(store)
    before = rows(store)
    with (
        pytest.raises(StorageError, match=r"append-only|permission denied|must be owner"),
        store.write() as conn,
    ):
        conn.execute(change)  # type: ignore[call-overload]
    with store.read() as conn:
        assert audit.head(conn) == audit.Head(2, before[1].hash)
    assert rows(store) == before


def test_sqlite_does_not_replace_rows(sqlite_url: str) -> None:
    from data.store import open_store

    with open_store(sqlite_url) as store:
        note(store)
        before = rows(store)
        with (
            pytest.raises(StorageError, match=r"append-only|permission denied|must be owner"),
            store.write() as conn,
        ):
            conn.execute(text("INSERT OR REPLACE INTO audit VALUES (1, 0, '', NULL, 'a.b', '', '{}', '')"))
        assert rows(store) == before


@pytest.mark.parametrize("name", ["audit", "audit_head"])
def test_postgresql_does_not_truncate(postgres_url: str, name: str) -> None:
    from data.store import open_store

    with open_store(postgres_url) as store:
        note(store)
        with (
            pytest.raises(StorageError, match=r"append-only|permission denied|must be owner"),
            store.write() as conn,
        ):
            conn.execute(text(f"TRUNCATE {name}"))
        assert len(rows(store)) == 1


def test_a_log_without_head_says_so(store: Store) -> None:
    drop = {
        "sqlite": "DROP TRIGGER audit_head_no_delete",
        "postgresql": "ALTER TABLE audit_head DISABLE TRIGGER ALL",
    }
    with store.engine.begin() as conn:  # as the owner: nobody else may
        conn.execute(text(drop[conn.dialect.name]))
        conn.execute(delete(audit_head))
    with pytest.raises(StorageError, match="lost its head"):
        note(store)


def test_writers_at_once_make_one_chain(store: Store) -> None:
    """Also with other rows locked in opposite orders before: the chain's lock comes last, so no deadlock."""
    with store.write() as conn:
        for key in ("a", "b"):
            sync_state.put(conn, key, 0)
    errors: list[BaseException] = []
    start = Barrier(6)

    def work(owner: int) -> None:
        try:
            start.wait(timeout=30)
            for n in range(10):
                with store.write() as conn:
                    audit.record(conn, actor="cli", action="a.b", subject=f"{owner}:{n}", at=NOW)
                    conn.execute(
                        select(sync_state.sync_state)
                        .where(sync_state.sync_state.c.key == "ab"[n % 2])
                        .with_for_update()
                    ).all()
                    audit.record(
                        conn, actor="cli", action="a.c", subject=f"{owner}:{n}", at=NOW + timedelta(1)
                    )
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=work, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=60)
    assert errors == []
    found = rows(store)
    assert [r.seq for r in found] == list(range(1, 121))
    previous = GENESIS
    for row in found:
        assert row.hash == link(previous, row)
        previous = row.hash
    by_transaction = [r.subject for r in found]
    assert by_transaction[0::2] == by_transaction[1::2], "rows of one transaction stay together"


FACT = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(st.dictionaries(st.text(), FACT))
def test_facts_have_one_canonical_form(facts: dict[str, str | int | float | bool | None]) -> None:
    written = canonical_facts(facts)
    assert json.loads(written) == facts
    assert canonical_facts(dict(reversed(facts.items()))) == written
    assert written.isascii()
