"""What is done to the audit log by hand is found: edit, deletion, order, insertion, cut tail, new chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, text, update
from typer.testing import CliRunner

from data import audit_heads, audit_verify
from data.audit_verify import Verdict, verify, verify_within
from data.errors import StorageError
from data.store import Store, audit
from data.store.audit_chain import GENESIS, Row, link
from data.store.schema import audit as table
from data.store.schema import audit_head
from serving.cli import application

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
TRIGGERS = ("audit_no_update", "audit_no_delete", "audit_no_replace", "audit_head_forward")


@pytest.fixture
def log(store: Store) -> Store:
    for n in range(6):
        with store.write() as conn:
            audit.record(conn, actor="cli", action="key.created", subject=f"k{n}", at=NOW, facts={"n": n})
    return store


def by_hand(store: Store, change: Callable[[Connection], object]) -> None:
    """Change the log as somebody with every right on the database could."""
    with store.write() as conn:
        if conn.dialect.name == "sqlite":
            for name in TRIGGERS:
                conn.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            conn.execute(text("RESET ROLE"))
            conn.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
            conn.execute(text("ALTER TABLE audit_head DISABLE TRIGGER ALL"))
        change(conn)


def rechain(conn: Connection) -> None:
    rows, previous = audit.page(conn, 0, 100), GENESIS
    conn.execute(delete(table))
    for seq, row in enumerate(rows, 1):
        new = replace(row, seq=seq)
        previous = link(previous, new)
        values = {c.name: getattr(new, c.name) for c in table.c} | {"hash": previous}
        conn.execute(insert(table).values(values))
    conn.execute(update(audit_head).values(seq=len(rows), hash=previous))


def edit(conn: Connection) -> None:
    conn.execute(update(table).where(table.c.seq == 3).values(subject="other"))


def edit_with_new_hash(conn: Connection) -> None:
    second, third = audit.page(conn, 1, 2)
    forged = replace(third, subject="other")
    new = link(second.hash, forged)
    conn.execute(update(table).where(table.c.seq == 3).values(subject="other", hash=new))


def remove(conn: Connection) -> None:
    conn.execute(delete(table).where(table.c.seq == 3))


def swap(conn: Connection) -> None:
    for was, becomes in ((3, 99), (4, 3), (99, 4)):
        conn.execute(update(table).where(table.c.seq == was).values(seq=becomes))


def push_in(conn: Connection) -> None:
    for seq in (6, 5, 4):
        conn.execute(update(table).where(table.c.seq == seq).values(seq=seq + 1))
    third = audit.page(conn, 2, 1)[0]
    forged = Row(4, NOW, "cli", None, "key.revoked", "k9", "{}", "")
    values = {c.name: getattr(forged, c.name) for c in table.c}
    conn.execute(insert(table).values(values | {"hash": link(third.hash, forged)}))


def append(conn: Connection) -> None:
    last = audit.page(conn, 5, 1)[0]
    forged = Row(7, NOW, "cli", None, "key.revoked", "k9", "{}", "")
    values = {c.name: getattr(forged, c.name) for c in table.c}
    conn.execute(insert(table).values(values | {"hash": link(last.hash, forged)}))


def cut_rows(conn: Connection) -> None:
    conn.execute(delete(table).where(table.c.seq > 4))


def cut_rows_and_head(conn: Connection) -> None:
    cut_rows(conn)
    rechain(conn)


def empty(conn: Connection) -> None:
    conn.execute(delete(table))
    conn.execute(update(audit_head).values(seq=0, hash=GENESIS))


def edit_and_rechain(conn: Connection) -> None:
    edit(conn)
    rechain(conn)


CASES = {
    edit: "row 3 does not continue",
    edit_with_new_hash: "row 4 does not continue",
    remove: "rows 3 to 3 are missing",
    swap: "row 3 does not continue",
    push_in: "row 5 does not continue",
    append: "added or changed by hand",
    cut_rows: "the end was cut off",
    cut_rows_and_head: "6 rows were exported",
    empty: "6 rows were exported",
    edit_and_rechain: "computed anew",
}


@pytest.mark.parametrize("change", CASES, ids=lambda c: c.__name__)
def test_a_change_by_hand_is_found(log: Store, tmp_path: Path, change: Callable[[Connection], None]) -> None:
    audit_heads.export(log, tmp_path, NOW)
    heads, _ = audit_heads.read(tmp_path)
    assert verify(log, heads).intact
    by_hand(log, change)
    verdict = verify(log, heads)
    assert not verdict.intact
    assert CASES[change] in " | ".join(verdict.problems)


def test_an_intact_log_agrees_with_every_head_exported_on_the_way(store: Store, tmp_path: Path) -> None:
    audit_heads.export(store, tmp_path, NOW)
    for n in range(3):
        with store.write() as conn:
            audit.record(conn, actor="cli", action="key.created", subject=f"k{n}", at=NOW)
        audit_heads.export(store, tmp_path, NOW + timedelta(hours=n))
    heads, bad = audit_heads.read(tmp_path)
    assert ([h.rows for h in heads], bad) == ([0, 1, 2, 3], 0)
    verdict = verify(store, heads)
    assert (verdict.intact, verdict.rows, verdict.exported_heads) == (True, 3, 4)
    assert (tmp_path / audit_heads.HEADS_NAME).stat().st_mode & 0o077 == 0


def test_unreadable_heads_are_a_problem_not_a_crash(log: Store, tmp_path: Path) -> None:
    audit_heads.export(log, tmp_path, NOW)
    with (tmp_path / audit_heads.HEADS_NAME).open("a") as file:
        file.write('nonsense\n{"at": "never"}\n[]\n')
    heads, bad = audit_heads.read(tmp_path)
    assert (len(heads), bad) == (1, 3)
    assert verify(log, heads, unreadable=bad).problems == ("3 line(s) of the exported heads cannot be read",)


def test_many_problems_are_counted_and_some_shown(store: Store) -> None:
    with store.write() as conn:
        for n in range(30):
            audit.record(conn, actor="cli", action="key.created", subject=f"k{n}", at=NOW)
    by_hand(store, lambda conn: conn.execute(update(table).values(subject="x")))
    verdict = verify(store, [])
    assert (len(verdict.problems), verdict.problems_total) == (20, 30)


def test_heads_are_exported_once_an_hour(log: Store, tmp_path: Path) -> None:
    hourly = audit_heads.HourlyExport(log, tmp_path)
    times = [0, 1, 59, 60, 61, 120]
    done = [m for m in times if hourly.turn(NOW + timedelta(minutes=m)) is not None]
    assert done == [0, 60, 120]
    assert len(audit_heads.read(tmp_path)[0]) == 3


def test_heads_that_cannot_be_written_are_one_message(log: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="audit head could not be written"):
        audit_heads.export(log, tmp_path / "file", NOW)


def test_the_commands(log: Store, database_url: str, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        env = {"FIRSTLINE_HOME": str(tmp_path / "home"), "FIRSTLINE_DATABASE_URL": database_url}
        done = CliRunner().invoke(application(), ["audit", *words], env=env)
        return done.exit_code, done.stdout

    assert run("head", "--export") == (0, f"6 rows, {audit_hash(log)}\n")
    assert json.loads(run("head", "--json")[1]) == {"rows": 6, "hash": audit_hash(log)}
    assert run("verify") == (0, "The audit log is intact: 6 rows, 1 exported heads agree.\n")
    listed = json.loads(run("list", "--limit", "2", "--action", "key.", "--json")[1])
    assert [(r["seq"], r["facts"]) for r in listed] == [(6, {"n": 5}), (5, {"n": 4})]
    assert run("list", "--subject", "k0")[1].split() == (
        ["1", "2026-06-01T09:00:00+00:00", "cli", "key.created", "k0", '{"n":0}']
    )
    by_hand(log, edit)
    code, said = run("verify")
    assert code == 1 and "row 3 does not continue the chain" in said
    code, said = run("verify", "--json")
    assert code == 1 and json.loads(said)["intact"] is False


def audit_hash(store: Store) -> str:
    with store.read() as conn:
        return audit.head(conn).hash


def test_a_log_that_is_checked_inside_a_transaction_shows_what_it_changed(log: Store) -> None:
    with log.write() as conn:
        verdict = verify_within(conn)
        assert (verdict.intact, verdict.rows, verdict.exported_heads) == (True, 6, 0)
        assert verdict.hash == audit.head(conn).hash
    seen: list[Verdict] = []
    by_hand(log, lambda conn: (edit(conn), seen.append(verify_within(conn))))
    assert [v.intact for v in seen] == [False]


class Vanishing(Store):
    """A store whose audit rows after the fourth are removed between two reads of a verification."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with super().read() as conn:
            yield conn
        by_hand(self, cut_rows)


