"""`firstline data build|list|show|diff`, as a person runs them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from data.clock import ManualClock
from data.dataset.commands import code_revision, register_data
from data.errors import BadInputError
from data.redact.directory import Person
from data.store import directory, open_store, tickets
from data.ticket import TicketRecord


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    monkeypatch.delenv("FIRSTLINE_DATABASE_URL", raising=False)
    return tmp_path


def run(*arguments: str, ok: bool = True) -> str:
    app = typer.Typer()
    register_data(app)
    done = CliRunner().invoke(app, list(arguments))
    if ok:
        assert done.exit_code == 0, done.output
    elif done.exception is not None:
        raise done.exception
    return done.stdout


def fill(home: Path, records: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock) -> None:
    with open_store(f"sqlite:///{home / 'firstline.db'}") as store, store.write() as conn:
        tickets.upsert(conn, records, seen_at=clock.now())
        directory.replace(conn, "acme", people)


def test_build_twice_list_show_and_diff(
    home: Path, history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock
) -> None:
    fill(home, history[:60], people, clock)
    assert "built" in run("build")
    again = json.loads(run("build", "--json"))
    assert again["new"] is False
    assert "already exists" in run("build")
    fill(home, [replace(history[60], updated=history[60].updated + timedelta(days=1))], people, clock)
    second = json.loads(run("build", "--json"))
    assert second["new"] is True
    assert [m["id"] for m in json.loads(run("list", "--json"))] == [again["id"], second["id"]]
    assert json.loads(run("show", "--json"))["id"] == second["id"]
    assert again["id"] in run("show", again["id"][:8])
    found = json.loads(run("diff", again["id"], "--json"))
    assert found["added"] == [history[60].ticket.id]
    assert f"added: 1 tickets ({history[60].ticket.id})" in run("diff", again["id"], second["id"])
    assert "same dataset" in run("diff", "latest", "latest")


def test_nothing_built_yet(home: Path) -> None:
    assert json.loads(run("list", "--json")) == []
    assert "firstline data build" in run("list")
    with pytest.raises(BadInputError, match="does not exist"):
        run("show", ok=False)
    with pytest.raises(BadInputError, match="No ticket of 0"):
        run("build", ok=False)


def test_the_code_revision_falls_back_to_the_version(tmp_path: Path) -> None:
    assert code_revision(tmp_path).startswith("firstline ")
    assert len(code_revision()) >= 9
