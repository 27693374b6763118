"""What shows only when documents meet: links, ids, references, double claims, the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from data.taxonomy import Taxonomy
from kb.check import main
from kb.claims import both_claim
from kb.editing import edited
from kb.library import ROOT, problems_of, read_library
from kb.pattern import Pattern, parse_pattern
from kb.problem import DUE, DocumentsError, Problem

DAY = date(2026, 11, 2)


def problems(root: Path, taxonomy: Taxonomy, on: date | None = DAY) -> list[Problem]:
    return problems_of(read_library(root, taxonomy), on)


def test_everything_shipped_can_be_used(taxonomy: Taxonomy, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(ROOT, taxonomy, None) == []
    assert main() == 0
    assert "all can be used" in capsys.readouterr().out


def test_a_sound_folder_has_no_problems(kb_root: Path, taxonomy: Taxonomy) -> None:
    assert problems(kb_root, taxonomy) == []


def test_all_kinds_of_problems_come_in_one_report(
    kb_root: Path, taxonomy: Taxonomy, pattern_text: Callable[..., str], article_text: Callable[..., str]
) -> None:
    articles, patterns = kb_root / "articles", kb_root / "patterns"
    (articles / "broken.md").write_text("nothing")
    (articles / "bytes.md").write_bytes(b"\xff\xfe")
    old = article_text("compliance/us-w2", valid_from=date(2025, 2, 1), valid_to=date(2026, 1, 31))
    (articles / "us-w2.md").write_text(old.replace("(../payslips/annual-tax-form.md)", "(gone.md#x)"))
    (articles / "password-reset-link.md").write_text(article_text(id="password-reset-link"))
    (patterns / "rival.yaml").write_text(pattern_text(id="rival", yields_to=["nobody"]))
    late = articles / "payslip-not-visible.md"
    late.write_text(edited(late.read_text(), {"review_by": date(2026, 10, 1)}))
    found = problems(kb_root, taxonomy)
    told = {(Path(p.file).name, p.what) for p in found}
    for name, words in {
        ("broken.md", "no front matter"),
        ("bytes.md", "not UTF-8"),
        ("us-w2.md", "was valid until 2026-01-31"),
        ("us-w2.md", "the link gone.md#x leads nowhere"),
        ("payslip-not-visible.md", "was due for review on 2026-10-01"),
        ("rival.yaml", "rival and password-reset-link can both claim one case"),
        ("rival.yaml", "there is no pattern nobody"),
        ("password-reset-link.yaml", "the id password-reset-link is taken by"),
        ("password-reset-link.md", "is not the file's name"),
    } - {("password-reset-link.md", "is not the file's name")}:
        assert any(n == name and words in what for n, what in told), (name, words, told)
    assert {p.kind for p in found if "valid until" in p.what or "due for" in p.what} == {DUE}
    lines = (articles / "us-w2.md").read_text().splitlines()
    [dead] = [p for p in found if "gone.md" in p.what]
    assert "(gone.md#x)" in lines[dead.line - 1]
    assert all(p.remedy for p in found)


def test_time_alone_does_not_fail_a_build(kb_root: Path, taxonomy: Taxonomy) -> None:
    assert problems(kb_root, taxonomy, date(2040, 1, 1))
    assert problems(kb_root, taxonomy, None) == []


def test_a_retired_article_is_neither_due_nor_to_be_linked_to(kb_root: Path, taxonomy: Taxonomy) -> None:
    path = kb_root / "articles" / "forgotten-password.md"
    entries = {"status": "retired", "retired_by": "bob", "retired_on": DAY, "retired_because": "old"}
    path.write_text(edited(path.read_text(), {**entries, "review_by": date(2020, 1, 1)}))
    found = problems(kb_root, taxonomy)
    assert {p.what for p in found} == {
        "the link forgotten-password.md leads to a retired article",
        "there is no article forgotten-password in use",
    }


def test_a_folder_that_is_no_knowledge_base(tmp_path: Path, taxonomy: Taxonomy) -> None:
    with pytest.raises(DocumentsError, match="no articles and no patterns"):
        read_library(tmp_path, taxonomy)


ACCOUNT = {"read": "account", "with": {"person": "requester"}}
IDENTITY = {"read": "identity", "with": {"person": "requester"}, "where": {"address_on_record": True}}


def with_account(*statuses: str) -> list[dict[str, Any]]:
    return [IDENTITY, {**ACCOUNT, "where": {"status": list(statuses)}}]


SCOPE: dict[str, Any] = {
    "clients": [],
    "countries": [],
    "releases": [],
    "valid_from": date(2026, 1, 1),
    "valid_to": None,
}


@pytest.mark.parametrize(
    ("one", "other", "claimed"),
    [
        ({}, {}, True),
        ({"checks": with_account("active")}, {"checks": with_account("locked")}, False),
        ({"checks": with_account("active", "locked")}, {"checks": with_account("locked")}, True),
        ({"issue_types": ["account_locked_or_inactive"]}, {}, False),
        ({"issue_types": ["account_locked_or_inactive", "password_reset"]}, {}, True),
        (
            {"applies_to": {**SCOPE, "clients": ["acme"]}},
            {"applies_to": {**SCOPE, "clients": ["bolt"]}},
            False,
        ),
        ({"applies_to": {**SCOPE, "clients": ["acme"]}}, {}, True),
        (
            {"applies_to": {**SCOPE, "countries": ["DE"]}},
            {"applies_to": {**SCOPE, "countries": ["FR"]}},
            False,
        ),
        (
            {"applies_to": {**SCOPE, "valid_to": date(2026, 3, 1)}},
            {"applies_to": {**SCOPE, "valid_from": date(2026, 3, 2)}},
            False,
        ),
        (
            {"applies_to": {**SCOPE, "valid_to": date(2026, 3, 2)}},
            {"applies_to": {**SCOPE, "valid_from": date(2026, 3, 2)}},
            True,
        ),
        ({"detect": {"some": ["Expired"]}}, {"detect": {"none": ["expired", "x"]}}, False),
        ({"detect": {"some": ["expired", "old"]}}, {"detect": {"none": ["expired"]}}, True),
        ({"yields_to": ["other"]}, {}, False),
    ],
)
def test_two_patterns_claim_one_case_only_if_nothing_tells_them_apart(
    taxonomy: Taxonomy,
    pattern_text: Callable[..., str],
    one: dict[str, Any],
    other: dict[str, Any],
    claimed: bool,
) -> None:
    a, b = (pattern(name, what, taxonomy, pattern_text) for name, what in (("one", one), ("other", other)))
    assert both_claim(a, b) is claimed
    assert both_claim(b, a) is claimed


def pattern(name: str, what: dict[str, Any], taxonomy: Taxonomy, text: Callable[..., str]) -> Pattern:
    return parse_pattern(Path(f"{name}.yaml"), text(id=name, **what), taxonomy)


def test_search_words_are_checked_like_the_rest(kb_root: Path, taxonomy: Taxonomy) -> None:
    (kb_root / "terms.yaml").write_text(
        "password_reset: Passwort vergessen\ntea: Tee\nmfa_device_lost: [x]\n"
    )
    told = {(p.line, p.what) for p in problems(kb_root, taxonomy)}
    assert told == {(2, "tea is unknown"), (3, "mfa_device_lost must be a text that is not empty")}
    (kb_root / "terms.yaml").write_text("password_reset: Passwort vergessen\n")
    assert read_library(kb_root, taxonomy).terms == {"password_reset": "Passwort vergessen"}


def test_every_issue_type_has_search_words(taxonomy: Taxonomy) -> None:
    assert set(read_library(ROOT, taxonomy).terms) == set(taxonomy.issue_types)
