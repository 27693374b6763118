"""The worker end to end: real service, real store, the sandbox's tracker."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse

from data.caps import Caps
from data.clock import SystemClock
from data.settings import Settings, read_settings
from data.store import Store, absence, decisions, inbox, open_store, outbox
from data.youtrack.client import YouTrackClient
from data.youtrack.transport import Retrying
from data.youtrack.webhook import event_body, headers_for
from serving.deliver import operation_id
from serving.effects import request_undo
from serving.journal import Journal
from serving.worker import Worker

SURE = "reset my password"  # the test bundle applies this one
UNSURE = "payslip missing"


@pytest.fixture
def home(tmp_path: Path, service: Any, desk: Any) -> Settings:
    environ = {
        "FIRSTLINE_HOME": str(tmp_path),
        "FIRSTLINE_SERVICE_PORT": str(service.settings.service_port),
        "FIRSTLINE_TRACKER_URL": desk.url,
        "FIRSTLINE_POLL_SECONDS": "0.05",
    }
    return read_settings(environ)


@pytest.fixture
def here(home: Settings) -> Iterator[Store]:
    with open_store(home.database_url) as opened:
        yield opened


@pytest.fixture
def made(home: Settings, here: Store) -> Iterator[Callable[..., Worker]]:
    clock = SystemClock()
    with httpx.Client(timeout=10) as tracker, httpx.Client(base_url=home.service_url, timeout=60) as service:
        retrying = Retrying(attempts=2, total=2.0, first=0.01)
        client = YouTrackClient(tracker, home.tracker_url, home.tracker_token, clock, retrying=retrying)

        def worker(log: io.StringIO | None = None, **changes: Any) -> Worker:
            facts: dict[str, Any] = {"service": service, "stop": threading.Event(), "lease_seconds": 1.0}
            facts |= changes
            journal = Journal(log or io.StringIO(), clock, "worker")
            return Worker(home, here, client, facts.pop("service"), clock, journal, **facts)

        yield worker


def turns(worker: Worker, until: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "the worker did not get there"
        if not worker.turn():
            time.sleep(0.02)


def writes(desk: Any) -> list[tuple[str, str]]:
    return [r for r in desk.requests if r[0] == "POST" and r[1].startswith("/api/issues/")]


def test_a_filed_ticket_is_classified_and_explained(desk: Any, here: Store, made: Any) -> None:
    sure = desk.file(SURE, "I forgot my password and cannot sign in")
    unsure = desk.file(UNSURE, "where is it")
    empty = desk.file("", "")
    worker = made()
    turns(worker, lambda: all(desk.said(i) for i in (sure, unsure, empty)))
    assert desk.shown(sure) == {
        "Issue type": "password_reset",
        "Category": "access_authentication",
        "Team": "identity-access",
        "Priority": "Normal",
    }
    assert desk.shown(unsure)["Issue type"] is None
    assert desk.shown(empty)["Issue type"] is None
    (comment,) = desk.said(sure)
    assert comment.internal
    assert comment.author.login == "svc-firstline"
    for part in ("password_reset", "% sure", "reviewed tickets", "Most likely", "bundle", "policy"):
        assert part in comment.text
    assert "proposes" in desk.said(unsure)[0].text
    assert "leaves this ticket to a person" in desk.said(empty)[0].text
    with here.read() as conn:
        assert decisions.counts(conn) == {"apply": 1, "suggest": 1, "abstain": 1}
        assert outbox.counts(conn) == {"new": 0, "sending": 0, "done": 3, "dead": 0}
        stored = outbox.get(conn, operation_id(sure.id))
    assert stored is not None
    assert stored.remote_id == comment.id


def test_what_comes_in_twice_takes_effect_once(desk: Any, made: Any) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    workers = [made() for _ in range(3)]
    turns(workers[0], lambda: bool(desk.said(issue)))
    before = len(writes(desk))
    for worker in workers * 4:
        worker.turn()
    assert len(desk.said(issue)) == 1
    assert len(writes(desk)) == before


def test_what_a_person_set_stays(desk: Any, made: Any) -> None:
    classified = desk.file(SURE, "I forgot my password and cannot sign in")
    routed = desk.file(SURE, "I forgot my password, cannot sign in")
    worker = made()
    worker.read_tracker()
    assert worker.triage() == 2
    desk.set(classified, "Issue type", "mfa_device_lost")
    desk.set(routed, "Team", "payments")
    desk.set(routed, "Priority", "Critical")
    worker.deliver()
    assert desk.shown(classified)["Issue type"] == "mfa_device_lost"
    assert desk.shown(classified)["Category"] is None
    assert "left at *mfa_device_lost*" in desk.said(classified)[0].text
    shown = desk.shown(routed)
    assert (shown["Issue type"], shown["Team"], shown["Priority"]) == (
        "password_reset",
        "payments",
        "Critical",
    )
    assert "Team: left at *payments*" in desk.said(routed)[0].text


def test_a_ticket_that_a_person_classified_first_is_not_touched(desk: Any, here: Store, made: Any) -> None:
    issue = desk.file(SURE, "I forgot my password", Issue_type="mfa_device_lost")
    other = desk.file(SURE, "I forgot my password and cannot sign in")
    turns(made(), lambda: bool(desk.said(other)))
    assert not desk.said(issue)


def test_a_ticket_deleted_between_decision_and_delivery_is_looked_for_again(
    desk: Any, here: Store, made: Any
) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    stays = desk.file(SURE, "I forgot my password, cannot sign in")
    log = io.StringIO()
    worker = made(log)
    worker.read_tracker()
    assert worker.triage() == 2
    desk.state.delete_issue(issue, desk.state.users["kim"], int(time.time() * 1000))
    worker.deliver()
    assert len(desk.said(stays)) == 1
    assert "delivery given up" in log.getvalue()
    with here.read() as conn:
        assert outbox.counts(conn)["dead"] == 1
        tomorrow = SystemClock().now() + timedelta(days=1)
        assert absence.due(conn, tomorrow) == [issue.id], "believed gone only after a second look"


def test_store_and_tracker_are_compared_once_a_day_when_nothing_else_is_due(desk: Any, made: Any) -> None:
    desk.file(SURE, "I forgot my password and cannot sign in")
    log = io.StringIO()
    worker = made(log)
    turns(worker, lambda: "reconciled" in log.getvalue())
    for _ in range(10):
        worker.turn()
    found = [json.loads(line) for line in log.getvalue().splitlines() if '"reconciled"' in line]
    assert [(f["tickets"], f["unrepaired"], f["without_ledger_row"]) for f in found] == [(1, 0, 0)]


@pytest.mark.parametrize("lost", ["fields", "comment"])
def test_a_reply_that_got_lost_does_not_double_the_effect(
    desk: Any, here: Store, made: Any, lost: str
) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    once = [True]
    path = f"/api/issues/{issue.id}" + ("/comments" if lost == "comment" else "")

    def fault(method: str, at: str) -> JSONResponse | None:
        if method == "POST" and at == path and once:
            once.clear()
            service = desk.state.users["svc-firstline"]
            if lost == "comment":  # the effect happens, the answer does not arrive
                text = f"said `firstline:op={operation_id(issue.id)}`"
                desk.state.add_comment(issue, service, 1, text, internal=True)
            return JSONResponse({"error": "lost"}, 502)
        return None

    desk.fault = fault
    worker = made()
    turns(worker, lambda: not once and _done(here, 1))
    assert len(desk.said(issue)) == 1
    assert desk.shown(issue)["Issue type"] == "password_reset"


def _done(store: Store, n: int) -> bool:
    with store.read() as conn:
        return outbox.counts(conn)["done"] == n


def test_tracker_and_service_may_be_away_and_nothing_is_lost(desk: Any, here: Store, made: Any) -> None:
    log = io.StringIO()
    with httpx.Client(base_url="http://127.0.0.1:9", timeout=1) as nowhere:
        worker = made(log, service=nowhere)
        desk.file("first", "so that the first synchronisation has something")
        turns(worker, lambda: "service not reachable" in log.getvalue())
    worker = made(log)
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    for n in range(5):  # more than the lost replies that are taken for bad luck
        desk.file(SURE, f"I forgot my password and cannot sign in, now for the time number {n}")
    worker.read_tracker()
    worker.triage()
    desk.down = True
    for _ in range(30):
        worker.turn()
        time.sleep(0.02)
    assert not desk.said(issue)
    desk.down = False
    turns(worker, lambda: bool(desk.said(issue)))
    events = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert events.count("tracker not reachable, waiting") == 1
    assert events.count("tracker reachable again") == 1
    assert "password" not in log.getvalue()
    with here.read() as conn:
        assert outbox.counts(conn)["dead"] == 0


def test_one_lost_reply_holds_nothing_else_up(desk: Any, here: Store, made: Any) -> None:
    issues = [desk.file(SURE, f"I forgot my password and cannot sign in ({n})") for n in range(6)]
    log, hurt = io.StringIO(), issues[0].id
    worker = made(log)
    worker.read_tracker()
    worker.triage()
    desk.fault = lambda method, path: JSONResponse({"error": "lost"}, 502) if hurt in path else None
    for _ in range(3):
        worker.deliver()
    assert all(desk.said(i) for i in issues[1:])
    assert not desk.said(issues[0])
    assert "not reachable" not in log.getvalue()
    desk.fault = lambda method, path: None
    turns(worker, lambda: bool(desk.said(issues[0])))


def test_one_lost_reply_sends_no_other_event_back(desk: Any, here: Store, made: Any) -> None:
    worker = made()
    worker.read_tracker()
    issues = [desk.file(SURE, f"I forgot my password and cannot sign in ({n})") for n in range(12)]
    with here.write() as conn:
        for issue in issues:
            body = event_body(
                id=issue.id, issue=issue.readable_id, project="PAY", at=issue.created, kinds=["created"]
            )
            inbox.receive(conn, issue.id, body, SystemClock().now())
    hurt = issues[3].id
    desk.fault = lambda method, path: JSONResponse({"error": "lost"}, 502) if hurt in path else None
    assert worker.read_events() == 11
    with here.read() as conn:
        assert [key for key, _ in inbox.pending(conn)] == [hurt]
    desk.fault = lambda method, path: None
    assert worker.read_events() == 1


def test_what_the_tracker_never_takes_is_given_up_alone(desk: Any, here: Store, made: Any) -> None:
    gone = desk.file(SURE, "I forgot my password and cannot sign in")
    other = desk.file(SURE, "I forgot my password and can not sign in")
    log = io.StringIO()
    worker = made(log)
    worker.read_tracker()
    worker.triage()
    desk.fault = lambda method, path: (
        JSONResponse({"error": "Not Found", "error_description": "gone"}, 404) if gone.id in path else None
    )
    turns(worker, lambda: bool(desk.said(other)))
    with here.read() as conn:
        assert outbox.counts(conn)["dead"] == 1
    assert "delivery given up" in log.getvalue()


def test_a_revoked_token_buries_nothing(desk: Any, here: Store, made: Any) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    worker = made()
    worker.read_tracker()
    worker.triage()
    tokens, desk.state.tokens = dict(desk.state.tokens), {}
    worker.deliver()
    with here.read() as conn:
        assert outbox.counts(conn)["dead"] == 0
    desk.state.tokens.update(tokens)
    turns(worker, lambda: bool(desk.said(issue)))


def test_long_and_strange_texts_are_handled(desk: Any, here: Store, made: Any) -> None:
    issues = [
        desk.file("x" * 300, "payslip missing " * 6400),
        desk.file("control \x07 chars \u202e", "\x00\x01 reset my password"),
        desk.file("給与明細がありません", "три дня нет расчётного листка"),
    ]
    turns(made(), lambda: all(desk.said(i) for i in issues))


def test_an_event_brings_a_ticket_in_without_polling(service: Any, desk: Any) -> None:
    environ = {**service.environ, "FIRSTLINE_POLL_SECONDS": "3600"}
    settings = read_settings(environ)
    clock = SystemClock()
    with (
        open_store(settings.database_url) as store,
        httpx.Client() as tracker,
        httpx.Client(base_url=settings.service_url, timeout=60) as own,
    ):
        client = YouTrackClient(tracker, settings.tracker_url, settings.tracker_token, clock)
        journal = Journal(io.StringIO(), clock, "worker")
        worker = Worker(settings, store, client, own, clock, journal, stop=threading.Event())
        worker.turn()  # the first synchronisation; the next poll is an hour away
        issue = desk.file(SURE, "I forgot my password and cannot sign in")
        for _ in range(10):
            body = event_body(
                id=issue.id, issue=issue.readable_id, project="PAY", at=issue.created, kinds=["created"]
            )
            headers = headers_for(settings.webhook_secret, int(time.time()), body)
            answer = own.post("/v1/events/youtrack", content=body, headers=headers)
            assert answer.status_code in (202, 409)  # the same words within one second are a replay
        turns(worker, lambda: bool(desk.said(issue)))
        for _ in range(5):
            worker.turn()
    assert len(desk.said(issue)) == 1
    page = httpx.get(f"{service.url}/").text
    assert f"{settings.tracker_url}/issue/{issue.readable_id}" in page


def test_what_is_to_be_delivered_or_was_announced_does_not_hold_up_polling(
    desk: Any, home: Settings, here: Store, made: Any
) -> None:
    worker = made()
    worker.turn()
    issues = [desk.file(SURE, "I forgot my password and cannot sign in") for _ in range(24)]
    now = SystemClock().now()
    with here.write() as conn:
        for n, issue in enumerate(issues):
            facts = {"id": issue.id, "issue": issue.readable_id, "project": "PAY", "at": issue.created}
            inbox.receive(conn, f"event {n}", event_body(**facts, kinds=["created"]), now)
    desk.requests.clear()
    desk.fault = lambda method, path: time.sleep(0.02)  # longer than the polling interval for every few
    turns(worker, lambda: all(desk.said(i) for i in issues))
    reads, comments = [0], [0]  # since the last poll
    for method, path in desk.requests:
        if path.endswith("/activitiesPage"):
            reads, comments = [*reads, 0], [*comments, 0]
        comments[-1] += method == "POST" and path.endswith("/comments")
        # The look before a delivery is a read as well, so reads count while nothing was said yet.
        reads[-1] += method == "GET" and path.startswith("/api/issues/") and not sum(comments)
    assert sum(comments) == 24
    assert max(comments) <= 4, comments
    assert 0 < reads[0] <= 10, reads


_KILLED = """
import os, signal, sys
import serving.worker as w

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "before delivery":
    import serving.deliveries
    serving.deliveries.deliver = die
