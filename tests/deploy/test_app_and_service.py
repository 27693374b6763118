"""The app's backend and the widget's view against the real routes of the service, over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from data.access import Principal, Role
from data.clock import SystemClock
from data.decision import TriageDecision
from data.mapping import TrackerMapping
from data.settings import read_settings
from data.store import Store, open_store, outbox, tickets
from data.taxonomy import load_taxonomy
from data.ticket import Ticket, TicketRecord
from serving.access import Access
from serving.deliver import enqueue
from serving.policy import load_policy
from serving.suggestions import routes

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
TAXONOMY = load_taxonomy()
PRESS = Path(__file__).parent / "widget" / "press.js"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


class Keyring:
    def principal(self, header: str) -> Principal | None:
        return Principal("k1", Role.REVIEWER, None, True) if header == "Bearer good" else None


class Desk:
    """One ticket of the store, seen through the app."""

    def __init__(self, store: Store, base: str) -> None:
        self.store, self.base, self._orders = store, base, 0

    def file(self, number: int, kind: str) -> None:
        record = TicketRecord(
            Ticket(id=f"3-{number}", summary="s", description="d", client="acme"),
            project="PAY",
            readable_id=f"PAY-{number}",
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
        decision = TriageDecision(
            record.ticket.id,
            "payslip_missing",
            TAXONOMY.category_of("payslip_missing"),
            "major",
            TAXONOMY.team_of("payslip_missing"),
            0.71,
            (("payslip_missing", 0.71), ("out_of_scope", 0.05)),
            0.6,
            kind,  # type: ignore[arg-type]
            "suggest",
            "It names a payslip.",
            "b" * 12,
            "p" * 12,
        )
        with self.store.write() as conn:
            tickets.upsert(conn, [record], seen_at=NOW)
            assert enqueue(conn, record, decision, {}, NOW)

    def deliver(self) -> None:
        """Do what the worker does, without a tracker: every operation leaves what it wanted."""
        now = datetime.now(UTC)
        with self.store.write() as conn:
            while claimed := outbox.claim(conn, "test", now, 60, 10):
                for op in claimed:
                    values = op.payload.get("values", {})
                    assert outbox.may_write(conn, op, now, found=dict.fromkeys(values), says=False)
                    outbox.complete(conn, op.op_id, op.fence, now, left=values)

    def press(self, path: str, number: int = 1, **over: Any) -> Any:
        """Return what the widget would show, as a namespace of the view and the backend's answer."""
        self._orders += 1
        body = {
            "operation": over.pop("operation", f"op_{self._orders:010}"),
            "fields": over.pop("fields", {}),
        }
        given = {"base": self.base, "key": "good", "login": "kim", "ticket": f"PAY-{number}"} | over
        text = json.dumps({**given, "path": path, "body": body})
        done = subprocess.run(["node", str(PRESS)], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        return SimpleNamespace(**found["view"], answer=found["answer"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    settings = read_settings({"FIRSTLINE_ACCESS": "keys"})
    service = SimpleNamespace(
        store=store,
        clock=SystemClock(),
        settings=settings,
        keyring=Keyring(),
        triage_model=SimpleNamespace(
            bundle=SimpleNamespace(taxonomy=TAXONOMY), policy=load_policy(settings.policy, TAXONOMY)
        ),
        names=TrackerMapping(),
    )
    app = Access(Starlette(routes=routes(lambda: service)), lambda: service)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Desk(store, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    server.should_exit = True
    thread.join(timeout=10)
    store.close()


def test_a_suggestion_is_accepted_written_and_taken_back(desk: Desk) -> None:
    assert desk.press("suggestion").state == "none"
    desk.file(1, "suggest")
    seen = desk.press("suggestion")
    assert (seen.state, seen.actions) == ("suggestion", ["accept", "edit", "dismiss"])
    assert seen.choices["team"]["open"] is False
    desk.deliver()
    accepted = desk.press("accept", operation="op_the_same_1")
    assert accepted.state == "handled" and accepted.waiting
    assert accepted.message.startswith("Accepted by kim, ") and accepted.message.endswith("into the ticket.")
    again = desk.press("accept", operation="op_the_same_1")
    assert again.answer == accepted.answer
    assert desk.press("accept").answer["kind"] == "stale"
    desk.deliver()
    written = desk.press("suggestion")
    assert {row["mark"] for row in written.facts} == {"written"} and not written.waiting
    assert written.actions == ["edit", "undo"]
    undone = desk.press("undo")
    assert undone.message.startswith("Undone by kim, ") and undone.actions == []


def test_an_abstention_is_classified_with_what_the_service_offers(desk: Desk) -> None:
    desk.file(1, "abstain")
    seen = desk.press("suggestion")
    assert (seen.state, seen.actions, seen.facts) == ("abstained", ["edit", "dismiss"], [])
    wrong = desk.press("edit", fields={"team": "no such team"})
    assert wrong.answer["kind"] == "invalid" and "`team`" in wrong.message
    done = desk.press("edit", fields={"issue_type": "out_of_scope"})
    assert done.message.startswith("Corrected by kim, ")
    assert done.facts[0] | {"value": "Out of scope"} == done.facts[0]


def test_strangers_bad_keys_and_a_silent_service_are_told_apart(desk: Desk) -> None:
    desk.file(1, "apply")
    desk.deliver()
    seen = desk.press("suggestion")
    assert (seen.state, seen.actions[-1]) == ("suggestion", "undo")  # delivered, yet nothing of ours is there
    assert desk.press("suggestion", login="stranger").state == "forbidden"
    assert desk.press("suggestion", key="bad").answer["kind"] == "refused"
    assert desk.press("suggestion", base="http://127.0.0.1:9").state == "unreachable"
    assert "good" not in json.dumps(desk.press("dismiss").answer)
