"""What becomes of operations: delivered, put back, given up; noted in one transaction, told to a person."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse

from data.caps import Caps
from data.sandbox.youtrack.transaction import Veto
from data.store import absence, alerts, outbox, switches
from data.store.outbox import Operation
from serving import deliveries as module
from serving.deliveries import Deliveries
from serving.effects import GIVEN_UP, drop, enqueue_fields, request_undo
from serving.journal import Journal, Reach

Turn = Callable[..., int]


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def made(clock: Any, log: io.StringIO) -> Iterator[Callable[..., Deliveries]]:
    """Make deliveries of a bench; their threads end with the test."""
    opened: list[Deliveries] = []

    def deliveries(bench: Any, **more: Any) -> Deliveries:
        journal = Journal(log, clock, "worker")
        facts: dict[str, Any] = {
            "owner": "me",
            "stop": threading.Event(),
            "lease_seconds": 60.0,
            "tracker": Reach("tracker", journal, clock),
        } | more
        tracker = facts.pop("tracker")
        opened.append(Deliveries(bench.store, bench.client, clock, journal, tracker, **facts))
        return opened[-1]

    yield deliveries
    for one in opened:
        one.close()


def events(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def refuse(bench: Any, status: int, *, only: str = "POST", **body: Any) -> None:
    answer = {"error": "x", "error_description": "no", **body}
    bench.desk.fault = lambda method, path: JSONResponse(answer, status) if method == only else None


def standing(bench: Any) -> list[alerts.Alert]:
    with bench.store.read() as conn:
        return alerts.find(conn)


def test_what_is_due_is_delivered_and_noted(both: Any, made: Any) -> None:
    issues = [both.desk.file() for _ in range(3)]
    operations = [both.decide(i) for i in issues]
    assert made(both).turn(64) == 3
    for issue, operation in zip(issues, operations, strict=True):
        done = both.operation(operation.op_id)
        assert (done.state, done.outcome, done.attempts) == ("done", "delivered", 1)
        assert done.remote_id == both.desk.said(issue)[0].id
        assert done.found == {"Issue type": None, "Category": None, "Team": None, "Priority": "Normal"}
        assert done.left == both.desk.shown(issue)
        assert done.said_at == both.clock.now()
    assert standing(both) == []


def test_a_turn_ends_where_nothing_is_due_or_enough_was_done(bench: Any, made: Any) -> None:
    deliveries = made(bench)
    assert deliveries.turn(64) == 0
    for _ in range(module.ABREAST + 1):
        bench.decide(bench.desk.file())
    assert deliveries.turn(1) == module.ABREAST, "claimed together, finished together"
    assert deliveries.turn(64) == 1


def test_a_turn_stops_when_told_to(bench: Any, made: Any) -> None:
    stop = threading.Event()
    bench.decide(bench.desk.file())
    deliveries = made(bench, stop=stop)
    stop.set()
    assert deliveries.turn(64) == 0
    stop.clear()
    assert deliveries.turn(64) == 1


def test_a_tracker_that_is_away_costs_one_look_and_loses_nothing(bench: Any, made: Any, log: Any) -> None:
    operations = [bench.decide(bench.desk.file()) for _ in range(5)]
    deliveries = made(bench)
    bench.desk.fault = lambda method, path: JSONResponse({"error": "down"}, 503)
    assert deliveries.turn(64) == 0
    assert len([e for e in events(log) if e["event"] == "tracker not reachable, waiting"]) == 1
    waiting = bench.operation(operations[0].op_id)
    assert (waiting.state, waiting.attempts) == ("new", 1)
    assert waiting.last_error == "The tracker answers 503: down."
    mark = bench.mark
    assert deliveries.turn(64) == 0
    assert bench.since(mark) == [], "a pause for all"
    bench.clock.sleep(60)
    mark = bench.mark
    deliveries.turn(64)
    assert len(bench.since(mark)) == 1, "one try is enough to see that it is still away"
    bench.desk.fault = lambda method, path: None
    bench.clock.sleep(60)
    assert deliveries.turn(64) == 5
    assert events(log)[-1]["event"] == "tracker reachable again"
    assert standing(bench) == []


def test_a_pause_that_the_tracker_asks_for_is_kept(bench: Any, made: Any) -> None:
    operation = bench.decide(bench.desk.file())
    bench.desk.fault = lambda method, path: JSONResponse({}, 429, headers={"Retry-After": "40"})
    deliveries = made(bench)
    deliveries.turn(64)
    bench.desk.fault = lambda method, path: None
    for seconds, done in ((39, 0), (1, 1)):
        bench.clock.sleep(seconds)
        assert deliveries.turn(64) == done
    assert bench.operation(operation.op_id).attempts == 2


def test_of_several_pauses_the_longest_counts(bench: Any, made: Any) -> None:
    reach = Recorded()
    issues = [bench.desk.file() for _ in range(3)]
    for issue in issues:
        bench.decide(issue)
    asked = dict(zip((i.id for i in issues), ("10", "40", None), strict=True))

    def fault(method: str, path: str) -> JSONResponse | None:
        named = next((i for i in asked if f"/{i}" in path), None)
        if named is None or asked[named] is None:
            return None
        return JSONResponse({}, 429, headers={"Retry-After": str(asked[named])})

    bench.desk.fault = fault
    made(bench, tracker=reach).turn(64)
    assert reach.told[-1] == ("failed", 40.0), "the one that was delivered does not end the pause"


class Recorded:
    """A reach that only listens."""

    failing = False

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.why: list[str] = []

    def due(self) -> bool:
        return len(self.told) < 1

    def failed(self, why: str, pause: float | None = None) -> None:
        self.told.append(("failed", pause))
        self.why.append(why)

    def answered(self) -> None:
        self.told.append(("answered", None))


def test_one_failure_beside_a_success_is_its_own(bench: Any, made: Any) -> None:
    good, bad = bench.desk.file(), bench.desk.file()
    for issue in (good, bad):
        bench.decide(issue)
    bench.desk.fault = lambda method, path: JSONResponse({}, 503) if f"/{bad.id}" in path else None
    reach = Recorded()
    assert made(bench, tracker=reach).turn(64) == 1
    assert reach.told == [("answered", None)]


def test_where_nobody_was_answered_the_first_reason_is_told(bench: Any, made: Any) -> None:
    bench.decide(bench.desk.file())
    bench.desk.fault = lambda method, path: JSONResponse({"error": "down"}, 503)
    reach = Recorded()
    made(bench, tracker=reach).turn(64)
    assert (reach.told, reach.why) == ([("failed", None)], ["The tracker answers 503: down."])


def test_what_only_waits_says_nothing_about_the_tracker(bench: Any, made: Any) -> None:
    bench.decide(bench.desk.file())
    reach = Recorded()
    deliveries = made(bench, tracker=reach, caps=Caps(per_hour=1))
    bench.decide(bench.desk.file())
    bench.desk.fault = lambda method, path: None
    with bench.store.write() as conn:
        switches.pause(conn, "PAY", "cli", "", bench.clock.now())
    deliveries.turn(64)
    assert reach.told == []


def test_pauses_between_tries_double_up_to_half_a_minute(bench: Any, made: Any) -> None:
    operation = bench.decide(bench.desk.file())
    bench.desk.fault = lambda method, path: JSONResponse({}, 503)
    waits = []
    for _ in range(7):
        made(bench).turn(1)  # a new one each time: without the pause for all
        waited = 0
        while True:
            with bench.store.write() as conn:
                ready = outbox.claim(conn, "probe", bench.clock.now(), 60, 1)
                outbox.release(conn, "probe", bench.clock.now())
                if ready:  # what only looked used no attempt up
                    _uncount(conn, operation.op_id)
            if ready:
                break
            bench.clock.sleep(1)
            waited += 1
        waits.append(waited)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def _uncount(conn: Any, op_id: str) -> None:
    from sqlalchemy import update

    from data.store.schema import outbox as table

    conn.execute(update(table).where(table.c.op_id == op_id).values(attempts=table.c.attempts - 1))


def test_a_paused_project_waits_without_using_up_attempts(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    deliveries = made(bench)
    read = bench.client.issue_with_fields

    def then_pause(issue_id: str) -> Any:
        with bench.store.write() as conn:
            switches.pause(conn, "PAY", "cli", "", bench.clock.now())
        return read(issue_id)

    bench.client.issue_with_fields = then_pause
    assert deliveries.turn(64) == 0
    waiting = bench.operation(operation.op_id)
    assert (waiting.state, waiting.attempts) == ("new", 0)
    assert waiting.last_error == "waits: automation is paused"
    assert bench.desk.shown(issue)["Issue type"] is None


def test_above_the_cap_it_waits_until_one_may(bench: Any, made: Any) -> None:
    operations = [bench.decide(bench.desk.file()) for _ in range(2)]
    deliveries = made(bench, caps=Caps(per_hour=1))
    assert deliveries.turn(64) == 1
    (waiting,) = [o for o in map(bench.operation, (o.op_id for o in operations)) if o.state == "new"]
    assert waiting.last_error == "waits: the cap of 1 automatic writes per hour in PAY is reached"
    assert waiting.attempts == 0
    bench.clock.sleep(3590)
    assert deliveries.turn(64) == 0
    bench.clock.sleep(10)
    assert deliveries.turn(64) == 1


def test_a_comment_whose_answer_was_lost_is_waited_for_ten_seconds(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    bench.desk.fault = lambda method, path: JSONResponse({}, 502) if path.endswith("/comments") else None
    deliveries = made(bench)
    deliveries.turn(64)
    bench.desk.fault = lambda method, path: None
    bench.clock.sleep(9)
    assert deliveries.turn(64) == 0
    waiting = bench.operation(operation.op_id)
    assert waiting.last_error == "waits until a comment sent off earlier would be visible"
    assert waiting.attempts == 2, "this counts: it must not go on for ever"
    bench.clock.sleep(4)
    assert deliveries.turn(64) == 1
    assert len(bench.desk.said(issue)) == 1


# Given up: an alert that says which ticket, why, and what to do.


def test_a_value_that_left_the_bundle_is_an_alert_and_can_be_retried(both: Any, made: Any) -> None:
    issue = both.desk.file()
    operation = both.decide(issue)
    team = operation.payload["decision"]["team"]
    values = issue.project.fields["Team"].values
    gone = values.pop(team)
    deliveries = made(both)
    assert deliveries.turn(64) == 1
    dead = both.operation(operation.op_id)
    assert (dead.state, dead.last_error) == ("dead", f"The field 'Team' has no value '{team}'.")
    (alert,) = standing(both)
    assert (alert.kind, alert.subject, alert.opened) == (GIVEN_UP, operation.op_id, both.clock.now())
    assert alert.facts == {
        "ticket": "PAY-1",
        "project": "PAY",
        "kind": "triage",
        "reason": dead.last_error,
        "remedy": "Create it in the project's settings, or correct the taxonomy or the field names. Then "
        f"`firstline outbox retry {operation.op_id}`; `outbox drop` where it is not wanted.",
    }
    assert deliveries.turn(64) == 0, "it is not tried again by itself"
    values[team] = gone
    with both.store.write() as conn:
        assert outbox.revive(conn, operation.op_id, both.clock.now())
    assert deliveries.turn(64) == 1
    assert both.desk.shown(issue)["Team"] == team
    assert standing(both) == []


def test_a_workflow_that_vetoes_is_told_in_its_own_words(bench: Any, made: Any, log: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    bench.desk.state.rules["r"] = Veto("r", "Set the legal entity first.", field="Team")
    deliveries = made(bench)
    assert deliveries.turn(64) == 1
    (alert,) = standing(bench)
    assert "Set the legal entity first" in alert.facts["reason"]
    assert alert.facts["remedy"].startswith(
        "Check that the project's custom fields and workflow rules allow it. Then "
    )
    assert bench.desk.shown(issue)["Issue type"] is None, "nothing is written by halves"
    assert [e for e in events(log) if e["event"] == "delivery given up"] == [
        {
            "at": "2026-06-01T09:00:02.000+00:00",
            "process": "worker",
            "event": "delivery given up",
            "operation": operation.op_id,
            "why": alert.facts["reason"],
        }
    ]
    bench.desk.state.rules.clear()
    with bench.store.write() as conn:
        outbox.revive(conn, operation.op_id, bench.clock.now())
    assert deliveries.turn(64) == 1
    assert standing(bench) == []


def test_failing_again_after_a_retry_keeps_one_alert_with_the_new_reason(bench: Any, made: Any) -> None:
    operation = bench.decide(bench.desk.file())
    deliveries = made(bench)
    for words in ("first", "second"):
        bench.desk.state.rules["r"] = Veto("r", words, field="Team")
        with bench.store.write() as conn:
            outbox.revive(conn, operation.op_id, bench.clock.now())
        deliveries.turn(64)
    (alert,) = standing(bench)
    assert "second" in alert.facts["reason"]


def test_what_is_not_wanted_any_more_is_dropped_with_its_alert(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    bench.desk.state.rules["r"] = Veto("r", "no", field="Team")
    deliveries = made(bench)
    deliveries.turn(64)
    with bench.store.write() as conn:
        assert drop(conn, bench.operation(operation.op_id), bench.clock.now())
    assert standing(bench) == []
    ended = bench.operation(operation.op_id)
    assert (ended.state, ended.outcome) == ("done", "withdrawn")
    with bench.store.write() as conn:
        assert not drop(conn, ended, bench.clock.now())
        assert not outbox.revive(conn, operation.op_id, bench.clock.now())


def test_a_ticket_that_the_tracker_does_not_show_is_looked_for_again(bench: Any, made: Any) -> None:
    issue, other = bench.desk.file(), bench.desk.file()
    bench.decide(issue)
    bench.decide(other)
    bench.desk.state.delete_issue(issue, bench.desk.state.users["kim"], bench.desk.now())
    assert made(bench).turn(64) == 2
    with bench.store.read() as conn:
        assert absence.due(conn, bench.clock.now()) == [issue.id]
    (alert,) = standing(bench)
    assert alert.facts["ticket"] == "PAY-1"
    assert len(bench.desk.said(other)) == 1


def test_only_what_is_missing_is_looked_for_again(bench: Any, made: Any) -> None:
    bench.decide(bench.desk.file())
    bench.desk.state.rules["r"] = Veto("r", "no", field="Team")
    made(bench).turn(64)
    with bench.store.read() as conn:
        assert absence.due(conn, bench.clock.now() + timedelta(days=1)) == []


def test_where_the_token_is_refused_nothing_is_given_up(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    tokens, bench.desk.state.tokens = dict(bench.desk.state.tokens), {}
    deliveries = made(bench)
    assert deliveries.turn(64) == 0
    waiting = bench.operation(operation.op_id)
    assert (waiting.state, standing(bench)) == ("new", [])
    assert "token" in str(waiting.last_error)
    bench.desk.state.tokens.update(tokens)
    bench.clock.sleep(60)
    assert deliveries.turn(64) == 1


def test_what_fails_too_often_is_given_up_and_told(
    bench: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ATTEMPTS", 2)
    issue = bench.desk.file()
    operation = bench.decide(issue)
    refuse(bench, 503)
    deliveries = made(bench)
    assert deliveries.turn(64) == 0
    assert standing(bench) == []
    bench.clock.sleep(60)
    assert deliveries.turn(64) == 1
    assert bench.operation(operation.op_id).state == "dead"
    (alert,) = standing(bench)
    assert alert.facts["reason"] == "The tracker answers 503: no."
    assert alert.facts["remedy"].startswith("It was tried 2 times: see that the tracker takes it. Then ")


def test_what_only_waits_is_never_given_up(bench: Any, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ATTEMPTS", 1)
    first, second = (bench.decide(bench.desk.file()) for _ in range(2))
    deliveries = made(bench, caps=Caps(per_hour=1))
    assert deliveries.turn(64) == 1
    states = sorted(bench.operation(o.op_id).state for o in (first, second))
    assert states == ["done", "new"]
    assert standing(bench) == []


def test_the_alert_names_the_id_where_the_ticket_is_not_stored(bench: Any, made: Any) -> None:
    with bench.store.write() as conn:
        facts = {"values": {"Team": "payments"}, "project": "PAY", "by": "cli"}
        outbox.enqueue(conn, "f9", "acme", "3-999", "fields", facts, bench.clock.now(), project="PAY")
    made(bench).turn(64)
    (alert,) = standing(bench)
    assert (alert.facts["ticket"], alert.facts["kind"]) == ("3-999", "fields")


# What people asked for goes the same way.


def test_fields_and_undo_are_delivered_by_kind(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    bench.read(issue)
    now = bench.clock.now()
    deliveries = made(bench)
    with bench.store.write() as conn:
        asked = enqueue_fields(conn, "acme", issue.id, {"Team": "payments"}, actor="tracker:kim", now=now)
    assert deliveries.turn(64) == 1
    assert bench.operation(asked).outcome == "written"
    assert bench.operation(asked).left == {"Team": "payments"}
    with bench.store.write() as conn:
        back = request_undo(conn, "acme", issue.id, actor="tracker:kim", now=now)
    assert deliveries.turn(64) == 1
    assert bench.operation(back).outcome == "restored"
    assert bench.desk.shown(issue)["Team"] is None


def test_the_switch_does_not_hold_back_what_people_ask_for(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    bench.read(issue)
    with bench.store.write() as conn:
        switches.pause(conn, "PAY", "cli", "", bench.clock.now())
        enqueue_fields(conn, "acme", issue.id, {"Team": "payments"}, actor="cli", now=bench.clock.now())
    assert made(bench, caps=Caps(per_hour=0)).turn(64) == 1
    assert bench.desk.shown(issue)["Team"] == "payments"


def test_an_undo_of_nothing_ends(bench: Any, made: Any) -> None:
    with bench.store.write() as conn:
        facts = {"of": "nothing", "project": "PAY", "by": "cli"}
        outbox.enqueue(conn, "u9", "acme", "3-1", "undo", facts, bench.clock.now())
    mark = bench.mark
    assert made(bench).turn(64) == 1
    ended = bench.operation("u9")
    assert (ended.state, ended.outcome, ended.left, ended.remote_id) == ("done", "nothing to undo", {}, None)
    assert bench.since(mark) == []


def test_a_claim_that_was_lost_meanwhile_decides_nothing(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    bench.desk.state.rules["r"] = Veto("r", "no", field="Team")
    update = bench.client.update_fields

    def robbed(*arguments: Any, **more: Any) -> Any:
        with bench.store.write() as conn:
            outbox.release(conn, "me", bench.clock.now())
        return update(*arguments, **more)

    bench.client.update_fields = robbed
    stop = threading.Event()
    deliveries = made(bench, stop=stop)
    settle = deliveries._settle

    def once(*arguments: Any) -> bool:
        stop.set()
        return settle(*arguments)

    deliveries._settle = once  # type: ignore[method-assign]
    deliveries.turn(64)
    assert bench.operation(operation.op_id).state == "new"
    assert standing(bench) == [], "whoever has the claim tells"


def test_endings_that_could_not_be_written_down_are_found_by_looking(bench: Any, made: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    deliveries = made(bench, lease_seconds=3600.0)
    settle, away = deliveries._settle, [True]

    def failing(conn: Any, *rest: Any) -> bool:
        if away.pop() if away else False:
            raise OSError("the database went away")
        return settle(conn, *rest)

    deliveries._settle = failing  # type: ignore[method-assign]
    with pytest.raises(OSError, match="went away"):
        deliveries.turn(64)
    assert bench.operation(operation.op_id).state == "sending"
    bench.clock.sleep(11)
    assert deliveries.turn(64) == 1, "its own claim is taken back at once, not after the lease"
    assert len(bench.desk.said(issue)) == 1
    done: Operation = bench.operation(operation.op_id)
    assert done.left == bench.desk.shown(issue)


def test_a_turn_that_went_well_does_not_take_back_what_others_hold(bench: Any, made: Any) -> None:
    deliveries = made(bench)
    bench.decide(bench.desk.file())
    assert deliveries.turn(64) == 1
    operation = bench.decide(bench.desk.file())
    with bench.store.write() as conn:
        assert outbox.claim(conn, "me", bench.clock.now(), 60, 1)
    assert deliveries.turn(64) == 0
    assert bench.operation(operation.op_id).state == "sending"


def test_a_turn_begins_nothing_more_once_others_are_due(bench: Any, made: Any) -> None:
    for _ in range(2 * module.ABREAST):
        bench.decide(bench.desk.file())
    deliveries = made(bench)
    assert deliveries.turn(64, until=bench.clock.now()) == module.ABREAST
    assert deliveries.turn(64, until=bench.clock.now() + timedelta(hours=1)) == module.ABREAST


def test_a_hidden_project_waits_and_buries_nothing(bench: Any, made: Any) -> None:
    operation = bench.decide(bench.desk.file())
    bench.desk.state.lost.add(("svc-firstline", "PAY"))
    assert made(bench).turn(64) == 0
    waiting = bench.operation(operation.op_id)
    assert waiting.state == "new"
    assert "PAY is hidden from us" in waiting.last_error
    assert standing(bench) == []


def test_a_delivery_whose_claim_was_lost_leaves_the_alert_to_its_holder(bench: Any, made: Any) -> None:
    operation = bench.decide(bench.desk.file())
    with bench.store.write() as conn:
        alerts.warn(conn, GIVEN_UP, operation.op_id, {}, bench.clock.now())
    deliveries = made(bench)
    settle = deliveries._settle

    def robbed(conn: Any, *arguments: Any) -> bool:
        outbox.release(conn, "me", bench.clock.now())
        return settle(conn, *arguments)

    deliveries._settle = robbed  # type: ignore[method-assign]
    deliveries.turn(1)
    assert len(standing(bench)) == 1
