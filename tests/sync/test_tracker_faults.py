"""The tracker fails in every way it can; each gives one clear message, and no write happens twice."""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx
import pytest

from data.clock import ManualClock
from data.errors import FirstlineError, SettingsError, TrackerError
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError, UnavailableError
from data.youtrack.query import ids_query, query_value
from data.youtrack.transport import Retrying

QUICK = Retrying(attempts=2, first=0.01)


def other(tracker_url: str, token: str, clock: ManualClock) -> YouTrackClient:
    return YouTrackClient(httpx.Client(), tracker_url, token, clock, retrying=QUICK)


def test_the_account_is_checked(tracker: Any, client: YouTrackClient) -> None:
    assert client.check().login == "svc"
    tracker.desk.guest = True
    with pytest.raises(RefusedError, match="guest"):
        client.check()


def test_a_wrong_token_is_refused_once_and_never_shown(
    tracker: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "perm:very.secret.value"
    wrong = other(tracker.url, secret, clock)
    with pytest.raises(RefusedError, match="Invalid token") as refused:
        wrong.check()
    assert "FIRSTLINE_TRACKER_TOKEN" in refused.value.remedy
    assert len(tracker.asked) == 1, "asking again with the same token is pointless"
    shown = f"{refused.value} {wrong!r} {caplog.text} {vars(wrong)}"
    assert "secret" not in shown


def test_an_answer_that_repeats_the_token_does_not_leak_it(
    tracker: Any, client: YouTrackClient, fault: Any, token: str
) -> None:
    body = f'{{"error_description": "bad header {token}"}}'.encode()
    tracker.faults.append(fault("users/me", "answer", status=400, body=body))
    with pytest.raises(RefusedError) as refused:
        client.me()
    assert token not in str(refused.value)


@pytest.mark.parametrize("token", ["", "perm:a\nb", "perm:a b", "perm:ü"])
def test_an_impossible_token_is_refused_before_it_is_sent(token: str, clock: ManualClock) -> None:
    with pytest.raises(SettingsError) as refused:
        other("http://127.0.0.1:1", token, clock)
    assert "FIRSTLINE_TRACKER_TOKEN" in refused.value.remedy


def test_nobody_listens(free_port: int, token: str, clock: ManualClock) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached") as failed:
        other(f"http://127.0.0.1:{free_port}", token, clock).check()
    assert "FIRSTLINE_TRACKER_URL" in failed.value.remedy
    assert failed.value.exit_code == 4


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://[::1", "http://a b/"])
def test_an_impossible_address(url: str, token: str, clock: ManualClock) -> None:
    with pytest.raises(TrackerError):
        other(url, token, clock).check()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, RefusedError, "permission"),
        (404, NotFoundError, "hides"),
        (400, RefusedError, "why not"),
        (302, RefusedError, "moved"),
        (405, RefusedError, "405"),
    ],
)
def test_refusals_are_told_in_the_trackers_words_and_not_retried(
    tracker: Any, client: YouTrackClient, fault: Any, status: int, kind: type[Exception], words: str
) -> None:
    body = b'{"error":"Bad Request","error_description":"why not"}'
    tracker.faults.append(fault("users/me", "answer", status=status, body=body, headers={"Location": "/x"}))
    with pytest.raises(kind, match=words):
        client.me()
    assert len(tracker.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_reads_are_retried_while_the_tracker_is_unwell(
    tracker: Any, client: YouTrackClient, fault: Any, status: int
) -> None:
    tracker.faults.append(fault("users/me", "answer", status=status, times=2, body=b"<html>sorry</html>"))
    assert client.me().login == "svc"
    assert len(tracker.asked) == 3


@pytest.mark.parametrize("kind", ["truncated", "reset", "slow"])
def test_garbled_answers_are_read_again(
    tracker: Any, impatient: YouTrackClient, fault: Any, kind: str
) -> None:
    tracker.faults.append(fault("users/me", kind, times=2))
    assert impatient.me().login == "svc"


def test_retries_have_an_end(tracker: Any, client: YouTrackClient, fault: Any) -> None:
    tracker.faults.append(fault("users/me", "truncated", times=99))
    with pytest.raises(UnavailableError, match="truncated"):
        client.me()
    assert len(tracker.asked) == 3


def test_a_pause_that_the_tracker_asks_for_is_kept(tracker: Any, client: YouTrackClient, fault: Any) -> None:
    tracker.faults.append(fault("users/me", "answer", status=429, headers={"Retry-After": "1"}))
    started = time.monotonic()
    client.me()
    assert time.monotonic() - started >= 1.0


def test_a_pause_that_is_too_long_is_an_error_at_once(
    tracker: Any, client: YouTrackClient, fault: Any
) -> None:
    tracker.faults.append(fault("users/me", "answer", status=429, headers={"Retry-After": "3600"}, times=9))
    with pytest.raises(UnavailableError) as failed:
        client.me()
    assert failed.value.retry_after == 3600
    assert len(tracker.asked) == 1


def test_a_web_page_is_no_tracker(tracker: Any, client: YouTrackClient, fault: Any) -> None:
    page = {"status": 200, "body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html"}}
    tracker.faults.append(fault("users/me", "answer", **page))
    with pytest.raises(RefusedError, match="web page"):
        client.me()


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"{}", b'{"id":"1","login":5}', b'"x"', b"7", b"\xff\xfe", b"["]
)
def test_json_of_another_shape_is_an_error_in_words(
    tracker: Any, client: YouTrackClient, fault: Any, body: bytes
) -> None:
    path_calls = {
        "users/me": client.me,
        "activitiesPage": lambda: client.activities_page("PAY"),
        "issuesGetter": lambda: client.count("project: PAY"),
        "/api/issues/3-1": lambda: client.issue("3-1"),
        "customFields": lambda: client.fields_of("PAY"),
        "team": lambda: client.team_group("PAY"),
    }
    for path, call in path_calls.items():
        if path == "customFields" and body == b"[]":
            continue  # a project without fields
        if path == "team" and b'"id"' in body:
            continue  # all that is asked of it
        tracker.faults[:] = [fault(path, "answer", status=200, body=body, times=99)]
        with pytest.raises(TrackerError) as failed:
            call()
        assert failed.value.remedy


