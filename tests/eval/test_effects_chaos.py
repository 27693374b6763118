"""The accounting of the chaos benchmark sees every way in which an effect can be wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from data.store import Store, audit, inbox, open_store, outbox
from data.taxonomy import load_taxonomy
from eval.benchmarks.chaos_database import Examination
from eval.benchmarks.chaos_events import standing
from eval.benchmarks.effects_chaos import FAULTS, Report, judge
from eval.benchmarks.exactly_once import Account, Wanted, account
from eval.benchmarks.fixed_decisions import fields_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
FIELDS = {"Category": "Payslips", "Team": "Payroll"}
WANTED = {"3-1": Wanted("tabc", FIELDS, frozenset(FIELDS))}
SAID = {"text": "Why: this\n`firstline:op=tabc`", "deleted": False}


def shown(*comments: dict[str, Any], **fields: str) -> list[dict[str, Any]]:
    values = {**FIELDS, **fields}
    custom = [{"name": n, "value": {"name": v}} for n, v in values.items()]
    return [{"id": "3-1", "comments": list(comments), "customFields": custom}]


def changed(**more: list[str | None]) -> dict[str, dict[str, list[str | None]]]:
    return {"3-1": {**{n: [v] for n, v in FIELDS.items()}, **more}}


def verdict(found: Account) -> tuple[int, int, int]:
    return len(found.lost), len(found.doubled), len(found.wrong)


def test_an_effect_that_is_there_once_is_right() -> None:
    found = account(WANTED, shown(SAID), changed())
    assert verdict(found) == (0, 0, 0)
    assert (found.comments, found.changes) == (1, 2)


@pytest.mark.parametrize(
    ("tickets", "changes", "lost_doubled_wrong"),
    [
        pytest.param([], changed(), (1, 0, 0), id="the ticket is not there"),
        pytest.param(shown(), changed(), (1, 0, 0), id="no comment"),
        pytest.param(shown({**SAID, "deleted": True}), changed(), (1, 0, 0), id="comment deleted"),
        pytest.param(shown(SAID, SAID), changed(), (0, 1, 0), id="comment twice"),
        pytest.param(shown(SAID, {**SAID, "deleted": True}), changed(), (0, 1, 0), id="twice, one deleted"),
        pytest.param(
            shown(SAID, {"text": SAID["text"].replace("tabc", "tdef")}),  # type: ignore[union-attr]
            changed(),
            (0, 1, 1),
            id="the same words under another marker",
        ),
        pytest.param(
            shown({"text": "hello `firstline:op=tdef`"}), changed(), (1, 0, 1), id="another operation"
        ),
        pytest.param(shown(SAID), changed(Team=[]), (1, 0, 0), id="a field was never changed"),
        pytest.param(shown(SAID), {}, (1, 0, 0), id="no field was ever changed"),
        pytest.param(
            shown(SAID), changed(Team=["Payroll", "Payroll"]), (0, 1, 0), id="a field changed twice"
        ),
        pytest.param(shown(SAID, Team="Tax"), changed(), (0, 0, 1), id="a field holds something else"),
        pytest.param(shown(SAID), changed(State=["Open"]), (0, 0, 1), id="a field that nobody decided"),
    ],
)
def test_every_other_way_is_seen(
    tickets: Any, changes: Any, lost_doubled_wrong: tuple[int, int, int]
) -> None:
    assert verdict(account(WANTED, tickets, changes)) == lost_doubled_wrong


def test_what_was_decided_by_ticket_id_alone_is_judged_too() -> None:
    def ticket(id_: str, comments: int, **changes: str) -> dict[str, Any]:
        values = {**fields_of(id_, load_taxonomy()), **changes}
        custom = [{"name": n, "value": {"name": v}} for n, v in values.items()]
        return {"id": id_, "comments": [SAID] * comments, "customFields": custom}

    report = Report(5)
    found = [ticket("3-1", 1), ticket("3-2", 0), ticket("3-3", 2), ticket("3-4", 1, Priority="Minor")]
    judge(report, ["3-1", "3-2", "3-3", "3-4", "3-5"], iter(found))
    assert (report.lost, report.doubled, report.wrong_fields) == (2, 1, 1)
    assert not report.passed


def test_sixteen_percent_are_spoilt() -> None:
    reads = [r["match"]["share"] for r in FAULTS["rules"] if r["match"]["method"] == "GET"]
    passes = 1.0
    for share in reads:
        passes *= 1 - share
    assert 1 - passes == pytest.approx(0.16)


def test_acknowledged_events_that_are_not_stored_are_counted(store: Store) -> None:
    with store.write() as conn:
        inbox.receive(conn, "here", "{}", NOW)
        inbox.receive(conn, "worked off", "{}", NOW)
        inbox.processed(conn, ["worked off"], NOW)
    assert standing(store, {"here", "worked off", "gone"}) == (1, 1)


def test_an_effect_without_its_decision_is_seen(database_url: str, store: Store) -> None:
    examination = Examination(store, database_url)
    assert examination.damage() == []
    with store.write() as conn:
        outbox.enqueue(conn, "t1", "acme", "3-1", "triage", {}, NOW)
    assert "decisions and effects differ in number" in examination.damage()


def test_a_changed_audit_row_is_seen(database_url: str, store: Store) -> None:
    examination = Examination(store, database_url)
    with store.write() as conn:
        audit.record(conn, actor="cli", action="automation.pause", subject="PAY", at=NOW)
    assert examination.damage() == []
    with store.engine.begin() as conn:
        off = "ALTER TABLE audit DISABLE TRIGGER ALL"
        conn.execute(text("DROP TRIGGER audit_no_update" if conn.dialect.name == "sqlite" else off))
        conn.execute(text("UPDATE audit SET subject = 'SUP'"))
    assert any(p.startswith("audit: ") for p in examination.damage())


def test_a_damaged_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "firstline.db"
    with open_store(f"sqlite:///{path}") as store:
        assert Examination(store, f"sqlite:///{path}").damage() == []
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(size // 2)
            file.write(b"\x13" * 4096)
        assert Examination(store, f"sqlite:///{path}").damage()
