"""`firstline kb ...` as a person uses it: words, JSON, exit codes, and files that change or do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from data.errors import BadInputError, FirstlineError
from data.store import Store, tickets
from data.taxonomy import Taxonomy
from data.ticket import Ticket, TicketRecord
from kb import demand
from kb.cli import register
from kb.library import ROOT, read_library

DAY = date(2026, 11, 2)
ON = ["--on", DAY.isoformat()]


def kb(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["kb", *arguments])


def told(*arguments: str) -> Any:
    result = kb(*arguments, "--json")
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def refusal(*arguments: str) -> FirstlineError:
    result = kb(*arguments)
    assert isinstance(result.exception, FirstlineError), result.output
    return result.exception


def test_check_of_a_sound_folder(kb_root: Path) -> None:
    result = kb("check", "--kb", str(kb_root), *ON)
    assert result.exit_code == 0
    assert "2 articles, 1 patterns: nothing to correct." in result.stdout


def test_check_tells_file_line_and_remedy_and_exits_with_3(kb_root: Path) -> None:
    (kb_root / "articles" / "broken.md").write_text("x")
    result = kb("check", "--kb", str(kb_root), *ON)
    assert result.exit_code == 3
    assert f"{kb_root / 'articles' / 'broken.md'}:1: there is no front matter" in result.stdout
    assert "Begin with a line ---" in result.stdout
    listed = kb("check", "--kb", str(kb_root), *ON, "--json")
    assert listed.exit_code == 3
    [problem] = json.loads(listed.stdout)
    assert (problem["line"], problem["kind"]) == (1, "wrong")


def test_check_can_leave_the_calendar_out(kb_root: Path) -> None:
    late = ["check", "--kb", str(kb_root), "--on", "2040-01-01"]
    result = kb(*late)
    assert result.exit_code == 3
    assert "3 problems, 3 of them because time has passed." in result.stdout
    assert kb(*late, "--no-dates").exit_code == 0


def test_search_and_show(kb_root: Path) -> None:
    where = ["--kb", str(kb_root)]
    assert "Nothing found" in kb("search", "password", *where, *ON).stdout  # all are drafts
    hits = told("search", "password", "expired", *where, *ON, "--drafts")
    assert {h["document"] for h in hits} >= {"forgotten-password", "password-reset-link"}
    asked = told("search", "password", *where, *ON, "--drafts", "--audience", "requester")
    assert "password-reset-link" not in {h["document"] for h in asked}
    assert kb("show", "forgotten-password", *where).stdout.startswith("---\nid: forgotten-password")
    assert told("show", "password-reset-link", *where)["issue_types"] == ["password_reset"]
    assert "Did you mean forgotten-password" in refusal("show", "forgoten-password", *where).remedy
    assert refusal("search", "x", *where, "--audience", "boss").exit_code == 2


def test_a_document_s_whole_life(kb_root: Path) -> None:
    where = ["--kb", str(kb_root)]
    path = kb_root / "articles" / "forgotten-password.md"
    before = path.read_text()
    assert refusal("approve", "forgotten-password", "--by", "bob", *where, *ON).exit_code == 3
    assert (
        "is the author"
        in refusal("review", "forgotten-password", "--by", "identity-access editor", *where, *ON).message
    )
    assert path.read_text() == before
    assert told("review", "forgotten-password", "--by", "bob", *where, *ON)["status"] == "reviewed"
    assert (
        "is now approved (version 1)"
        in kb("approve", "forgotten-password", "--by", "cleo", *where, *ON).stdout
    )
    assert [h["document"] for h in told("search", "password", *where, *ON)] == ["forgotten-password"]
    facts = told("show", "forgotten-password", *where)
    assert (facts["reviewed_by"], facts["approved_by"], facts["approved_on"]) == ("bob", "cleo", "2026-11-02")
    assert kb("check", *where, *ON).exit_code == 0
    assert told("revise", "forgotten-password", "--by", "dora", *where)["version"] == 2
    assert (
        told("retire", "forgotten-password", "--by", "cleo", "--because", "two: in one", *where, *ON)[
            "status"
        ]
        == "retired"
    )
    assert told("show", "forgotten-password", *where)["retired_because"] == "two: in one"


def test_what_fails_the_check_is_not_approved(kb_root: Path, article_text: Callable[..., str]) -> None:
    where = ["--kb", str(kb_root)]
    path = kb_root / "articles" / "payslip-not-visible.md"
    path.write_text(article_text())  # its links lead nowhere in this folder
    kb("review", "payslip-not-visible", "--by", "bob", *where, *ON)
    assert "reviewed" not in path.read_text().split("---")[1]
    error = refusal("review", "payslip-not-visible", "--by", "bob", *where, *ON)
    assert "leads nowhere" in error.message
    path.write_text("---\nid: [\n---\n")
    assert "not YAML" in refusal("approve", "payslip-not-visible", "--by", "bob", *where, *ON).message


def test_a_pattern_is_not_approved_before_its_article(kb_root: Path) -> None:
    where = ["--kb", str(kb_root)]
    told("review", "password-reset-link", "--by", "bob", *where, *ON)
    error = refusal("approve", "password-reset-link", "--by", "cleo", *where, *ON)
    assert "its article forgotten-password is not" in error.message
    for step in ("review", "approve"):
        told(step, "forgotten-password", "--by", "bob", *where, *ON)
    assert told("approve", "password-reset-link", "--by", "cleo", *where, *ON)["status"] == "approved"


def test_an_overdue_document_is_not_approved(kb_root: Path) -> None:
    where = ["--kb", str(kb_root)]
    told("review", "forgotten-password", "--by", "bob", *where, *ON)
    late = ["--on", "2040-01-01"]
    assert "review was due" in refusal("approve", "forgotten-password", "--by", "cleo", *where, *late).message


def test_stale_and_gaps_of_the_sandbox_desk() -> None:
    assert told("gaps", "--sandbox", *ON) == []
    reasons = {(r["id"], r["reason"]) for r in told("stale", "--sandbox", "--on", "2027-02-01")}
    assert ("annual-tax-form", "review was due on 2027-01-31") in reasons
    assert ("fr-dsn", "valid until 2026-12-31") in reasons


def test_gaps_name_what_is_missing_by_volume(kb_root: Path, taxonomy: Taxonomy) -> None:
    rows = told("gaps", "--sandbox", "--kb", str(kb_root), *ON)
    assert len(rows) == 71
    assert rows[0]["issue_type"] == "payslip_missing"
    assert rows[0]["missing"] == ["article", "pattern"]
    by_type = {r["issue_type"]: r for r in rows}
    assert by_type["bank_details_change"]["missing"] == ["article"]  # never a pattern to be missed
    assert [r["tickets"] for r in rows] == sorted((r["tickets"] for r in rows), reverse=True)


def record(number: int, issue_type: str | None, *, client: str = "acme", day: int = 1) -> TicketRecord:
    at = datetime(2026, 10, day, tzinfo=UTC)
    ticket = Ticket(f"7-{number}", "A summary", "A text", client=client, created=at)
    return TicketRecord(
        ticket=ticket,
        readable_id=f"PAY-{number}",
        project="PAY",
        created=at,
        updated=at,
        resolved=None,
        reporter="r",
        state="Open",
        issue_type=issue_type,
        category=None,
        priority=None,
        team=None,
    )


def test_tickets_of_the_store_are_counted_by_client_and_time(store: Store) -> None:
    rows = [
        record(1, "payslip_missing"),
        record(2, "payslip_missing", day=20),
        record(3, "password_reset", client="bolt"),
        record(4, None),
    ]
    with store.write() as conn:
        tickets.upsert(conn, rows, seen_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert demand.counted(store, None, None) == {"payslip_missing": 2, "password_reset": 1}
    assert demand.counted(store, "acme", datetime(2026, 10, 10, tzinfo=UTC)) == {"payslip_missing": 1}


def test_what_nobody_asked_about_is_stale(taxonomy: Taxonomy) -> None:
    library = read_library(ROOT, taxonomy)
    asked = dict.fromkeys(taxonomy.issue_types, 1) | {"fx_or_currency_rate_query": 0}
    rows = demand.stale(library, DAY, 0, asked)
    assert {r.id for r in rows} == {"exchange-rate", "exchange-rate-first-answer"}
    assert {r.reason for r in rows} == {"no ticket of its issue types in that time"}
    assert demand.stale(library, DAY, 0, None) == []


def test_what_has_lapsed_or_is_a_draft_fills_no_gap(kb_root: Path, taxonomy: Taxonomy) -> None:
    far = date(2099, 1, 1)
    shipped = read_library(ROOT, taxonomy)
    assert demand.gaps(shipped, {}, taxonomy, far) == []  # each type has one without an end
    drafts = read_library(kb_root, taxonomy)
    assert len(demand.gaps(drafts, {"payslip_missing": 5}, taxonomy, DAY)) == len(taxonomy.issue_types)


def test_an_empty_store_says_what_to_do(
    kb_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path / "home"))
    error = refusal("gaps", "--kb", str(kb_root), *ON)
    assert isinstance(error, BadInputError)
    assert "firstline sync" in error.remedy
    assert "no tickets to tell what is unused" in kb("stale", "--kb", str(kb_root), *ON).stdout