def test_rows_that_vanish_while_they_are_read_are_a_problem_and_no_endless_loop(log: Store) -> None:
    verdict = verify(Vanishing(log.engine, log._roles), [])
    assert verdict.problems == ("the chain ends with row 4, the recorded head is row 6: the end was cut off",)


def test_a_long_log_is_read_in_pages(log: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    page = audit.page

    def noted(conn: Connection, after: int, limit: int) -> list[Row]:
        read.append(limit)
        return page(conn, after, limit)

    monkeypatch.setattr(audit, "page", noted)
    monkeypatch.setattr(audit_verify, "_PAGE", 4)
    assert verify(log, []).intact
    assert read == [4, 2], "never more than a page, never past the row that was last at the start"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (edit, ["row 3 does not continue the chain: it, or the one before it, was changed, inserted or m"]),
        (remove, ["rows 3 to 3 are missing", "the head counts 6 rows, there are 5"]),
        (
            append,
            [
                "the chain ends with row 7, the recorded head is row 6: rows were added or changed by hand",
                "the head counts 6 rows, there are 7",
            ],
        ),
        (
            cut_rows,
            [
                "the chain ends with row 4, the recorded head is row 6: the end was cut off",
                "the head counts 6 rows, there are 4",
                "6 rows were exported (2026-06-01T09:00:00+00:00), there are 4: the end was cut off",
            ],
        ),
        (edit_and_rechain, ["row 6 had another hash when it was exported (2026-06-01T09:00:00+00:00):"]),
    ],
    ids=lambda c: c.__name__ if callable(c) else "",
)
def test_each_problem_is_said_once_in_full(
    log: Store, tmp_path: Path, change: Callable[[Connection], None], problems: list[str]
) -> None:
    audit_heads.export(log, tmp_path, NOW)
    by_hand(log, change)
    verdict = verify(log, audit_heads.read(tmp_path)[0])
    assert verdict.problems_total == len(problems)
    assert [said[: len(w)] for said, w in zip(verdict.problems, problems, strict=True)] == problems


def test_a_head_from_before_the_first_row_must_be_the_beginning(log: Store) -> None:
    good, forged = (audit_heads.ExportedHead(NOW, 0, h) for h in (GENESIS, "f" * 64))
    assert verify(log, [good]).intact
    (problem,) = verify(log, [good, forged]).problems
    assert problem.startswith("row 0 had another hash when it was exported")