def test_control_characters_inside_strings_are_tolerated(
    tracker: Any, client: YouTrackClient, fault: Any
) -> None:
    tracker.desk.file()
    tracker.faults.append(fault("/api/issues/3-1", "control characters"))
    assert client.issue("3-1").ticket.summary == "Re\x01quest 1"


def test_a_write_is_sent_once_whatever_happens(tracker: Any, impatient: YouTrackClient, fault: Any) -> None:
    issue = tracker.desk.file()
    impatient.team_group("PAY")
    impatient.fields_of("PAY")
    impatient.issue(issue)  # which fields a state machine runs is known from any ticket
    for kind in ("answer", "reset", "truncated", "slow"):
        tracker.asked.clear()
        tracker.faults[:] = [fault("POST", kind, times=99)]
        with pytest.raises(UnavailableError) as failed:
            impatient.add_internal_comment(issue, f"note {kind}", project="PAY")
        assert failed.value.uncertain, "the effect may have happened"
        with pytest.raises(UnavailableError):
            impatient.update_fields(issue, {"Team": "tax"}, project="PAY")
        assert [a.split()[0] for a in tracker.asked] == ["POST", "POST"]
    tracker.faults.clear()
    time.sleep(2.0)  # the slow ones end
    assert impatient.find_comment(issue, "note reset", author="svc") is not None
    assert impatient.find_comment(issue, "note answer", author="svc") is None
    assert impatient.find_comment(issue, "note reset", author="kim") is None


def test_a_write_that_was_never_sent_is_certain(free_port: int, token: str, clock: ManualClock) -> None:
    nobody = other(f"http://127.0.0.1:{free_port}", token, clock)
    with pytest.raises(UnavailableError) as failed:
        nobody._transport.post("/issues/3-1", {}, {})
    assert not failed.value.uncertain


def test_fields_are_set_to_absolute_values(tracker: Any, client: YouTrackClient) -> None:
    issue = tracker.desk.file()
    for _ in range(2):
        assert client.update_fields(issue, {"Team": "tax", "Priority": None}) == {
            "Team": "tax",
            "Priority": None,
        }
    record = client.issue(issue)
    assert (record.team, record.priority) == ("tax", None)
    assert sum("customFields" in a for a in tracker.asked) == 2, "one schema of two pages, read once"


@pytest.mark.parametrize("values", [{"Nonsense": "x"}, {"Team": "nobody"}])
def test_a_field_or_value_that_does_not_exist_is_never_sent(
    tracker: Any, client: YouTrackClient, values: dict[str, str | None]
) -> None:
    issue = tracker.desk.file()
    with pytest.raises(RefusedError, match=r"has no (field|value)"):
        client.update_fields(issue, values, project="PAY")
    assert not [a for a in tracker.asked if a.startswith("POST")]


def test_internal_comments_are_internal_or_they_are_not_there(tracker: Any, client: YouTrackClient) -> None:
    issue = tracker.desk.file()
    kept = client.add_internal_comment(issue, "for the team")
    (comment,) = client.comments(issue)
    assert (comment.id, comment.internal, comment.text) == (kept, True, "for the team")
    tracker.desk.public_comments = True
    with pytest.raises(RefusedError, match="internal"):
        client.add_internal_comment(issue, "must not be seen")
    assert [c.text for c in client.comments(issue)] == ["for the team"]


def test_counting_takes_its_time(tracker: Any, client: YouTrackClient, clock: ManualClock) -> None:
    tracker.desk.file()
    tracker.desk.counting = 3
    assert client.count("project: PAY") == 1
    tracker.desk.counting = 999
    assert client.count("project: PAY") is None


def test_an_unknown_ticket(client: YouTrackClient) -> None:
    with pytest.raises(NotFoundError):
        client.issue("3-999")
    for strange in ("", "..", "../users/me", "3-1/comments", "3-1?x=1"):
        with pytest.raises(FirstlineError):
            client.issue(strange)


@pytest.mark.parametrize(
    ("text", "value"),
    [("PAY", "PAY"), ("Pay Desk", "{Pay Desk}"), ("x} or {y", "{x  or  y}"), ('a"b:c#d', "{a b c d}")],
)
def test_texts_cannot_leave_their_value_in_a_query(text: str, value: str) -> None:
    assert query_value(text) == value


def test_only_ids_become_an_id_query() -> None:
    assert ids_query(["PAY-1", "PAY-2"]) == "issue id: PAY-1, PAY-2"
    for bad in ("PAY-1, PAY-2", "PAY", "3-1 or x", "PAY-1}"):
        with pytest.raises(NotFoundError):
            ids_query([bad])
