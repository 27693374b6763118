"""`firstline pattern`: from a ticket in the tracker to an answer in it, with both sides over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from typer.testing import CliRunner

from data import client_system as s
from data.clock import SystemClock, to_millis
from data.errors import BadInputError, SettingsError
from data.redact.directory import Person
from data.sandbox.payroll.app import create_app
from data.sandbox.payroll.system import SandboxClient, sandbox_systems
from data.sandbox.people import Directory
from data.sandbox.world import WorldConfig
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import Issue, TrackerState, build_project
from data.settings import SANDBOX_TOKEN, read_settings
from data.store import Store, directory, open_store, tickets
from data.taxonomy import load_taxonomy
from data.tracker import open_tracker
from kb.library import ROOT
from kb.problem import DocumentsError
from serving.cli import application
from serving.patterns.load import load_runnable

TOKEN = "sandbox-client-system-token"
TAXONOMY = load_taxonomy()
LOCKED = s.Account("password", "locked", "own_devices")


@contextmanager
def served(app: Starlette, port: int) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@dataclass
class Place:
    """A tracker, a client system and a store; one employee of the first client writes tickets."""

    state: TrackerState
    systems: dict[str, SandboxClient]
    store: Store
    tenant: str
    person: str
    country: str
    keep: Callable[[Issue], None]

    def file(self, summary: str, text: str, issue_type: str, **values: str) -> Issue:
        issue = self.state.create_issue(self.state.users[self.person], summary, text, now())
        wanted = {"Client": self.tenant, "Issue type": issue_type, **values}
        for name, value in wanted.items():
            element = issue.project.fields[name].values[value]
            self.state.set_field(issue, self.state.users["kim"], now(), name, element)
        self.keep(issue)
        return issue

    @property
    def system(self) -> SandboxClient:
        return self.systems[self.tenant]

    def public(self, issue: Issue) -> list[str]:
        return [c.text for c in issue.comments if c.author.login == "svc-firstline" and not c.deleted]


def now() -> int:
    return to_millis(SystemClock().now())


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_port: int,
    unused_port: int,
    directories: Mapping[str, Directory],
) -> Iterator[Place]:
    systems = sandbox_systems(WorldConfig(), SystemClock(), directories)
    tenant = sorted(systems)[0]
    employee = next(p for p in directories[tenant].people if p.role == "employee")
    fields: list[tuple[str, str, list[str], str | None]] = [
        ("Category", "enum[1]", [*TAXONOMY.categories, "out_of_scope"], None),
        ("Issue type", "enum[1]", list(TAXONOMY.labels), None),
        ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
        ("Team", "enum[1]", list(TAXONOMY.teams), None),
        ("State", "state[1]", ["New", "Open", "!Resolved", "Reopened"], "New"),
        ("Client", "enum[1]", sorted(systems), None),
        ("Country", "enum[1]", list(directories[tenant].by_country), None),
    ]
    state = TrackerState(build_project("PAY", "Payroll", fields))
    state.tokens[SANDBOX_TOKEN] = state.add_user("svc-firstline", "Firstline", team=True)
    state.add_user("kim", "Kim", team=True)
    state.add_user(employee.email, employee.name)
    tracker = Starlette(routes=api_routes(state, SystemClock(), lambda issue, kind: None))
    with served(tracker, free_port) as url, served(create_app(systems, TOKEN), unused_port) as payroll:
        monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
        monkeypatch.setenv("FIRSTLINE_TRACKER_URL", url)
        monkeypatch.setenv("FIRSTLINE_CLIENT_SYSTEM_URL", payroll)
        monkeypatch.setenv("FIRSTLINE_CLIENT_SYSTEM_TOKEN", TOKEN)
        settings = read_settings()
        with open_store(settings.database_url) as store, httpx.Client() as http:
            client = open_tracker(settings, http, SystemClock())

            def keep(issue: Issue) -> None:
                with store.write() as conn:
                    tickets.upsert(conn, [client.issue(issue.id)], seen_at=SystemClock().now())

            with store.write() as conn:
                directory.replace(conn, tenant, [Person(name=employee.name, email=employee.email)])
            yield Place(state, systems, store, tenant, employee.email, employee.country, keep)


def pattern(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(application(), ["pattern", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_locked_account_from_ticket_to_closed(place: Place) -> None:
    place.system.put("account", {"person": place.person}, LOCKED)
    issue = place.file("Locked out", "I cannot sign in any more.", "account_locked_or_inactive")
    shown = pattern("run", issue.readable_id)
    assert shown["end"] == "would act" and shown["looked"] == ["identity", "account"]
    assert place.system.account(s.Person(place.person)) == LOCKED and not issue.comments
    done = pattern("run", issue.readable_id, "--execute")
    assert done["end"] == "acted" and done["message"] == shown["message"]
    assert place.system.account(s.Person(place.person)).status == "active"
    assert place.public(issue) == [done["message"]] and issue.comments[0].visibility is None
    assert issue.fields["State"].name == "Resolved"
    with pytest.raises(BadInputError, match="is resolved"):
        CliRunner().invoke(application(), ["pattern", "run", issue.id, "--execute"], catch_exceptions=False)
    assert len(place.public(issue)) == 1


def test_a_question_and_its_answer_go_on_to_the_end(place: Place) -> None:
    month = next(d for d in reversed(place.system._client.pay_dates) if d < SystemClock().now().date())
    name, key = f"{month:%B %Y}", f"{month:%Y-%m}"
    held = s.Payslip("generated", False, "current", "sound", False, "published")
    place.system.put("payslip", {"person": place.person, "month": key}, held)
    issue = place.file("No payslip", "My payslip is not there.", "payslip_missing", Country=place.country)
    asked = pattern("run", issue.id, "--execute")
    assert asked["end"] == "asked" and place.public(issue) == [asked["message"]]
    assert pattern("run", issue.id, "--execute")["end"] == "waits"
    assert len(place.public(issue)) == 1, "never two open questions"
    place.state.add_comment(issue, place.state.users[place.person], now(), f"It is {name}.")
    done = pattern("run", issue.id, "--execute")
    assert done["end"] == "acted" and done["pattern"] == "release-held-back-payslip"
    assert place.system.payslip(s.Person(place.person), s.Month(key)).status == "published"
    assert name in place.public(issue)[1] and issue.fields["State"].name == "Resolved"


def test_what_people_handle_ends_as_a_draft_and_nothing_is_written(place: Place) -> None:
    issue = place.file("New phone", "My authenticator is gone.", "mfa_device_lost")
    out = pattern("run", issue.id, "--execute")
    assert out["end"] == "draft" and "never" in out["why"]
    assert not issue.comments and issue.fields["State"].name == "New"


def test_a_client_system_that_is_down_is_told_and_nothing_is_done(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_CLIENT_SYSTEM_URL", "http://127.0.0.1:9")
    issue = place.file("Locked out", "I cannot sign in any more.", "account_locked_or_inactive")
    out = pattern("run", issue.id, "--execute", code=1)
    assert out["end"] == "handed over" and out["again"] and not issue.comments


def test_the_steps_are_shown_in_words(place: Place) -> None:
    place.system.put("account", {"person": place.person}, LOCKED)
    issue = place.file("Locked out", "I cannot sign in any more.", "account_locked_or_inactive")
    result = CliRunner().invoke(application(), ["pattern", "run", issue.id], catch_exceptions=False)
    for words in (
        "account-locked-own-devices (mode auto): holds",
        "+ account: sign_in password, status locked, attempts_from own_devices",
        "WOULD ACT: every check holds",
        "unlock account: would be done",
        "| Hello",
    ):
        assert words in result.stdout


def test_the_list_says_what_may_run_alone() -> None:
    rows = {r["id"]: r for r in pattern("list")}
    assert rows["account-locked-own-devices"]["writes"] == ["unlock_account"]
    handlings = {k: t.handling for k, t in TAXONOMY.issue_types.items()}
    for row in rows.values():
        if row["writes"] or row["resolves"] or row["mode"] == "auto":
            assert all(handlings[t] in ("auto", "self_service") for t in row["issue_types"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["NO-1"], BadInputError), (["NO-1", "--execute", "--issue-type", "password_reset"], BadInputError)],
)
def test_what_cannot_be_run_is_said(place: Place, arguments: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        CliRunner().invoke(application(), ["pattern", "run", *arguments], catch_exceptions=False)


def test_without_a_client_system_it_says_what_to_set(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = place.file("Locked out", "I cannot sign in any more.", "account_locked_or_inactive")
    monkeypatch.delenv("FIRSTLINE_CLIENT_SYSTEM_URL")
    with pytest.raises(SettingsError, match="No client system"):
        CliRunner().invoke(application(), ["pattern", "run", issue.id], catch_exceptions=False)


def test_two_patterns_that_claim_one_case_stop_the_loading(tmp_path: Path) -> None:
    for folder in ("articles", "patterns"):
        (tmp_path / folder).symlink_to(ROOT / folder) if folder == "articles" else (tmp_path / folder).mkdir()
    for path in (ROOT / "patterns").glob("*.yaml"):
        (tmp_path / "patterns" / path.name).write_text(path.read_text())
    own = (
        (ROOT / "patterns" / "password-reset-link.yaml")
        .read_text()
        .replace("status: approved", "status: draft")
    )
    text = own.replace("id: password-reset-link", "id: another-reset")
    (tmp_path / "patterns" / "another-reset.yaml").write_text(text)
    with pytest.raises(DocumentsError, match="can both claim one case"):
        load_runnable(tmp_path, TAXONOMY)
