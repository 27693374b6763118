"""Articles and patterns: what ships can be read, and what is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data.errors import BadInputError
from data.taxonomy import Taxonomy, load_taxonomy
from kb.article import ARTICLES, parse_article, read_articles
from kb.check import main
from kb.pattern import PATTERNS, parse_pattern, read_patterns


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def pattern_text(**changes: object) -> str:
    raw = yaml.safe_load((PATTERNS / "password-reset-link.yaml").read_text())
    return yaml.safe_dump({k: v for k, v in {**raw, **changes}.items() if v is not ...})


def article_text(**changes: object) -> str:
    _, front, body = (ARTICLES / "payslip-not-visible.md").read_text().split("---\n", 2)
    raw = {**yaml.safe_load(front), **changes}
    return f"---\n{yaml.safe_dump({k: v for k, v in raw.items() if v is not ...})}---\n{body}"


def test_everything_shipped_can_be_read(taxonomy: Taxonomy, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(read_articles(ARTICLES, taxonomy)) >= 3
    assert len(read_patterns(PATTERNS, taxonomy)) >= 2
    assert main() == 0
    assert "all can be read" in capsys.readouterr().out


def test_an_unchanged_document_is_read_as_written(taxonomy: Taxonomy) -> None:
    pattern = parse_pattern(Path("password-reset-link.yaml"), pattern_text(), taxonomy)
    assert (pattern.issue_type, pattern.mode, pattern.risk_class) == ("password_reset", "auto", "medium")
    assert pattern.applies_to.valid_to is None
    article = parse_article(Path("payslip-not-visible.md"), article_text(), taxonomy)
    assert article.kind == "faq"
    assert article.body.startswith("# When a payslip appears")


def test_all_problems_of_an_article_are_told_at_once(taxonomy: Taxonomy) -> None:
    text = article_text(
        id="Payslip Not Visible", kind="novel", issue_types=["coffee"], countries=["Germany"], version=0,
        valid_to="tomorrow", source=..., colour="red",
    )  # fmt: skip
    with pytest.raises(BadInputError) as error:
        parse_article(Path("payslip-not-visible.md"), text, taxonomy)
    for words in ("missing: source", "unknown: colour", "kind 'novel'", "'coffee'", "'Germany'", "version"):
        assert words in error.value.message
    assert "valid_to must be a date" in error.value.message
    assert "lower-case words" in error.value.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issue_type": "bank_details_change"}, "must be handled by a person"),
        ({"issue_type": "tea"}, "'tea' is unknown"),
        ({"risk_class": "high"}, "cannot run by itself"),
        ({"approved_by": ""}, "needs approved_by"),
        ({"reply_template": "Your account {{iban}} is set"}, "nothing fills {{iban}}"),
        ({"reply_template": "Hello {{requester}"}, "braces that do not close"),
        ({"checks": []}, "checks needs at least 1"),
        ({"steps": "do it"}, "steps must be a list"),
        ({"applies_to": {"clients": []}}, "applies_to: missing"),
        ({"id": "another"}, "must be the file's name"),
        ({"symptom": ...}, "missing: symptom"),
    ],
)
def test_a_pattern_that_must_not_run_is_refused(
    taxonomy: Taxonomy, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInputError) as error:
        parse_pattern(Path("password-reset-link.yaml"), pattern_text(**changes), taxonomy)
    assert words in error.value.message


def test_assisting_with_a_type_that_people_handle_is_allowed(taxonomy: Taxonomy) -> None:
    text = pattern_text(issue_type="bank_details_change", mode="assist", approved_by="")
    assert parse_pattern(Path("password-reset-link.yaml"), text, taxonomy).mode == "assist"


@pytest.mark.parametrize("text", ["", "no front matter", "---\n: : :\n---\nbody", "---\n- a\n---\nbody"])
def test_no_front_matter(taxonomy: Taxonomy, text: str) -> None:
    with pytest.raises(BadInputError, match="front matter"):
        parse_article(Path("x.md"), text, taxonomy)


def test_a_compliance_article_names_its_countries(taxonomy: Taxonomy) -> None:
    with pytest.raises(BadInputError, match="must name its countries"):
        parse_article(Path("payslip-not-visible.md"), article_text(kind="compliance"), taxonomy)


def test_the_check_names_every_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], taxonomy: Taxonomy
) -> None:
    (tmp_path / "one.md").write_text("nothing")
    (tmp_path / "two.md").write_bytes(b"\xff\xfe")
    (tmp_path / "three.yaml").write_text("[]")
    assert main(tmp_path, tmp_path) == 3
    told = capsys.readouterr().err
    assert all(name in told for name in ("one.md", "two.md", "three.yaml"))
