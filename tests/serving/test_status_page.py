"""The status page and readiness when something is wrong: paused, given up, the tracker away."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from data.clock import ManualClock
from data.settings import read_settings
from data.store import Store, outbox, switches
from data.store.schema import tracker_reach
from data.taxonomy import load_taxonomy
from data.tracker import host_of
from data.youtrack.reach import Reach
from eval.bundle import Facts
from eval.risk import Certificate
from serving.autonomy import Autonomy
from serving.health import readiness
from serving.policy import load_policy
from serving.site import application

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SETTINGS = read_settings({})
TAXONOMY = load_taxonomy()


class Running:
    """What the pages need of the service, on a store of either kind."""

    def __init__(self, store: Store) -> None:
        unproven = Certificate(
            **{**dict.fromkeys(Certificate.__dataclass_fields__, 0), "threshold": None}  # type: ignore[arg-type]
        )
        facts = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))  # type: ignore[arg-type]
        bundle = SimpleNamespace(id="b" * 12, manifest=SimpleNamespace(facts=facts), taxonomy=TAXONOMY)
        policy = load_policy(SETTINGS.policy, TAXONOMY)
        self.store, self.settings, self.clock = store, SETTINGS, ManualClock(NOW)
        autonomy = Autonomy(category=unproven, priority=unproven)
        self.triage_model = SimpleNamespace(bundle=bundle, policy=policy, autonomy=autonomy)
        self.engine = self.database = True

    async def engine_answers(self) -> bool:
        return self.engine

    async def database_answers(self) -> bool:
        return self.database

    def page(self) -> str:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(application(lambda: self))
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as http:
                return await http.get("/")

        answer = asyncio.run(asked())
        assert answer.status_code == 200
        return " ".join(answer.text.split())

    def ready(self) -> dict[str, Any]:
        return asyncio.run(readiness(self))

    def break_off(self, state: str = "open", url: str = SETTINGS.tracker_url) -> None:
        reach = Reach(state, 7, 2, NOW, NOW + timedelta(seconds=30))  # type: ignore[arg-type]
        with self.store.write() as conn:
            conn.execute(insert(tracker_reach).values(host=host_of(url), **asdict(reach)))


@pytest.fixture
def running(store: Store) -> Running:
    return Running(store)


def test_a_quiet_page_warns_of_nothing(running: Running) -> None:
    page = running.page()
    assert 'class="trouble"' not in page
    assert "outbox retry" not in page


def test_a_paused_switch_is_shown_with_who_and_why(running: Running) -> None:
    with running.store.write() as conn:
        switches.pause(conn, None, "cli:kim", "wrong <b>team</b>", NOW)
        switches.pause(conn, "PAY", "cli:jo", "", NOW)
    page = running.page()
    assert "Automation is paused in all projects</b> since 01 Jun 09:00 (UTC) by cli:kim" in page
    assert "wrong &lt;b&gt;team&lt;/b&gt;" in page
    assert "Automation is paused in PAY</b> since 01 Jun 09:00 (UTC) by cli:jo." in page
    with running.store.write() as conn:
        switches.resume(conn, None, "cli:kim", "done", NOW)
    assert "all projects" not in running.page()


def test_operations_that_were_given_up_are_counted_with_what_to_do(running: Running) -> None:
    with running.store.write() as conn:
        for name in ("o1", "o2"):
            outbox.enqueue(conn, name, "acme", "3-1", "triage", {}, NOW, project="PAY")
        for op in outbox.claim(conn, "w", NOW, 60, 1):
            assert outbox.fail(conn, op.op_id, op.fence, "no such field", NOW, permanent=True)
    page = running.page()
    assert "<li><b>1</b>given up, need a person</li>" in page
    assert "<li><b>1</b>waiting for delivery</li>" in page
    assert "firstline outbox retry ID" in page


def test_an_open_breaker_is_on_the_page_and_in_readiness(running: Running) -> None:
    assert running.ready()["tracker"] == {"ok": True, "state": "not asked yet", "retry_at": None}
    running.break_off(url="http://elsewhere:1")
    assert "does not answer" not in running.page()
    running.break_off()
    assert "The tracker does not answer</b> (7 failures in a row)" in running.page()
    assert "asked again at 01 Jun 09:00:30 (UTC)" in running.page()
    assert "being asked again" not in running.page()
    found = running.ready()
    assert found["ready"], "the service is of use while the tracker is away"
    assert found["tracker"] == {"ok": False, "state": "open", "retry_at": "2026-06-01T09:00:30+00:00"}
    assert "127.0.0.1" not in str(found)


def test_while_the_tracker_is_tried_the_page_names_no_moment(running: Running) -> None:
    running.break_off("half_open")
    assert "It is being asked again, by one request. What waits is kept." in running.page()
    assert running.ready()["tracker"]["state"] == "half_open"


def test_not_ready_names_the_part(running: Running) -> None:
    running.engine = False
    found = running.ready()
    assert (found["ready"], found["engine"]["ok"], found["database"]["ok"]) == (False, False, True)
    running.engine, running.database = True, False
    found = running.ready()
    assert (found["ready"], found["database"]["state"]) == (False, "does not answer")
    assert found["tracker"]["state"] == "unknown"


def test_a_database_that_is_gone_is_said_on_the_page(running: Running, monkeypatch: Any) -> None:
    from data.errors import StorageError

    def refused() -> Any:
        raise StorageError("The database refused: locked", remedy="Stop the other process.")

    monkeypatch.setattr(running.store, "read", refused)
    page = running.page()
    assert 'role="alert"><b>The database refused: locked</b><br>Stop the other process.' in page
    assert running.ready()["ready"] is False
