"""`firstline outbox` and what doctor says about effects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from data.clock import SystemClock
from data.errors import BadInputError
from data.settings import read_settings
from data.store import Store, open_store, outbox, switches
from serving.cli import application
from serving.doctor import examine

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


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
