"""From the button to the tracker and back: real service, real worker, the sandbox's tracker."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from data.clock import SystemClock
from data.store import open_store, outbox
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying
from serving.journal import Journal
from serving.worker import Worker

UNSURE = "payslip missing"  # the test bundle only proposes something for this one


@pytest.fixture
def running(serve: Callable[[str], Any], desk: Any) -> Any:
    return serve(f'tracker_url = "{desk.url}"\npoll_seconds = 0.05\n')


@pytest.fixture
def delivered(running: Any) -> Iterator[Callable[[int], None]]:
    """Let the worker work until that many operations are done."""
    settings, clock = running.settings, SystemClock()
    with (
        open_store(settings.database_url) as store,
        httpx.Client(timeout=10) as tracker,
        httpx.Client(base_url=settings.service_url, timeout=60) as service,
    ):
        retrying = Retrying(attempts=2, total=2.0, first=0.01)
        client = YouTrackClient(
            tracker, settings.tracker_url, settings.tracker_token, clock, retrying=retrying
        )
        journal = Journal(io.StringIO(), clock, "worker")
        worker = Worker(
            settings, store, client, service, clock, journal, stop=threading.Event(), lease_seconds=5.0
        )

        def until(count: int) -> None:
            deadline = time.monotonic() + 40
            while True:
                with store.read() as conn:
                    if outbox.counts(conn)["done"] >= count:
                        return
                assert time.monotonic() < deadline, "the worker did not get there"
                if not worker.turn():
                    time.sleep(0.02)

        yield until


def test_accept_fills_the_ticket_and_undo_empties_it(
    running: Any, desk: Any, delivered: Callable[[int], None]
) -> None:
    issue = desk.file(UNSURE, "my payslip of march")
    before = desk.shown(issue)
    delivered(1)
    url = f"{running.url}/v1/tickets/{issue.readable_id}"
    found = httpx.get(f"{url}/suggestion").json()
    assert (found["decision"], found["written"], desk.shown(issue)) == ("suggest", [], before)

    for _ in range(2):  # pressed twice
        answer = httpx.post(
            f"{url}/accept", headers={"Idempotency-Key": "op_accept", "X-Firstline-Actor": "kim"}
        )
        assert answer.status_code == 200, answer.text
    delivered(2)
    shown = desk.shown(issue)
    assert shown["Issue type"] == found["issue_type"]
    assert shown["Team"] == found["team"]
    assert shown["Priority"] == found["priority"].capitalize()
    seen = httpx.get(f"{url}/suggestion").json()
    assert set(seen["written"]) >= {"issue_type", "category", "team"}
    assert (seen["feedback"]["by"], seen["delivery"]) == ("tracker:kim", "done")

    answer = httpx.post(f"{url}/undo", headers={"Idempotency-Key": "op_undo_1", "X-Firstline-Actor": "kim"})
    assert answer.status_code == 200, answer.text
    delivered(3)
    assert desk.shown(issue) == before
    assert httpx.get(f"{url}/suggestion").json()["written"] == []