else:
    from data.youtrack.client import YouTrackClient
    YouTrackClient.add_internal_comment = die
from data.settings import read_settings
w.run(read_settings())
"""


@pytest.mark.parametrize("moment", ["before delivery", "between fields and comment"])
def test_a_killed_worker_delivers_once_after_its_restart(
    desk: Any, home: Settings, here: Store, made: Any, moment: str
) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    killed = subprocess.run([sys.executable, "-c", _KILLED, moment], env=_environ(home), timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert desk.said(issue) == []
    assert (desk.shown(issue)["Issue type"] == "password_reset") == (moment != "before delivery")
    with here.read() as conn:
        assert outbox.counts(conn)["sending"] == 1
    log = io.StringIO()
    worker = made(log)
    worker.register()  # its lease has a minute to go and is taken back at once
    assert "leases of a dead worker taken back" in log.getvalue()
    turns(worker, lambda: _done(here, 1), 15)
    assert len(desk.said(issue)) == 1
    assert desk.shown(issue)["Issue type"] == "password_reset"


def test_sigterm_ends_the_worker_cleanly(desk: Any, home: Settings) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    firstline = str(Path(sys.executable).with_name("firstline"))
    with subprocess.Popen([firstline, "worker"], env=_environ(home), stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not desk.said(issue) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in said.decode().splitlines()]
    assert (events[0], events[-1]) == ("started", "stopped")
    assert len(desk.said(issue)) == 1


def _environ(home: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "FIRSTLINE_HOME": str(home.home),
        "FIRSTLINE_SERVICE_PORT": str(home.service_port),
        "FIRSTLINE_TRACKER_URL": home.tracker_url,
        "FIRSTLINE_POLL_SECONDS": "0.2",
    }


def test_undo_restores_what_nobody_changed_since(desk: Any, here: Store, made: Any) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    worker = made()
    turns(worker, lambda: _done(here, 1))
    desk.set(issue, "Team", "payments")
    with here.write() as conn:
        op = outbox.get(conn, operation_id(issue.id))
        assert op is not None
        assert op.found == {"Issue type": None, "Category": None, "Team": None}
        undo = request_undo(conn, op.tenant, issue.id, actor="tracker:kim", now=SystemClock().now())
        assert request_undo(conn, op.tenant, issue.id, actor="cli", now=SystemClock().now()) == undo
    turns(worker, lambda: _done(here, 2))
    shown = desk.shown(issue)
    assert (shown["Issue type"], shown["Category"], shown["Team"]) == (None, None, "payments")
    (comment,) = desk.said(issue)
    assert comment.text.startswith("**Undone by kim.**")
    assert comment.internal
    assert worker.triage() == 0


def test_operations_of_one_claim_are_delivered_at_the_same_time(desk: Any, here: Store, made: Any) -> None:
    issues = [desk.file(SURE, f"I forgot my password and cannot sign in {n}") for n in range(4)]
    worker = made(lease_seconds=60.0)
    worker.read_tracker()
    assert worker.triage() == 4
    meeting = threading.Barrier(4)
    client = worker._deliveries._client
    read = client.issue_with_fields

    def together(issue_id: str) -> Any:
        meeting.wait(10)  # breaks where fewer than four come at once
        return read(issue_id)

    client.issue_with_fields = together
    before = len(desk.requests)
    assert worker.deliver() == 4
    assert all(len(desk.said(i)) == 1 for i in issues)
    asked = [r for r in desk.requests[before:] if r[1].startswith("/api/issues/")]
    assert len(asked) == 3 * 4, "one look, one write of fields, one comment"


def test_a_second_worker_is_told_about_and_does_nothing_twice(desk: Any, here: Store, made: Any) -> None:
    issue = desk.file(SURE, "I forgot my password and cannot sign in")
    log = io.StringIO()
    first, second = made(), made(log)
    first.register()
    second.register()
    assert "another worker is at work too" in log.getvalue()
    threads = [threading.Thread(target=lambda w=w: [w.turn() for _ in range(20)]) for w in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    turns(first, lambda: _done(here, 1))
    assert len(desk.said(issue)) == 1


def test_above_the_cap_a_ticket_waits_and_the_outbox_says_so(desk: Any, here: Store, made: Any) -> None:
    issues = [desk.file(SURE, f"I forgot my password and cannot sign in {n}") for n in range(2)]
    worker = made(caps=Caps(per_hour=1))
    worker.read_tracker()
    assert worker.triage() == 2
    worker.deliver()
    assert sorted(len(desk.said(i)) for i in issues) == [0, 1]
    with here.read() as conn:
        (waiting,) = outbox.listed(conn, ["new"], 9)
    assert waiting.last_error == "waits: the cap of 1 automatic writes per hour in PAY is reached"
    assert waiting.attempts == 0
