"""Articles are read strictly: every problem at once, with its line and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from data.taxonomy import Taxonomy
from kb.article import ARTICLES, parse_article, read_articles
from kb.problem import DocumentsError
from kb.sections import sections_of

PATH = Path("payslip-not-visible.md")


def refused(text: str, taxonomy: Taxonomy, path: Path = PATH) -> DocumentsError:
    with pytest.raises(DocumentsError) as error:
        parse_article(path, text, taxonomy)
    return error.value


def test_the_shipped_articles_cover_the_desk(taxonomy: Taxonomy) -> None:
    articles = read_articles(ARTICLES, taxonomy)
    kinds = Counter(a.kind for a in articles)
    assert len(articles) >= 60
    assert {t for a in articles for t in a.issue_types} == set(taxonomy.issue_types)
    assert min(kinds["faq"], kinds["resolution"], kinds["runbook"], kinds["compliance"]) >= 6
    runbooks = Counter(c for a in articles if a.kind == "runbook" for c in a.clients)
    assert sum(n >= 2 for n in runbooks.values()) >= 2


def test_no_two_shipped_articles_say_the_same(taxonomy: Taxonomy) -> None:
    """Only the standing example notice of the compliance references occurs twice."""
    articles = read_articles(ARTICLES, taxonomy)
    texts = Counter(
        text
        for a in articles
        for heading, text in sections_of(a.body).items()
        if len(text) > 90 and heading != "Recognise it"
    )
    assert [t for t, n in texts.items() if n > 1] == []


def test_compliance_references_say_what_they_are(taxonomy: Taxonomy) -> None:
    for article in read_articles(ARTICLES, taxonomy):
        if article.kind == "compliance":
            assert article.valid_to is not None
            assert "(example)" in article.title
            assert "Example, not legal advice" in article.body
            assert "verified" in " ".join(article.sources)


def test_an_unchanged_article_is_read_as_written(
    article_text: Callable[..., str], taxonomy: Taxonomy
) -> None:
    article = parse_article(PATH, article_text(), taxonomy)
    assert (article.kind, article.audience, article.record.owner) == ("faq", "requester", "payroll-ops")
    assert article.body.startswith("## Who it is for")
    assert "older-payslips.md" in article.links


def test_all_problems_are_told_at_once_with_their_lines(
    article_text: Callable[..., str], taxonomy: Taxonomy
) -> None:
    text = article_text(
        id="Payslip Not Visible", kind="novel", issue_types=["coffee"], countries=["Germany"], version=0,
        valid_to="tomorrow", sources=..., colour="red", owner="kitchen", review_by="soon",
    )  # fmt: skip
    error = refused(text, taxonomy)
    lines = text.splitlines()
    told = {p.what: lines[p.line - 1] for p in error.problems}
    for words, entry in {
        "sources is missing": "---",
        "colour is unknown": "colour",
        "kind 'novel' is none": "kind",
        "'coffee' is unknown": "- coffee",
        "'Germany' is not": "- Germany",
        "version must be a whole number": "version",
        "valid_to must be a date": "valid_to",
        "review_by must be a date": "review_by",
        "lower-case words": "id",
        "owner 'kitchen' is no team": "owner",
    }.items():
        [(_, line)] = [(w, at) for w, at in told.items() if words in w]
        assert line.startswith(entry)
    assert all(p.remedy for p in error.problems)


@pytest.mark.parametrize("section", ["Never", "Solved when"])
def test_a_missing_or_empty_section_is_told(
    article_text: Callable[..., str], taxonomy: Taxonomy, section: str
) -> None:
    name = "payments/salary-not-received"
    path = Path("salary-not-received.md")
    without = article_text(name).replace(f"## {section}", "## Chatter")
    told = [p.what for p in refused(without, taxonomy, path).problems]
    assert f"section '## {section}' is missing" in told
    assert "section '## Chatter' is not one of this kind" in told
    whole = article_text(name)
    head, _, tail = whole.partition(f"## {section}\n")
    rest = tail.partition("\n## ")
    emptied = f"{head}## {section}\n{rest[1]}{rest[2]}"
    assert f"section '## {section}' is empty" in refused(emptied, taxonomy, path).message


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("compliance/gb-p60-and-p45", {"countries": []}, "must name its countries"),
        ("compliance/gb-p60-and-p45", {"valid_to": None}, "must have an end"),
        ("runbooks/brightwater-pay-day", {"clients": []}, "must name its clients"),
        ("payslips/payslip-held-back", {"audience": "requester"}, "is for agents"),
    ],
)
def test_each_kind_has_its_own_duties(
    article_text: Callable[..., str], taxonomy: Taxonomy, name: str, changes: dict[str, object], words: str
) -> None:
    path = Path(f"{name.rpartition('/')[2]}.md")
    parse_article(path, article_text(name), taxonomy)
    assert words in refused(article_text(name, **changes), taxonomy, path).message


def test_a_reference_that_does_not_say_it_is_an_example(
    article_text: Callable[..., str], taxonomy: Taxonomy
) -> None:
    text = article_text("compliance/us-w2").replace("Example, not legal advice", "The law")
    assert "does not say that it is an example" in refused(text, taxonomy, Path("us-w2.md")).message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "no front matter"),
        ("no front matter", 1, "no front matter"),
        ("---\nid: a\n", 1, "no front matter"),
        ("---\nid: [\n---\nbody", 3, "not YAML"),
        ("---\n- a\n---\nbody", 2, "not a mapping"),
        ("---\nid: a\ntitle: b\nid: c\n---\nbody", 4, "id is given twice"),
        ("---\nvalid_from: 2026-02-31\n---\nbody", 2, "cannot be read"),
    ],
)
def test_broken_front_matter(taxonomy: Taxonomy, text: str, line: int, words: str) -> None:
    [problem] = refused(text, taxonomy).problems
    assert words in problem.what
    assert problem.line == line


def test_windows_line_ends_are_read(article_text: Callable[..., str], taxonomy: Taxonomy) -> None:
    text = article_text()
    assert (
        parse_article(PATH, text.replace("\n", "\r\n"), taxonomy).body
        == parse_article(PATH, text, taxonomy).body
    )


def test_a_wording_leaves_no_account_or_amount_open(
    article_text: Callable[..., str], taxonomy: Taxonomy
) -> None:
    text = article_text() + "\nYour account {{iban}} gets {{ amount }} on {{pay_date}}.\n"
    found = refused(text, taxonomy).problems
    assert [p.what for p in found] == [
        "the wording leaves {{amount}} open",
        "the wording leaves {{iban}} open",
    ]
    assert {p.line for p in found} == {len(text.splitlines())}
