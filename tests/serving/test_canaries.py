"""Secrets and personal data planted in tickets and requests come out in no log, error or audit row."""

from __future__ import annotations

import io
import threading
from typing import Any

import httpx
from sqlalchemy import text

from data.clock import SystemClock
from data.settings import read_settings
from data.store import open_store
from data.youtrack.client import YouTrackClient
from serving.journal import Journal
from serving.worker import Worker

PERSONAL = ("Zyphora Quillenbach", "DE89370400440532013000", "zyphora.q@canary.example", "Kanarienweg")
TICKET = (
    f"I am {PERSONAL[0]}, my IBAN {PERSONAL[1]}, write to {PERSONAL[2]}",
    f"{PERSONAL[0]} lives at {PERSONAL[3]} 7. I forgot my password and cannot sign in. {PERSONAL[1]}",
)
TOKEN = "perm:Y2FuYXJ5.dG9rZW4=.canary-token-nobody-has"
ASIDE = ("tickets", "comments", "changes", "staged_changes", "people")
"""Tables whose purpose is to hold what people wrote."""


def test_what_was_planted_is_nowhere(service: Any, desk: Any, tmp_path: Any) -> None:
    settings = read_settings(
        {**service.environ, "FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_POLL_SECONDS": "1"}
    )
    clock, log = SystemClock(), io.StringIO()
    issue, gone = desk.file(*TICKET), desk.file(*TICKET)
    answers = [
        httpx.post(f"{service.url}/v1/triage", content=body, timeout=60).text
        for body in (
            b'{"tickets": "' + PERSONAL[0].encode(),
            b'{"tickets": [{"summary": 7, "description": "' + PERSONAL[1].encode() + b'"}]}',
            b'{"tickets": {"x": "' + PERSONAL[2].encode() + b'"}}',
        )
    ]
    answers.append(
        httpx.post(
            f"{service.url}/v1/events/youtrack",
            content=PERSONAL[0].encode(),
            headers={"X-YouTrack-Token": TOKEN, "webhook-signature": TOKEN},
        ).text
    )
    with (
        open_store(settings.database_url) as store,
        httpx.Client() as tracker,
        httpx.Client(base_url=service.url, timeout=60) as own,
    ):
        good = YouTrackClient(tracker, settings.tracker_url, settings.tracker_token, clock)
        worker = Worker(
            settings, store, good, own, clock, Journal(log, clock, "worker"), stop=threading.Event()
        )
        worker.read_tracker()
        assert worker.triage() == 2
        desk.state.delete_issue(gone, desk.state.users["kim"], int(clock.now().timestamp() * 1000))
        worker.deliver()
        assert desk.said(issue)
        bad = YouTrackClient(tracker, settings.tracker_url, TOKEN, clock)
        Worker(
            settings, store, bad, own, clock, Journal(log, clock, "worker"), stop=threading.Event()
        ).read_tracker()
        with store.read() as conn:
            names = [t for t in store_tables(store) if t not in ASIDE]
            rows = [str(conn.execute(text(f"SELECT * FROM {name}")).all()) for name in names]
    said = "\n".join([log.getvalue(), service.log.read_text(), *answers, *rows])
    assert "delivery given up" in said, "the faults happened"
    for planted in (*PERSONAL, TOKEN, settings.tracker_token, settings.webhook_secret):
        assert planted not in said


def store_tables(store: Any) -> list[str]:
    from data.store.database import tables

    return tables(store)
