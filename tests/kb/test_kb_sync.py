"""Sync with the tracker's articles: what changed on one side travels, nothing is overwritten silently."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from data.clock import ManualClock
from data.errors import BadInputError, TrackerError
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import TrackerState, build_project
from data.taxonomy import Taxonomy
from data.youtrack.client import YouTrackClient
from kb import lifecycle
from kb.cli import register
from kb.library import Library, read_library
from kb.steps import take_step
from kb.sync_plan import Step, digest
from kb.tracker_sync import BaseFile, TrackerSync

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = NOW.date()
STATE = [("State", "state[1]", ["New", "!Resolved"], "New")]


class Desk:
    """A knowledge base in a folder, a stand-in tracker beside it, and what lies between."""

    def __init__(self, root: Path, taxonomy: Taxonomy) -> None:
        self.root, self.taxonomy = root, taxonomy
        self.state = TrackerState(build_project("PAY", "Payroll Support", STATE))
        for login, team in (("bot", True), ("agent", True), ("emp", False)):
            self.state.tokens[login] = self.state.add_user(login, login.title(), team=team)
        clock = ManualClock(NOW)
        self.http = TestClient(Starlette(routes=api_routes(self.state, clock, lambda i, k: None)))
        self.client = YouTrackClient(self.http, "http://testserver", "bot", clock)

    def library(self) -> Library:
        return read_library(self.root, self.taxonomy)

    def sync(self) -> TrackerSync:
        return TrackerSync(self.client, "PAY", BaseFile(self.root / "sync.json", "PAY"), self.taxonomy)

    def apply(self) -> list[Step]:
        return self.sync().apply(self.library, lambda _: None)

    def planned(self) -> list[tuple[str, str]]:
        return [(s.deed, s.article or s.readable) for s in self.sync().plan(self.library())]

    def approve(self, name: str) -> None:
        take_step(
            self.root, name, lambda e: lifecycle.review(e.record, by="bob", on=DAY), self.taxonomy, on=DAY
        )
        take_step(
            self.root,
            name,
            lambda e: lifecycle.approve(e.record, by="cleo", on=DAY, text=lifecycle.digest(e.document)),
            self.taxonomy,
            on=DAY,
        )

    def ask(self, method: str, path: str, body: Any = None, who: str = "agent") -> Any:
        headers = {"Authorization": f"Bearer {who}"}
        fields = "id,idReadable,summary,content,visibility($type)"
        answer = self.http.request(
            method, f"/api{path}", json=body, params={"fields": fields}, headers=headers
        )
        return answer.json() if answer.status_code == 200 and answer.content else answer.status_code

    def there(self, who: str = "agent") -> dict[str, dict[str, Any]]:
        return {a["summary"]: a for a in self.ask("GET", "/articles", who=who)}

    def change_here(self, name: str, old: str, new: str) -> None:
        take_step(self.root, name, lambda e: lifecycle.revise(e.record, by="dora"), self.taxonomy, on=None)
        path = self.root / "articles" / f"{name}.md"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.approve(name)


PAYSLIP, PASSWORD = "payslip-not-visible", "forgotten-password"
TITLES = {PAYSLIP: "I cannot see my payslip", PASSWORD: "I forgot my password, or it has expired"}


@pytest.fixture
def desk(kb_root: Path, taxonomy: Taxonomy) -> Iterator[Desk]:
    desk = Desk(kb_root, taxonomy)
    for name in (PAYSLIP, PASSWORD):
        desk.approve(name)
    yield desk
    desk.http.close()


def test_a_plan_changes_nothing(desk: Desk) -> None:
    assert desk.planned() == [("create", PASSWORD), ("create", PAYSLIP)]
    assert desk.there() == {}
    assert not (desk.root / "sync.json").exists()


def test_drafts_stay_at_home(desk: Desk) -> None:
    take_step(desk.root, PASSWORD, lambda e: lifecycle.revise(e.record, by="dora"), desk.taxonomy, on=None)
    desk.apply()
    assert set(desk.there()) == {TITLES[PAYSLIP]}


def test_what_is_approved_goes_out_once_with_links_that_lead_somewhere(desk: Desk) -> None:
    desk.apply()
    there = desk.there()
    assert set(there) == set(TITLES.values())
    other = there[TITLES[PASSWORD]]["idReadable"]
    assert f"]({other})" in there[TITLES[PAYSLIP]]["content"]
    assert desk.planned() == []
    assert desk.apply() == []
    assert len(desk.there()) == 2


def test_a_change_on_one_side_travels(desk: Desk) -> None:
    desk.apply()
    desk.change_here(PASSWORD, "Caps lock, and", "The caps lock key, and")
    assert desk.planned() == [("push", PASSWORD)]
    desk.apply()
    article = desk.there()[TITLES[PASSWORD]]
    assert "The caps lock key, and" in article["content"]
    changed = article["content"].replace("The caps lock key, and", "Caps lock and")
    desk.ask("POST", f"/articles/{article['id']}", {"content": changed})
    assert desk.planned() == [("pull", PASSWORD)]
    desk.apply()
    ours = desk.library().find(PASSWORD)
    assert ours is not None
    assert (ours.record.status, ours.record.version, ours.record.author) == ("draft", 3, "agent")
    assert "Caps lock and" in ours.document.body
    assert "(payslip-not-visible.md)" in ours.document.body  # the tracker's ids are paths again
    assert desk.planned() == []
    desk.approve(PASSWORD)
    assert desk.planned() == []  # what came from there need not go back


def test_both_sides_changed_is_a_conflict_and_nobody_loses(desk: Desk) -> None:
    desk.apply()
    article = desk.there()[TITLES[PASSWORD]]
    desk.ask("POST", f"/articles/{article['id']}", {"content": article["content"] + "\nTheirs."})
    desk.change_here(PASSWORD, "Caps lock, and", "Ours: caps lock, and")
    before = (desk.root / "articles" / f"{PASSWORD}.md").read_text()
    [step] = desk.apply()
    assert (step.deed, step.article) == ("conflict", PASSWORD)
    assert "by agent" in step.why
    assert (desk.root / "articles" / f"{PASSWORD}.md").read_text() == before
    assert desk.there()[TITLES[PASSWORD]]["content"].endswith("Theirs.")
    settled = article["content"].replace("Caps lock, and", "Ours: caps lock, and")
    desk.ask("POST", f"/articles/{article['id']}", {"content": settled})
    assert desk.planned() == [("adopt", PASSWORD)]
    desk.apply()
    assert desk.planned() == []


def test_their_text_that_fails_the_check_is_shown_and_not_taken(desk: Desk) -> None:
    desk.apply()
    article = desk.there()[TITLES[PASSWORD]]
    desk.ask("POST", f"/articles/{article['id']}", {"content": "## Steps\nJust write to us."})
    before = (desk.root / "articles" / f"{PASSWORD}.md").read_text()
    [step] = desk.apply()
    assert step.deed == "conflict"
    assert "section '## Please never' is missing" in step.why
    assert (desk.root / "articles" / f"{PASSWORD}.md").read_text() == before


def test_a_change_between_plan_and_write_is_not_overwritten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.apply()
    article = desk.there()[TITLES[PASSWORD]]
    desk.change_here(PASSWORD, "Caps lock, and", "Ours: caps lock, and")
    plan = TrackerSync.plan

    def planned_then_changed(self: TrackerSync, library: Library) -> list[Step]:
        steps = plan(self, library)
        desk.ask("POST", f"/articles/{article['id']}", {"content": article["content"] + "\nTheirs."})
        return steps

    monkeypatch.setattr(TrackerSync, "plan", planned_then_changed)
    steps = desk.apply()
    assert desk.there()[TITLES[PASSWORD]]["content"].endswith("Theirs.")
    assert steps[-1].deed == "conflict"


def test_a_title_that_is_taken_and_articles_of_others_are_only_shown(desk: Desk) -> None:
    body = {"project": {"id": "0-3"}, "summary": TITLES[PASSWORD], "content": "By hand"}
    taken = desk.ask("POST", "/articles", body)
    other = desk.ask("POST", "/articles", {**body, "summary": "Canteen"})
    desk.apply()
    assert ("conflict", PASSWORD) in desk.planned()
    assert ("only_there", other["idReadable"]) in desk.planned()
    assert desk.ask("GET", f"/articles/{taken['id']}")["content"] == "By hand"


def test_a_crash_after_the_write_makes_no_second_article(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(self: BaseFile, article: str, base: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(BaseFile, "note", crash)
        with pytest.raises(OSError, match="No space"):
            desk.apply()
    assert len(desk.there()) == 1
    assert ("adopt", PASSWORD) in desk.planned()
    desk.apply()
    assert len(desk.there()) == 2
    assert desk.planned() == []


def test_deleted_there_and_retired_here_wait_for_a_person(desk: Desk) -> None:
    desk.apply()
    there = desk.there()
    desk.ask("DELETE", f"/articles/{there[TITLES[PAYSLIP]]['id']}", who="bot")
    assert desk.planned() == [("gone_there", PAYSLIP), ("push", PASSWORD)] or desk.planned() == [
        ("push", PASSWORD),
        ("gone_there", PAYSLIP),
    ]
    desk.apply()
    assert set(desk.there()) == {TITLES[PASSWORD]}
    take_step(
        desk.root,
        PASSWORD,
        lambda e: lifecycle.retire(e.record, by="bob", on=DAY, because="old"),
        desk.taxonomy,
        on=None,
    )
    assert ("retired_here", PASSWORD) in desk.planned()
    desk.apply()
    assert set(desk.there()) == {TITLES[PASSWORD]}


def test_articles_for_agents_and_of_one_client_are_the_team_s(
    desk: Desk, article_text: Callable[..., str]
) -> None:
    text = article_text("runbooks/brightwater-pay-day")
    (desk.root / "articles" / "brightwater-pay-day.md").write_text(
        text.replace("(../payments/salary-not-received.md)", "(payslip-not-visible.md)")
    )
    desk.approve("brightwater-pay-day")
    desk.apply()
    title = "Brightwater Logistics: pay day, the 25th"
    assert title in desk.there()
    assert set(desk.there("emp")) == set(TITLES.values())
    article = desk.there()[title]
    desk.ask(
        "POST", f"/articles/{article['id']}", {"visibility": {"$type": "UnlimitedVisibility"}}, who="bot"
    )
    with pytest.raises(TrackerError, match="can be read by everybody") as error:
        desk.apply()
    assert article["idReadable"] in error.value.message


def test_notes_that_cannot_be_read_stop_the_sync(desk: Desk) -> None:
    (desk.root / "sync.json").write_text("{")
    with pytest.raises(BadInputError, match="cannot be read"):
        desk.sync()
    (desk.root / "sync.json").write_text(json.dumps({"PAY": {"x": {"tracker": "1"}}}))
    with pytest.raises(BadInputError, match="cannot be read"):
        desk.sync()


def test_line_ends_and_outer_space_are_no_change() -> None:
    assert digest("A ", "x\r\ny  \n\n") == digest("A", "x\ny")
    assert digest("A", "x\ny") != digest("A", "x y")


def test_a_project_that_is_not_there(desk: Desk) -> None:
    sync = TrackerSync(desk.client, "NOPE", BaseFile(desk.root / "n.json", "NOPE"), desk.taxonomy)
    with pytest.raises(TrackerError):
        sync.plan(desk.library())


def test_the_command_shows_first_and_does_it_when_told(
    desk: Desk, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = uvicorn.Server(
        uvicorn.Config(desk.http.app, host="127.0.0.1", port=free_port, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "TRACKER_URL": f"http://127.0.0.1:{free_port}",
        "TRACKER_TOKEN": "bot",
        "PROJECT": "PAY",
    }.items():
        monkeypatch.setenv(f"FIRSTLINE_{name}", value)
    app = typer.Typer()
    register(app)

    def kb_sync(*options: str) -> Any:
        result = CliRunner().invoke(app, ["kb", "sync", "--kb", str(desk.root), "--json", *options])
        assert result.exit_code in (0, 3), result.exception
        return result.exit_code, [s["deed"] for s in json.loads(result.stdout)]

    try:
        assert kb_sync() == (0, ["create", "create"])
        code, deeds = kb_sync("--apply")
        assert (code, sorted(deeds)) == (0, ["create", "create", "push"])
        assert (tmp_path / "home" / "kb-sync.json").exists()
        assert kb_sync() == (0, [])
        article = desk.there()[TITLES[PASSWORD]]
        desk.ask("POST", f"/articles/{article['id']}", {"content": "## Steps\nNone."})
        assert kb_sync("--apply") == (3, ["conflict"])
    finally:
        server.should_exit = True
        thread.join(10)
