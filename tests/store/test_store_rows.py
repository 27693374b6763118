"""Decisions, events, state and directory; opening, migrating and checking a store."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from data.decision import TriageDecision
from data.errors import SettingsError, StorageError
from data.redact.directory import Person
from data.store import Store, decisions, directory, inbox, open_store, outbox, sync_state, tickets
from data.store.database import tables, wal_is_safe
from data.store.schema import metadata
from data.ticket import Ticket, TicketRecord

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DECISION = TriageDecision(
    id="3-1",
    issue_type="payslip_missing",
    category="payslips",
    priority="normal",
    team="payroll",
    probability=0.1 + 0.2,
    top=(("payslip_missing", 0.30000000000000004), ("net_pay_incorrect", 1 / 3), ("out_of_scope", 1e-9)),
    priority_probability=0.9,
    decision="apply",
    priority_decision="suggest",
    reason="The text names a missing payslip.",
    bundle="b1",
    policy="p1",
)


def arrival(n: int, **facts: object) -> TicketRecord:
    record = TicketRecord(
        ticket=Ticket(f"3-{n}", "s", "d", "acme"),
        project="PAY",
        readable_id=f"PAY-{n}",
        reporter="jo",
        created=NOW + timedelta(minutes=n),
        updated=NOW,
        resolved=None,
        state="New",
        issue_type=None,
        category=None,
        priority="normal",
        team=None,
    )
    return replace(record, **facts)


def test_the_first_decision_stands_and_comes_back_exactly(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [arrival(1)], seen_at=NOW)
        assert decisions.save(conn, "acme", "3-1", DECISION, NOW)
        assert not decisions.save(conn, "acme", "3-1", replace(DECISION, decision="abstain"), NOW)
    with store.read() as conn:
        found = decisions.get(conn, "acme", "3-1")
        assert found is not None
        assert (found.decision, found.decided_at) == (DECISION, NOW)
        assert [d.decision for d in decisions.iterate(conn)] == [DECISION]
        assert list(decisions.iterate(conn, since=NOW + timedelta(seconds=1))) == []
        assert decisions.counts(conn) == {"apply": 1, "suggest": 0, "abstain": 0}
        assert decisions.get(conn, "globex", "3-1") is None


def test_new_arrivals_are_those_open_untyped_and_undecided_oldest_first(store: Store) -> None:
    several = [
        arrival(5),
        arrival(2),
        arrival(3, issue_type="payslip_missing"),
        arrival(4, resolved=NOW, state="Resolved"),
        arrival(1),
    ]
    with store.write() as conn:
        tickets.upsert(conn, several, seen_at=NOW)
        decisions.save(conn, "acme", "3-1", DECISION, NOW)
        assert [r.ticket.id for r in decisions.untriaged(conn, 10)] == ["3-2", "3-5"]
        assert decisions.untriaged(conn, 1) == [arrival(2)]


def test_decision_and_effects_are_committed_together_or_not_at_all(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [arrival(1)], seen_at=NOW)
    with pytest.raises(RuntimeError), store.write() as conn:
        decisions.save(conn, "acme", "3-1", DECISION, NOW)
        outbox.enqueue(conn, "op", "acme", "3-1", "fields", {}, NOW)
        raise RuntimeError("the worker is killed here")
    with store.read() as conn:
        assert decisions.get(conn, "acme", "3-1") is None
        assert outbox.get(conn, "op") is None


def test_an_event_is_new_once_and_its_signature_is_good_once(store: Store) -> None:
    def offer(key: str, webhook_id: str | None, second: int | None, room: int = 99) -> str:
        signed = None if second is None else NOW + timedelta(seconds=second)
        with store.write() as conn:
            return inbox.accept(
                conn, key, b"{}", NOW, room=room, webhook_id=webhook_id, signed_at=signed
            ).value

    assert offer("k1", "m1", 5) == "new"
    assert offer("k1", "m1", 5) == "replayed"
    assert offer("k1", "m1", 4) == "replayed"
    assert offer("k1", "m2", 6) == "duplicate"
    assert offer("k1", "m1", 5) == "replayed"  # also after a newer signature took its place
    assert offer("k2", "m2", 6) == "replayed"  # another body under an id that was seen
    assert offer("k3", None, 5) == "new"
    assert offer("k3", None, 5) == "replayed"
    assert offer("k4", None, None) == "new"
    assert offer("k4", None, None) == "duplicate"
    assert offer("k5", "m5", 9, room=3) == "full"
    assert offer("k1", "m1", 7, room=3) == "duplicate"  # needs no room
    with store.write() as conn:
        assert [k for k, _ in inbox.pending(conn)] == ["k1", "k3", "k4"]
        inbox.processed(conn, ["k1", "k3"], NOW)
        assert inbox.forget(conn, NOW - timedelta(days=7)) == 0
    assert offer("k5", "m5", 9, room=3) == "new"
    assert offer("k1", "m1", 7) == "replayed"  # also when it was dealt with


def test_of_many_copies_at_once_one_is_new(store: Store) -> None:
    def offer(_: int) -> str:
        with store.write() as conn:
            return inbox.accept(conn, "k", b"{}", NOW, room=9, webhook_id="m", signed_at=NOW).value

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(offer, range(16)))
    assert found == ["new", *["replayed"] * 15]


def test_state_is_replaced(store: Store) -> None:
    with store.write() as conn:
        assert sync_state.get(conn, "k") is None
        sync_state.set(conn, "k", {"page": 1})
        sync_state.put(conn, "k", {"page": 2, "seen": {"a": 1}})
        assert sync_state.get(conn, "k") == {"page": 2, "seen": {"a": 1}}


def test_a_directory_belongs_to_its_client(store: Store) -> None:
    ann = Person("Ann Á", email="ann@acme.example", iban="DE89370400440532013000", client="acme")
    bob = Person("Bob", client="globex")
    with store.write() as conn:
        directory.replace(conn, "acme", [Person("Old")])
        directory.replace(conn, "acme", [ann, Person("Zoe", client="acme")])
        directory.replace(conn, "globex", [bob])
        assert directory.people(conn, "acme") == [ann, Person("Zoe", client="acme")]
        assert directory.people(conn) == [ann, Person("Zoe", client="acme"), bob]
        assert directory.counts(conn) == {"acme": 2, "globex": 1}


def test_a_new_store_has_the_newest_schema_and_no_problems(store: Store, database_url: str) -> None:
    assert [p for p in store.check() if not p.startswith("note:")] == []
    with store.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    again = open_store(database_url)
    assert set(tables(again)) == set(metadata.tables) | {"alembic_version"}
    again.close()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StorageError), store.read() as conn:
        sync_state.put(conn, "k", 1)
    with store.write() as conn:
        sync_state.put(conn, "k", 2)


def test_a_reader_sees_one_snapshot(postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        with store.read() as reader:
            assert sync_state.get(reader, "k") is None
            with store.write() as writer:
                sync_state.put(writer, "k", 1)
            assert sync_state.get(reader, "k") is None
        with store.read() as reader:
            assert sync_state.get(reader, "k") == 1


def test_a_database_of_a_newer_release_is_left_alone(store: Store, database_url: str) -> None:
    with store.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="9999"):
        open_store(database_url)
    assert "the schema is 9999" in " ".join(store.check())


def test_sqlite_is_set_up_for_several_writers(sqlite_url: str) -> None:
    with open_store(sqlite_url) as store, store.read() as conn:
        asked = {n: conn.execute(text(f"PRAGMA {n}")).scalar() for n in PRAGMAS}
        assert asked == PRAGMAS | {"journal_mode": "wal" if wal_is_safe() else "truncate"}
    noted = [p for p in open_store(sqlite_url).check() if p.startswith("note:")]
    assert bool(noted) is not wal_is_safe()


PRAGMAS = {"synchronous": 2, "busy_timeout": 30000, "foreign_keys": 1, "mmap_size": 0, "journal_mode": ""}


@pytest.mark.parametrize(("version", "safe"), [((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True)])
def test_write_ahead_logs_wait_for_the_fixed_release(version: tuple[int, ...], safe: bool) -> None:
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "http://x"]
)
def test_an_unusable_url_is_refused_in_words(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_store(url)
    assert "FIRSTLINE_DATABASE_URL" in refused.value.remedy


def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StorageError, match="not a database"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}")


def test_an_unreachable_server_is_one_clear_message(free_port: int) -> None:
    with pytest.raises(StorageError) as refused:
        open_store(f"postgresql://someone:hunter2@127.0.0.1:{free_port}/none")
    assert "hunter2" not in str(refused.value)


def test_a_full_disk_keeps_what_was_committed(sqlite_url: str) -> None:
    with open_store(sqlite_url) as store:
        with store.write() as conn:
            sync_state.put(conn, "k", "committed")
        with pytest.raises(StorageError, match="full") as refused, store.write() as conn:
            pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
            conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            sync_state.put(conn, "k", "x" * 1_000_000)
        assert "Free disk space" in refused.value.remedy
        with store.read() as conn:
            assert sync_state.get(conn, "k") == "committed"


def test_no_row_is_lost_when_the_process_is_cut_off_in_a_transaction(sqlite_url: str, tmp_path: Path) -> None:
    with open_store(sqlite_url) as store, store.write() as conn:
        sync_state.put(conn, "k", 1)
    raw = sqlite3.connect(tmp_path / "firstline.db", isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("UPDATE sync_state SET value = '2'")
    raw.close()  # no commit
    with open_store(sqlite_url) as store, store.read() as conn:
        assert sync_state.get(conn, "k") == 1
