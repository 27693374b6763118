"""The BentoML service as a process: the HTTP contract, health, metrics, events."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.settings import read_settings
from data.store import inbox, open_store
from data.taxonomy import load_taxonomy
from data.youtrack.webhook import event_body, event_key, headers_for
from serving.policy import load_policy

PROMISE = load_policy(read_settings({}).policy, load_taxonomy()).category

GOOD = {"summary": "Payslip missing", "description": "My payslip for March is not in the portal."}
FIELDS = [
    *("id", "issue_type", "category", "priority", "team", "probability", "top"),
    *("priority_probability", "decision", "reason", "bundle", "priority_decision", "policy"),
]


@pytest.fixture(scope="module")
def http(service: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def ask(http: httpx.Client, *tickets: Any) -> list[dict[str, Any]]:
    answer = http.post("/v1/triage", json={"tickets": list(tickets)})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_one_ticket_has_the_fields_of_the_contract(http: httpx.Client) -> None:
    (found,) = ask(http, GOOD)
    assert list(found) == FIELDS
    assert found["id"] == "1"
    assert found["issue_type"] == "payslip_missing"
    assert found["decision"] in ("apply", "suggest", "abstain")


def test_the_service_and_the_command_line_agree(service: Any, http: httpx.Client) -> None:
    tickets = [{**GOOD, "id": "a"}, {"summary": "reset", "description": "I forgot my password", "id": "b"}]
    firstline = str(Path(sys.executable).with_name("firstline"))
    done = subprocess.run(
        [firstline, "triage"],
        input="\n".join(json.dumps(t) for t in tickets).encode(),
        env=service.environ,
        capture_output=True,
    )
    assert ask(http, *tickets) == [json.loads(line) for line in done.stdout.splitlines()]


def test_a_bad_ticket_spoils_only_its_own_result(http: httpx.Client) -> None:
    found = ask(http, GOOD, {"summary": 1}, "text", None, {"summary": "", "description": ""}, GOOD)
    assert [("error" in r) for r in found] == [False, True, True, True, False, False]
    assert [r["line"] for r in found if "error" in r] == [2, 3, 4]
    assert "`description` is missing" in found[1]["error"]
    assert found[4]["decision"] == "abstain"
    assert found[5]["probability"] == pytest.approx(found[0]["probability"], abs=1e-4)


def test_no_tickets_give_no_results(http: httpx.Client) -> None:
    assert ask(http) == []


@pytest.mark.parametrize(
    ("body", "media", "status", "says"),
    [
        (b"{", "application/json", 400, "not JSON"),
        (b"", "application/json", 400, "not JSON"),
        (b"\xff\xfe", "application/json", 400, "not UTF-8"),
        (b"[" * 200_000, "application/json", 400, "nested too deep"),
        (b"[]", "application/json", 422, "JSON object"),
        (b"{}", "application/json", 422, "`tickets` is missing"),
        (b'{"tickets": {}}', "application/json", 422, "`tickets` must be a list"),
        (json.dumps({"tickets": [GOOD] * 513}).encode(), "application/json", 413, "513"),
        (b" " * (16 * 1024 * 1024 + 1), "application/json", 413, "larger than"),
        (b"summary=x", "application/x-www-form-urlencoded", 415, "application/json"),
        (b"\x80\x04", "application/vnd.bentoml+pickle", 415, "application/json"),
    ],
)
def test_wrong_requests_get_problem_documents(
    http: httpx.Client, body: bytes, media: str, status: int, says: str
) -> None:
    answer = http.post("/v1/triage", content=body, headers={"Content-Type": media})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert says in problem["detail"]
    assert problem["remedy"]


def test_unknown_paths_and_methods_are_problems_too(http: httpx.Client) -> None:
    for answer, status in ((http.get("/v1/nothing"), 404), (http.get("/v1/triage"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_many_callers_at_once_get_their_own_answers(http: httpx.Client) -> None:
    def one(i: int) -> bool:
        tickets = [{**GOOD, "id": f"{i}-{n}"} for n in range(i % 3 + 1)]
        return [r["id"] for r in ask(http, *tickets)] == [t["id"] for t in tickets]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(one, range(48)))


def test_health_and_openapi(http: httpx.Client) -> None:
    assert http.get("/livez").status_code == 200
    ready = http.get("/readyz")
    assert (ready.status_code, ready.json()["ready"], ready.json()["engine"]["ok"]) == (200, True, True)
    schema = http.get("/docs.json").json()
    assert "/v1/triage" in schema["paths"]
    text = json.dumps(schema["components"])
    for name in ("summary", "description", "probability", "priority_probability", "decision"):
        assert f'"{name}"' in text


def test_metrics_count_tickets_by_decision(http: httpx.Client) -> None:
    ask(http, {"summary": "", "description": ""}, 5)
    text = http.get("/metrics").text
    assert 'firstline_tickets_total{decision="abstain"}' in text
    assert 'firstline_tickets_total{decision="error"}' in text
    assert "firstline_triage_seconds_bucket" in text
    assert "firstline_bundle_info{" in text


def test_bundle_facts_carry_the_certificates(http: httpx.Client) -> None:
    facts = http.get("/v1/bundle").json()
    certificate = facts["certificates"]["category"]
    assert certificate["threshold"] is not None
    assert certificate["bound"] <= certificate["budget"] == PROMISE.error_budget
    assert len(facts["issue_types"]) == 72


def test_the_status_page_shows_promise_and_evidence(service: Any, http: httpx.Client) -> None:
    page = http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for part in (
        '<html lang="en">',
        f"at most {round(100 * PROMISE.error_budget)}",
        "prefers-color-scheme: dark",
        service.settings.tracker_url,
    ):
        assert part in page.text


def event(number: int) -> bytes:
    return event_body(id=f"3-{number}", issue=f"PAY-{number}", project="PAY", at=number, kinds=["created"])


def test_an_event_is_stored_before_it_is_accepted(service: Any, http: httpx.Client) -> None:
    body, stamp = event(900001), int(time.time())
    for duplicate in (False, True):
        headers = headers_for(service.settings.webhook_secret, stamp + duplicate, body)
        answer = http.post("/v1/events/youtrack", content=body, headers=headers)
        assert answer.status_code == 202
        assert answer.json() == {"received": True, "duplicate": duplicate}
        with open_store(service.settings.database_url) as store, store.read() as conn:
            assert [k for k, _ in inbox.pending(conn)].count(event_key(body)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (event(1), {}, 401),
        (event(1), {"X-Firstline-Timestamp": "1", "X-Firstline-Signature": "v1=00"}, 401),
        (b"x" * 65_537, {}, 413),
        (b"not an event", None, 400),
        (b'{"v": 2}', None, 400),
    ],
)
def test_events_that_cannot_be_believed_are_refused(
    service: Any, http: httpx.Client, body: bytes, headers: dict[str, str] | None, status: int
) -> None:
    signed = headers_for(service.settings.webhook_secret, int(time.time()), body)
    answer = http.post("/v1/events/youtrack", content=body, headers=signed if headers is None else headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    with open_store(service.settings.database_url) as store, store.read() as conn:
        assert event_key(body) not in [k for k, _ in inbox.pending(conn)]


def test_ticket_texts_do_not_reach_the_log(service: Any, http: httpx.Client) -> None:
    ask(http, {"summary": "Zanzibar Quixote", "description": "IBAN DE89370400440532013000"}, {"summary": 9})
    http.post("/v1/triage", content=b'{"tickets": "Zanzibar"}', headers={"Content-Type": "application/json"})
    log = service.log.read_text()
    assert "Zanzibar" not in log
    assert "DE89" not in log
    assert service.settings.tracker_token not in log


def test_an_occupied_port_is_named_with_its_holder(service: Any) -> None:
    firstline = str(Path(sys.executable).with_name("firstline"))
    done = subprocess.run([firstline, "serve"], env=service.environ, capture_output=True, timeout=60)
    words = done.stderr.decode()
    assert done.returncode == 2
    assert str(service.settings.service_port) in words
    assert "FIRSTLINE_SERVICE_PORT" in words
    assert "Traceback" not in words


def test_a_damaged_bundle_is_refused_before_the_server_starts(
    tmp_path: Path, install: Any, free_port: int
) -> None:
    (install(tmp_path) / "calibration.json").write_text("{}")
    firstline = str(Path(sys.executable).with_name("firstline"))
    env = {**os.environ, "FIRSTLINE_HOME": str(tmp_path), "FIRSTLINE_SERVICE_PORT": str(free_port)}
    done = subprocess.run([firstline, "serve"], env=env, capture_output=True, timeout=60)
    assert done.returncode == 5
    assert b"calibration.json was changed" in done.stderr
    assert b"Traceback" not in done.stderr


def test_not_ready_while_the_database_does_not_answer(service: Any, http: httpx.Client) -> None:
    path = service.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        answer = http.get("/readyz")
        holder.execute("ROLLBACK")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["database"]["ok"], answer.json()["engine"]["ok"]) == (False, True)
    assert http.get("/livez").status_code == 200
    deadline = time.monotonic() + 40
    while http.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_bentoml_started_by_hand_on_a_bad_home_ends_with_one_message(tmp_path: Path, free_port: int) -> None:
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:FirstlineService"]
    command += ["--host", "127.0.0.1", "--port", str(free_port)]
    env = {**os.environ, "FIRSTLINE_HOME": str(tmp_path), "BENTOML_HOME": str(tmp_path / "bento")}
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, cwd=Path(__file__).parents[2])
    said = done.stdout + done.stderr
    assert b"No bundle is promoted" in said
    assert b"Traceback" not in said
