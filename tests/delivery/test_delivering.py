"""One effect at a time against the stand-in: what is written, what is said, what a person keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import JSONResponse

from data.store.outbox import Operation
from data.youtrack.faults import NotFoundError, RefusedError, UnavailableError
from serving.comment import marker
from serving.deliver import (
    Delivered,
    HeldBackError,
    NotSettledError,
    deliver,
    deliver_fields,
    deliver_undo,
)

FOUND = {"Issue type": None, "Category": None, "Team": None, "Priority": "Normal"}


class Asked:
    """Answers `allow` and remembers what it was asked with."""

    def __init__(self, *answers: bool) -> None:
        self.answers, self.asked = list(answers), list[tuple[dict[str, str | None], bool]]()

    def __call__(self, found: Mapping[str, str | None], says: bool) -> bool:
        self.asked.append((dict(found), says))
        return self.answers.pop(0) if self.answers else True


def test_fields_and_comment_are_written_after_asking_for_each(bench: Any) -> None:
    issue = bench.desk.file()
    operation, allow = bench.decide(issue), Asked()
    mark = bench.mark
    result = deliver(bench.client, operation, allow)
    shown = bench.desk.shown(issue)
    assert shown["Issue type"] == "payslip_missing"
    assert None not in shown.values()
    (comment,) = bench.desk.said(issue)
    assert result == Delivered(comment.id, shown, "delivered")
    assert allow.asked == [(FOUND, False), ({}, True)]
    assert marker(operation.op_id) in comment.text
    assert "Firstline classified this ticket." in comment.text
    assert "proposed" not in comment.text
    assert comment.visibility is not None
    asked = [r for r in bench.since(mark) if f"/{issue.id}" in r[1]]
    assert [m for m, _ in asked] == ["GET", "POST", "POST"], "one look, one write, one comment"


def test_delivering_again_changes_nothing_and_finds_its_comment(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    first = deliver(bench.client, operation, Asked())
    allow, mark = Asked(), bench.mark
    again = deliver(bench.client, operation, allow)
    assert (again.comment, again.left, again.outcome) == (first.comment, {}, "delivered")
    assert allow.asked == []
    assert [m for m, _ in bench.since(mark)] == ["GET"]


def test_after_a_lost_answer_what_the_fields_hold_is_still_noted(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    deliver(bench.client, operation, Asked())
    again = deliver(bench.client, replace(operation, found={"Team": None, "Priority": "Normal"}), Asked())
    shown = bench.desk.shown(issue)
    assert again.left == {"Team": shown["Team"], "Priority": "Major"}


@pytest.mark.parametrize("refused", [0, 1])
def test_nothing_is_written_without_leave(bench: Any, refused: int) -> None:
    issue = bench.desk.file()
    operation, allow = bench.decide(issue), Asked(*[True] * refused, False)
    with pytest.raises(HeldBackError):
        deliver(bench.client, operation, allow)
    assert (bench.desk.shown(issue)["Issue type"] is None) == (refused == 0)
    assert not bench.desk.said(issue)


def test_a_comment_sent_off_a_moment_ago_is_waited_for(bench: Any, clock: Any) -> None:
    issue = bench.desk.file()
    operation = replace(bench.decide(issue, decision="suggest"), said_at=clock.now())
    with pytest.raises(NotSettledError):
        deliver(bench.client, operation, Asked(), settled=False)
    assert not bench.desk.said(issue)
    assert deliver(bench.client, replace(operation, said_at=None), Asked(), settled=False).comment
    assert deliver(bench.client, operation, Asked(), settled=False).comment, (
        "it is there: nothing to wait for"
    )
    assert len(bench.desk.said(issue)) == 1


def test_a_comment_that_does_not_arrive_is_sent_again_once_it_would_be_visible(
    bench: Any, clock: Any
) -> None:
    issue = bench.desk.file()
    operation = replace(bench.decide(issue, decision="suggest"), said_at=clock.now())
    assert deliver(bench.client, operation, Asked(), settled=True).comment
    assert len(bench.desk.said(issue)) == 1


def test_a_deleted_comment_of_ours_does_not_count(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue, decision="suggest")
    first = deliver(bench.client, operation, Asked())
    bench.desk.state.set_deleted(issue.comments[0], bench.desk.state.users["kim"], bench.desk.now(), True)
    again = deliver(bench.client, operation, Asked())
    assert again.comment != first.comment
    assert len(bench.desk.said(issue)) == 1


def test_a_suggestion_only_speaks(bench: Any) -> None:
    issue = bench.desk.file()
    allow = Asked()
    result = deliver(bench.client, bench.decide(issue, decision="suggest"), allow)
    assert bench.desk.shown(issue) == FOUND
    assert (result.left, allow.asked) == ({}, [({}, True)])
    assert "**payslip_missing** (97 % sure) - proposed" in bench.desk.said(issue)[0].text


def test_the_thresholds_of_the_decision_are_named(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue, priority_decision="suggest")
    payload = {**operation.payload, "thresholds": {"priority": {"threshold": 0.95}}}
    deliver(bench.client, replace(operation, payload=payload), Asked())
    assert "writing it alone needs 95 %" in bench.desk.said(issue)[0].text


# What a person did between our read and our delivery.


def touch(bench: Any, issue: Any, name: str, value: str, back: str | None, login: str = "kim") -> None:
    bench.desk.set(issue, name, value, login)
    bench.desk.set(issue, name, back, login)


def test_a_field_that_a_person_set_and_cleared_again_stays_empty(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    touch(bench, issue, "Team", "payments", None)
    result = deliver(bench.client, operation, Asked())
    assert bench.desk.shown(issue)["Team"] is None
    assert bench.desk.shown(issue)["Issue type"] == "payslip_missing"
    assert "Team" not in result.left
    assert "Team: left empty, as someone else left it" in bench.desk.said(issue)[0].text


def test_a_priority_that_a_person_set_back_to_the_default_stays(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    touch(bench, issue, "Priority", "Critical", "Normal")
    deliver(bench.client, operation, Asked())
    assert bench.desk.shown(issue)["Priority"] == "Normal"
    assert "Priority: left at *Normal*" in bench.desk.said(issue)[0].text


def test_a_ticket_whose_type_a_person_cleared_is_left_alone_as_a_whole(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    touch(bench, issue, "Issue type", "mfa_device_lost", None)
    allow = Asked()
    deliver(bench.client, operation, allow)
    assert bench.desk.shown(issue) == FOUND
    assert allow.asked == [({}, True)]


def test_what_machines_of_ours_did_is_no_persons_will(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    touch(bench, issue, "Team", "payments", None, "svc-firstline")
    deliver(bench.client, operation, Asked())
    assert bench.desk.shown(issue)["Team"] == operation.payload["decision"]["team"]


def test_what_was_changed_before_our_read_is_known_from_its_value(bench: Any) -> None:
    issue = bench.desk.file()
    touch(bench, issue, "Team", "payments", None)
    operation = bench.decide(issue)
    bench.desk.state.set_text(
        issue, bench.desk.state.users["kim"], bench.desk.now(), attribute="summary", text="Another"
    )
    deliver(bench.client, operation, Asked())
    assert bench.desk.shown(issue)["Team"] is not None


def history(bench: Any, mark: int) -> list[tuple[str, str]]:
    return [r for r in bench.since(mark) if "activities" in r[1]]


def test_the_history_is_read_only_where_the_ticket_changed_and_something_is_written(bench: Any) -> None:
    quiet, silent, moved = (bench.desk.file() for _ in range(3))
    operations = [bench.decide(quiet), bench.decide(silent, decision="suggest"), bench.decide(moved)]
    for issue in (silent, moved):
        touch(bench, issue, "Team", "payments", None)
    asked = []
    for operation in operations:
        mark = bench.mark
        deliver(bench.client, operation, Asked())
        asked.append(len(history(bench, mark)))
    assert asked == [0, 0, 1]


def test_what_a_person_cleared_after_our_write_is_not_written_again(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    with pytest.raises(HeldBackError):
        deliver(bench.client, operation, Asked(True, False))  # fields written, no leave to speak
    bench.desk.set(issue, "Team", None)
    deliver(bench.client, operation, Asked())
    assert bench.desk.shown(issue)["Team"] is None
    assert bench.desk.shown(issue)["Issue type"] == "payslip_missing"


def test_an_operation_of_an_earlier_version_is_delivered_without_the_history(bench: Any) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    touch(bench, issue, "Team", "payments", None)
    payload = {k: v for k, v in operation.payload.items() if k != "updated_seen"}
    mark = bench.mark
    deliver(bench.client, replace(operation, payload=payload), Asked())
    assert history(bench, mark) == []
    assert bench.desk.shown(issue)["Issue type"] == "payslip_missing"


# What people asked for.


def asked_for(issue: Any, values: dict[str, str | None], **more: Any) -> Operation:
    facts: dict[str, Any] = {
        "op_id": "f1",
        "tenant": "acme",
        "ticket_id": issue.id,
        "kind": "fields",
        "payload": {"values": values, "project": "PAY", "by": "tracker:kim"},
        "attempts": 1,
        "fence": 1,
        "created_at": None,
        "state": "sending",
        "remote_id": None,
        "last_error": None,
        "project": "PAY",
    }
    return Operation(**(facts | more))


def test_what_a_person_asked_for_is_written_over_whatever_is_there(bench: Any) -> None:
    issue = bench.desk.file(Team="payments")
    allow = Asked()
    wanted = {"Team": "identity-access", "Priority": "Critical", "Category": None}
    result = deliver_fields(bench.client, asked_for(issue, wanted), allow)
    assert result == Delivered(None, wanted, "written")
    assert allow.asked == [({"Team": "payments", "Priority": "Normal", "Category": None}, False)]
    assert bench.desk.shown(issue)["Team"] == "identity-access"


def test_what_is_held_already_is_not_written(bench: Any) -> None:
    issue = bench.desk.file(Team="payments")
    allow = Asked()
    result = deliver_fields(bench.client, asked_for(issue, {"Team": "payments"}), allow)
    assert (result, allow.asked) == (Delivered(None, {"Team": "payments"}, "held already"), [])


def test_on_a_retry_what_somebody_changed_meanwhile_stays(bench: Any) -> None:
    issue = bench.desk.file(Team="payments")
    found = {"Team": None, "Priority": "Normal"}
    retried = asked_for(issue, {"Team": "identity-access", "Priority": "Major"}, found=found)
    allow = Asked()
    result = deliver_fields(bench.client, retried, allow)
    assert bench.desk.shown(issue)["Team"] == "payments"
    assert bench.desk.shown(issue)["Priority"] == "Major"
    assert result.outcome == "written"
    again = deliver_fields(bench.client, retried, Asked())
    assert again == Delivered(None, {"Team": "payments", "Priority": "Major"}, "kept")


def test_a_write_that_is_not_allowed_is_not_made(bench: Any) -> None:
    issue = bench.desk.file()
    with pytest.raises(HeldBackError):
        deliver_fields(bench.client, asked_for(issue, {"Team": "payments"}), Asked(False))
    assert bench.desk.shown(issue)["Team"] is None


def test_what_the_answer_of_a_write_leaves_out_is_looked_up(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = bench.desk.file()
    write = bench.client.update_fields
    monkeypatch.setattr(bench.client, "update_fields", lambda *a, **k: write(*a, **k) and {})
    result = deliver_fields(bench.client, asked_for(issue, {"Team": "payments"}), Asked())
    assert result.left == {"Team": "payments"}


# The way back.


def undo(issue: Any, **more: Any) -> Operation:
    return asked_for(
        issue, {}, op_id="u1", kind="undo", payload={"of": "x", "project": "PAY", "by": "tracker:kim"}, **more
    )


def delivered(bench: Any, issue: Any) -> Operation:
    operation, allow = bench.decide(issue), Asked()
    result = deliver(bench.client, operation, allow)
    return replace(operation, found=allow.asked[0][0], left=result.left, remote_id=result.comment)


def test_undo_puts_back_what_was_there_and_marks_the_comment(bench: Any) -> None:
    issue = bench.desk.file()
    before = bench.desk.shown(issue)
    done, allow = delivered(bench, issue), Asked()
    result = deliver_undo(bench.client, undo(issue), done, allow)
    assert bench.desk.shown(issue) == before
    (comment,) = bench.desk.said(issue)
    assert result == Delivered(comment.id, before, "restored")
    assert comment.text.startswith("**Undone by kim.** Put back: ")
    assert "`firstline:undo=u1`" in comment.text
    assert all(says is False for _, says in allow.asked)
    assert allow.asked[0][0]["Issue type"] == "payslip_missing"
    mark = bench.mark
    deliver_undo(bench.client, undo(issue), done, Asked())
    assert [m for m, _ in bench.since(mark)] == ["GET"], "the same again writes nothing"


def test_undo_leaves_what_a_person_changed_since(bench: Any) -> None:
    issue = bench.desk.file()
    done = delivered(bench, issue)
    bench.desk.set(issue, "Team", "payments")
    result = deliver_undo(bench.client, undo(issue), done, Asked())
    assert (bench.desk.shown(issue)["Team"], result.outcome) == ("payments", "kept")
    assert set(result.left) == {"Issue type", "Category", "Priority", "Team"}
    assert result.left["Team"] == "payments"
    (comment,) = bench.desk.said(issue)
    assert "Left as they are, because changed since: Team." in comment.text
    assert "Team" not in comment.text.partition("Left as")[0]


def test_an_undo_that_is_tried_again_names_what_it_put_back_before(bench: Any) -> None:
    issue = bench.desk.file()
    done = delivered(bench, issue)
    bench.desk.set(issue, "Team", None)
    again = undo(issue, found={"Team": "payroll-operations"})
    result = deliver_undo(bench.client, again, done, Asked())
    assert "Team" in bench.desk.said(issue)[0].text.partition("Put back:")[2].partition(".")[0]
    assert result.left["Team"] is None


def test_what_ended_without_a_second_look_is_undone_by_what_was_wanted(bench: Any) -> None:
    issue = bench.desk.file()
    done = replace(delivered(bench, issue), left=None)
    deliver_undo(bench.client, undo(issue), done, Asked())
    assert bench.desk.shown(issue) == FOUND
    bench.desk.set(issue, "Team", "payments")
    order = asked_for(issue, {"Team": "payments"}, found={"Team": None}, left=None)
    deliver_undo(bench.client, undo(issue), order, Asked())
    assert bench.desk.shown(issue)["Team"] is None


def test_an_undo_without_a_comment_only_restores(bench: Any) -> None:
    issue = bench.desk.file(Team="payments")
    order = asked_for(issue, {"Team": "payments"}, found={"Team": None}, left={"Team": "payments"})
    assert deliver_undo(bench.client, undo(issue), order, Asked()) == Delivered(
        None, {"Team": None}, "restored"
    )


def test_an_undo_of_what_was_never_written_writes_nothing(bench: Any) -> None:
    issue = bench.desk.file()
    allow = Asked()
    done = bench.decide(issue)
    assert deliver_undo(bench.client, undo(issue), done, allow) == Delivered(None, {}, "restored")
    assert allow.asked == []


def test_an_undo_that_is_not_allowed_waits(bench: Any) -> None:
    issue = bench.desk.file()
    done = delivered(bench, issue)
    with pytest.raises(HeldBackError):
        deliver_undo(bench.client, undo(issue), done, Asked(False))
    assert bench.desk.shown(issue)["Issue type"] == "payslip_missing"


def test_a_deleted_comment_is_not_marked(bench: Any) -> None:
    issue = bench.desk.file()
    done = delivered(bench, issue)
    bench.desk.state.set_deleted(issue.comments[0], bench.desk.state.users["kim"], bench.desk.now(), True)
    assert deliver_undo(bench.client, undo(issue), done, Asked()).comment is None


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFoundError), (400, RefusedError), (503, UnavailableError)]
)
def test_the_trackers_failures_are_told_apart(bench: Any, status: int, error: type[Exception]) -> None:
    issue = bench.desk.file()
    operation = bench.decide(issue)
    bench.desk.fault = lambda method, path: JSONResponse({"error": "x"}, status)
    with pytest.raises(error):
        deliver(bench.client, operation, Asked())
