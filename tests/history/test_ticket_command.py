"""`firstline ticket show`, as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.store import open_store, tickets
from data.ticket import Comment, FieldChange, Ticket, TicketRecord

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def firstline(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from serving.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "FIRSTLINE_HOME": str(home)},
    )


def test_a_ticket_is_shown_as_it_is_and_as_it_stood(tmp_path: Path) -> None:
    later = START + timedelta(hours=2)
    facts: dict[str, Any] = dict.fromkeys(("issue_type", "category", "team"))
    record = TicketRecord(
        ticket=Ticket("3-1", "New summary", "Please help", created=START),
        project="PAY",
        readable_id="PAY-1",
        reporter="jo",
        created=START,
        updated=later,
        resolved=None,
        state="Open",
        priority="normal",
        fields=(("Priority", "Normal"), ("State", "Open")),
        comments=(Comment("7-1", "kim", "On it", later, internal=True),),
        changes=(
            FieldChange("14-1", "jo", later, "summary", "Old summary", "New summary", kind="summary"),
            FieldChange("14-2", "kim", later, "State", "New", "Open"),
        ),
        **facts,
    )
    with open_store(f"sqlite:///{tmp_path / 'firstline.db'}") as store, store.write() as conn:
        tickets.upsert(conn, [record], seen_at=later)
    now = firstline(tmp_path, "ticket", "show", "PAY-1")
    assert now.returncode == 0, now.stderr
    assert "New summary" in now.stdout and "kim State: New -> Open" in now.stdout
    then = firstline(tmp_path, "ticket", "show", "3-1", "--at", "2026-03-01T10:00", "--json")
    stood = json.loads(then.stdout)
    assert (stood["ticket"]["summary"], stood["state"]) == ("Old summary", "New")
    assert (stood["comments"], stood["changes"], stood["gone"]) == ([], [], None)
    for words in (("PAY-9",), ("PAY-1", "--at", "2025-01-01"), ("PAY-1", "--at", "noon")):
        refused = firstline(tmp_path, "ticket", "show", *words)
        assert refused.returncode == 3 and refused.stderr.count("\n") == 2, refused.stderr
