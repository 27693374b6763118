"""What goes wrong between us and a tracker: one clear message each, and nothing of what we have is lost."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from typer.testing import CliRunner

from data.clock import ManualClock, SystemClock
from data.decision import TriageDecision
from data.reconcile import sweep
from data.sandbox.youtrack.model import AGENT
from data.sandbox.youtrack.transaction import Veto
from data.settings import SANDBOX_TOKEN, Settings
from data.store import Store, absence, decisions, open_store, outbox, tickets
from data.sync import poll, sync
from data.tracker import open_tracker
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import RefusedError, UnavailableError
from data.youtrack.transport import Retrying
from serving.cli import application
from serving.deliver import enqueue, operation_id
from serving.deliveries import Deliveries
from serving.doctor import Finding, examine
from serving.effects import request_undo
from serving.journal import Journal, Reach

Deliver = Callable[[], int]


@pytest.fixture
def filled(desk: Any, client: YouTrackClient, one_store: Store, quiet: Any) -> Any:
    """A desk with one decided ticket whose effect waits in the outbox."""
    issue = desk.file()
    sync(client, one_store, SystemClock(), project="PAY", progress=quiet)
    with one_store.write() as conn:
        record = tickets.find(conn, issue.id)
        assert record is not None and enqueue(conn, record, DECISION, {}, SystemClock().now())
    return issue


@pytest.fixture
def deliver(one_store: Store, client: YouTrackClient) -> Any:
    journal = Journal(io.StringIO(), SystemClock(), "worker")
    reach = Reach("tracker", journal, SystemClock())
    stop = threading.Event()
    made = Deliveries(
        one_store, client, SystemClock(), journal, reach, owner="w", stop=stop, lease_seconds=60
    )
    yield lambda: made.turn(8)
    made.close()


def operation(store: Store, issue: Any) -> Any:
    with store.read() as conn:
        found = outbox.get(conn, operation_id(issue.id))
    assert found is not None
    return found


def kept(store: Store, issue: Any) -> bool:
    """The ticket, its decision and its place among the living are still there."""
    with store.read() as conn:
        record = tickets.find(conn, issue.id)
        decided = record is not None and decisions.get(conn, record.tenant, issue.id) is not None
        return decided and absence.buried(conn) == []


def untouched(desk: Any, issue: Any) -> bool:
    fields = [desk.shown(issue, n) for n in ("Issue type", "Category", "Team")]
    return fields == [None] * 3 and not [c for c in issue.comments if "firstline" in c.text]


def test_an_expired_token(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver
) -> None:
    token = desk.state.tokens.pop(SANDBOX_TOKEN)
    with pytest.raises(RefusedError, match="does not accept our token") as refused:
        poll(client, one_store, SystemClock(), project="PAY")
    assert "FIRSTLINE_TRACKER_TOKEN" in refused.value.remedy and SANDBOX_TOKEN not in str(refused.value)
    assert deliver() == 0
    waiting = operation(one_store, filled)
    assert waiting.state == "new" and "does not accept our token" in waiting.last_error
    assert kept(one_store, filled) and untouched(desk, filled)
    desk.state.tokens[SANDBOX_TOKEN] = token
    assert poll(client, one_store, SystemClock(), project="PAY") == []


def test_a_token_without_access_to_the_project(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver, settings: Settings
) -> None:
    desk.state.lost.add(("svc-firstline", "PAY"))
    for look in (
        lambda: poll(client, one_store, SystemClock(), project="PAY"),
        lambda: sweep(client, one_store, SystemClock(), "PAY"),
    ):
        with pytest.raises(RefusedError, match="does not know what is asked for") as refused:
            look()
        assert "FIRSTLINE_PROJECT" in refused.value.remedy
    assert deliver() == 0
    waiting = operation(one_store, filled)
    assert waiting.state == "new" and "PAY is hidden from us" in waiting.last_error
    assert kept(one_store, filled)
    told = CliRunner().invoke(application(), ["connect"], env=environ(settings))
    assert told.exception is not None and "does not see a project 'PAY'" in str(told.exception)
    desk.state.lost.clear()
    assert poll(client, one_store, SystemClock(), project="PAY") == []


@pytest.mark.parametrize("how", ["renamed", "archived"])
def test_a_field_renamed_or_archived(
    desk: Any,
    client: YouTrackClient,
    one_store: Store,
    filled: Any,
    deliver: Deliver,
    settings: Settings,
    how: str,
) -> None:
    fields = desk.state.project.fields
    field, value = fields.pop("Team"), filled.fields.pop("Team")
    if how == "renamed":
        field.name = "Queue"
        fields["Queue"], filled.fields["Queue"] = field, value
    assert deliver() == 1
    given_up = operation(one_store, filled)
    assert given_up.state == "dead" and "has no field 'Team'" in given_up.last_error
    assert kept(one_store, filled)
    assert desk.shown(filled, "Issue type") is None, "not one field of several was written"
    assert "lacks Team" in found(settings, "tracker fields").found
    told = CliRunner().invoke(application(), ["connect", "--no-dry-run"], env=environ(settings))
    assert told.exit_code == 1 or "Queue" in told.output
    field.name = "Team"  # put right: a person has it tried again
    fields.pop("Queue", None)
    fields["Team"], filled.fields["Team"] = field, filled.fields.pop("Queue", value)
    with one_store.write() as conn:
        assert outbox.revive(conn, given_up.op_id, SystemClock().now())
    assert deliver() == 1 and desk.shown(filled, "Team") == "payroll"


@pytest.mark.parametrize("how", ["archived", "removed"])
def test_a_value_that_leaves_its_bundle_while_we_run(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver, how: str
) -> None:
    client.fields_of("PAY")  # read, and believed until it is refused
    values = desk.state.project.fields["Team"].values
    if how == "removed":
        del values["payroll"]
    else:
        values["payroll"].archived = True
    assert deliver() == 1
    given_up = operation(one_store, filled)
    assert given_up.state == "dead" and "Value is not allowed: payroll" in given_up.last_error
    assert kept(one_store, filled) and untouched(desk, filled)


def test_a_workflow_veto(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver
) -> None:
    desk.state.rules["leads"] = Veto("leads", "Only team leads may set the team", field="Team")
    assert deliver() == 1
    assert len([w for w in desk.writes() if w == f"/api/issues/{filled.id}"]) == 1, "not tried again"
    given_up = operation(one_store, filled)
    assert given_up.state == "dead" and "Only team leads may set the team" in given_up.last_error
    assert kept(one_store, filled) and untouched(desk, filled)


def test_an_update_refused_because_another_field_is_required(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver
) -> None:
    body = {"error": "Field required", "error_description": "Country is required", "error_field": "Country"}

    def instead(method: str, path: str) -> Response | None:
        return JSONResponse(body, 400) if (method, path) == ("POST", f"/api/issues/{filled.id}") else None

    desk.instead = instead
    assert deliver() == 1
    given_up = operation(one_store, filled)
    assert given_up.state == "dead" and "Country is required" in given_up.last_error
    assert kept(one_store, filled) and untouched(desk, filled)


def test_an_undo_that_would_empty_a_field_that_became_required(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver
) -> None:
    assert deliver() == 1 and desk.shown(filled, "Team") == "payroll"
    desk.state.project.fields["Team"].required = True
    with one_store.write() as conn:
        undo = request_undo(conn, "acme", filled.id, actor="local", now=SystemClock().now())
    assert deliver() == 1
    with one_store.read() as conn:
        given_up = outbox.get(conn, undo)
    assert (
        given_up is not None and given_up.state == "dead" and "Team is required" in str(given_up.last_error)
    )
    assert kept(one_store, filled)
    shown = [desk.shown(filled, n) for n in ("Issue type", "Category", "Team")]
    assert shown == ["payslip_missing", "payslips", "payroll"], "all of it or nothing"


def test_a_ticket_deleted_between_decision_and_delivery(
    desk: Any, client: YouTrackClient, one_store: Store, filled: Any, deliver: Deliver
) -> None:
    desk.file("another")
    desk.state.delete_issue(filled, desk.state.users["kim"], 1)
    assert deliver() == 1
    given_up = operation(one_store, filled)
    assert given_up.state == "dead" and "does not have it, or hides it" in given_up.last_error
    assert kept(one_store, filled), "believed gone at the second look only"
    with one_store.read() as conn:
        assert absence.noted(conn, "PAY") == [filled.id]


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_an_hour_off(desk: Any, one_store: Store, settings: Settings, quiet: Any, hours: int) -> None:
    ours = ManualClock(SystemClock().now() - timedelta(hours=hours))
    with httpx.Client() as http:
        client = open_tracker(settings, http, ours)
        issue = desk.file()
        assert sync(client, one_store, ours, project="PAY", progress=quiet).missing == 0
        desk.set(issue, "Team", "tax")
        assert poll(client, one_store, ours, project="PAY") == [issue.id]
        clock = found(settings, "tracker clock", ours)
    assert clock.verdict == "warn" and "NTP" in clock.remedy
    assert f"60 min {'ahead of' if hours > 0 else 'behind'} ours" in clock.found
    assert not [f for f in examined(settings) if f.check == "tracker clock"], "clocks that agree are no news"


def test_doctor_shows_the_breaker_and_when_it_is_tried_again(desk: Any, settings: Settings) -> None:
    desk.instead = lambda method, path: Response("sorry", 503)
    with open_store(settings.database_url) as store, httpx.Client() as http:
        client = open_tracker(settings, http, SystemClock(), store=store, retrying=Retrying(attempts=1))
        for _ in range(5):
            with pytest.raises(UnavailableError):
                client.check()
    pause = found(settings, "tracker pause")
    assert pause.verdict == "warn" and "failed 5 times; tried again from" in pause.found
    desk.instead = lambda method, path: None
    assert found(settings, "tracker").verdict == "ok"


def test_a_guest_and_an_account_outside_the_team(
    desk: Any, settings: Settings, client: YouTrackClient
) -> None:
    desk.state.tokens[SANDBOX_TOKEN] = desk.state.add_user("newcomer", "New", kind=AGENT)
    account = found(settings, "tracker account")
    assert "newcomer counts as a person" in account.found and "service_accounts" in account.remedy


def found(settings: Settings, check: str, clock: Any = None) -> Finding:
    return next(f for f in examined(settings, clock) if f.check == check)


def examined(settings: Settings, clock: Any = None) -> list[Finding]:
    with httpx.Client() as http:
        return examine(settings, http, clock or SystemClock())


def environ(settings: Settings) -> dict[str, str]:
    return {"FIRSTLINE_HOME": str(settings.home), "FIRSTLINE_TRACKER_URL": settings.tracker_url}


DECISION = TriageDecision(
    id="1",
    issue_type="payslip_missing",
    category="payslips",
    priority="normal",
    team="payroll",
    probability=0.99,
    top=(("payslip_missing", 0.99),),
    priority_probability=0.9,
    decision="apply",
    priority_decision="abstain",
    reason="sure enough",
    bundle="b",
    policy="p",
)
