"""`firstline outbox` and what doctor says about effects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from data.clock import SystemClock
from data.errors import BadInputError
from data.settings import read_settings
from data.store import Store, alerts, audit, open_store, outbox, switches, tickets
from data.ticket import Ticket, TicketRecord
from serving.cli import application
from serving.doctor import examine
from serving.effects import GIVEN_UP, enqueue_fields

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
TICKET = TicketRecord(
    Ticket("3-7", "s", "d", client="acme"),
    project="PAY",
    readable_id="PAY-7",
    reporter="jo",
    created=NOW,
    updated=NOW,
    resolved=None,
    state="New",
    issue_type=None,
    category=None,
    priority="normal",
    team=None,
)


@pytest.fixture
def desk_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    with open_store(read_settings().database_url) as store:
        with store.write() as conn:
            outbox.enqueue(conn, "waits", "acme", "3-1", "fields", {"values": {}}, NOW)
            outbox.enqueue(conn, "gone", "acme", "3-2", "fields", {"values": {}}, NOW)
            claimed = {o.op_id: o for o in outbox.claim(conn, "w", NOW, 60, 9)}
            outbox.fail(conn, "gone", claimed["gone"].fence, "no such field", NOW, permanent=True)
            outbox.fail(conn, "waits", claimed["waits"].fence, "away", NOW)
        yield store


def said(*arguments: str) -> Any:
    result = CliRunner().invoke(application(), ["outbox", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_was_given_up_is_listed_shown_and_tried_again(desk_store: Store) -> None:
    assert {o["operation"]: o["state"] for o in said("list")} == {"waits": "new", "gone": "dead"}
    (dead,) = said("list", "--state", "dead")
    assert dead["last_error"] == "no such field"
    assert said("show", "gone") == dead
    assert said("retry", "gone") == {"operation": "gone"}
    assert said("show", "gone")["state"] == "new"
    for wrong in ("gone", "nothing"):
        with pytest.raises(BadInputError):
            said("retry", wrong)


def test_doctor_tells_what_was_given_up_and_what_is_paused(desk_store: Store) -> None:
    def found() -> dict[str, str]:
        with httpx.Client() as http:
            return {f.check: f"{f.verdict} {f.found}" for f in examine(read_settings(), http, SystemClock())}

    before = found()
    assert (before["deliveries"], before["automation"]) == ("warn 1 given up", "ok not paused")
    with desk_store.write() as conn:
        switches.pause(conn, "PAY", "cli", "wrong queue", NOW)
    assert found()["automation"] == "warn paused: PAY"


def test_what_is_not_wanted_is_dropped_with_its_alert(desk_store: Store) -> None:
    with desk_store.write() as conn:
        alerts.warn(conn, GIVEN_UP, "gone", {"ticket": "PAY-2"}, NOW)
        alerts.warn(conn, GIVEN_UP, "other", {"ticket": "PAY-3"}, NOW)
    assert said("drop", "gone") == {"operation": "gone"}
    assert said("drop", "waits") == {"operation": "waits"}
    assert {o["operation"]: o["outcome"] for o in said("list", "--state", "done")} == {
        "gone": "withdrawn",
        "waits": "withdrawn",
    }
    with desk_store.read() as conn:
        assert [a.subject for a in alerts.find(conn)] == ["other"]
        assert [(r.action, r.subject) for r in audit.newest(conn)] == [
            ("delivery.dropped", "3-1"),
            ("delivery.dropped", "3-2"),
        ]
    for wrong in ("gone", "nothing"):
        with pytest.raises(BadInputError):
            said("drop", wrong)
        with pytest.raises(BadInputError):
            said("retry", wrong)


def test_what_was_taken_back_is_not_tried_again(desk_store: Store) -> None:
    with desk_store.write() as conn:
        outbox.enqueue(conn, "back", "acme", "3-2", "undo", {"of": "gone"}, NOW)
    with pytest.raises(BadInputError, match="was taken back"):
        said("retry", "gone")
    assert said("show", "gone")["state"] == "dead"


def test_doctor_says_which_ticket_waits_for_whom(desk_store: Store) -> None:
    facts = {"ticket": "PAY-2", "reason": "no such field", "remedy": "Create it. Then retry."}
    with desk_store.write() as conn:
        alerts.warn(conn, GIVEN_UP, "gone", facts, NOW)
        alerts.warn(conn, "ledger_shortfall", "PAY", {"n": 1}, NOW)
    with httpx.Client() as http:
        found = {
            f.found: f.remedy for f in examine(read_settings(), http, SystemClock()) if f.check == "alerts"
        }
    assert found["delivery_given_up of PAY-2 since 2026-06-01 09:00"] == "Create it. Then retry."
    assert "firstline reconcile" in str(found["ledger_shortfall of PAY since 2026-06-01 09:00"])


def test_undo_takes_back_one_delivery_after_the_other_and_says_what_stands(desk_store: Store) -> None:
    with desk_store.write() as conn:
        tickets.upsert(conn, [TICKET], seen_at=NOW)
        for n, team in enumerate(("payments", "hr")):
            at = NOW + timedelta(seconds=n)
            enqueue_fields(conn, "acme", "3-7", {"Team": team}, actor="cli", now=at)

    def undone(*more: str) -> str:
        result = CliRunner().invoke(application(), ["undo", "PAY-7", *more], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    first = undone()
    assert "restores no field" in first
    assert "1 earlier delivery(s) stand; run it again" in first
    second = json.loads(undone("--json"))
    assert (second["ticket"], second["standing"], second["restores"]) == ("PAY-7", 0, {})
    third = undone()
    assert "everything was taken back already" in third
    assert second["operation"] in third
