"""From draft to retired: four eyes, a reason, and approval that is bound to the text."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInputError
from data.taxonomy import Taxonomy
from kb import lifecycle
from kb.article import parse_article
from kb.document import markdown_document
from kb.editing import edited
from kb.lifecycle import Record, TransitionError
from kb.problem import DocumentsError

DAY = date(2026, 11, 2)
DRAFT = Record("payroll-ops", "ann", "draft", 1, date(2027, 5, 1))
PATH = Path("payslip-not-visible.md")


def moved(record: Record, changes: dict[str, Any]) -> Record:
    return replace(record, **{k: (getattr(DRAFT, k) if v is None else v) for k, v in changes.items()})


STEPS: dict[str, Callable[[Record, str], dict[str, Any]]] = {
    "review": lambda r, by: lifecycle.review(r, by=by, on=DAY),
    "approve": lambda r, by: lifecycle.approve(r, by=by, on=DAY, text="0123456789ab"),
    "retire": lambda r, by: lifecycle.retire(r, by=by, on=DAY, because="replaced"),
    "revise": lambda r, by: lifecycle.revise(r, by=by),
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(["ann", "bob", " ANN ", ""])), max_size=8
    )
)
def test_whatever_is_tried_nobody_approves_their_own_work(tries: list[tuple[str, str]]) -> None:
    record = DRAFT
    for name, by in tries:
        before = record
        try:
            record = moved(record, STEPS[name](record, by))
        except TransitionError:
            assert record is before
            continue
        assert by.strip()
        assert (before.status, record.status) in {
            ("draft", "reviewed"), ("reviewed", "approved"), ("reviewed", "draft"), ("approved", "draft"),
            ("draft", "retired"), ("reviewed", "retired"), ("approved", "retired"),
        }  # fmt: skip
        if record.status in ("reviewed", "approved"):
            assert record.reviewed_by.strip().casefold() != record.author.strip().casefold()
        if record.status == "approved":
            assert record.approved_by.strip().casefold() != record.author.strip().casefold()
            assert record.approved_text
        if record.status == "draft":
            assert not record.approved_by and not record.reviewed_by
        assert record.version >= before.version


def test_the_way_from_draft_to_retired() -> None:
    reviewed = moved(DRAFT, lifecycle.review(DRAFT, by="bob", on=DAY))
    approved = moved(reviewed, lifecycle.approve(reviewed, by="cleo", on=DAY, text="abc"))
    assert (approved.reviewed_by, approved.approved_by, approved.approved_on) == ("bob", "cleo", DAY)
    again = moved(approved, lifecycle.revise(approved, by="bob"))
    assert (again.status, again.version, again.author, again.approved_by) == ("draft", 2, "bob", "")
    retired = moved(approved, lifecycle.retire(approved, by="cleo", on=DAY, because=" too old "))
    assert retired.retired_because == "too old"


@pytest.mark.parametrize(
    ("record", "step", "words"),
    [
        (DRAFT, lambda r: lifecycle.approve(r, by="bob", on=DAY, text="a"), "cannot become approved"),
        (DRAFT, lambda r: lifecycle.review(r, by="Ann", on=DAY), "is the author"),
        (DRAFT, lambda r: lifecycle.review(r, by=" ", on=DAY), "Nobody is named"),
        (DRAFT, lambda r: lifecycle.retire(r, by="bob", on=DAY, because=" "), "no reason"),
        (DRAFT, lambda r: lifecycle.revise(r, by="bob"), "cannot become draft"),
        (
            replace(DRAFT, status="reviewed", review_by=DAY),
            lambda r: lifecycle.approve(r, by="bob", on=DAY, text="a"),
            "next review was due",
        ),
    ],
)
def test_a_step_that_is_refused_says_why(record: Record, step: Any, words: str) -> None:
    with pytest.raises(TransitionError, match=words) as error:
        step(record)
    assert error.value.remedy


def test_a_change_after_approval_is_seen(article_text: Callable[..., str], taxonomy: Taxonomy) -> None:
    text = article_text()
    digest = lifecycle.digest(markdown_document(PATH, text))
    entries = {
        "status": "approved", "reviewed_by": "bob", "reviewed_on": DAY, "approved_by": "cleo",
        "approved_on": DAY, "approved_text": digest,
    }  # fmt: skip
    approved = edited(text, entries)
    assert parse_article(PATH, approved, taxonomy).record.status == "approved"
    parse_article(PATH, edited(approved, {"review_by": date(2028, 1, 1)}), taxonomy)  # no part of the text
    for changed in (approved + "\nOne more word.", edited(approved, {"title": "Another"})):
        with pytest.raises(DocumentsError, match="has changed since it was approved"):
            parse_article(PATH, changed, taxonomy)


@pytest.mark.parametrize("status", ["reviewed", "approved", "retired"])
def test_a_status_without_who_and_when_is_refused(
    article_text: Callable[..., str], taxonomy: Taxonomy, status: str
) -> None:
    with pytest.raises(DocumentsError) as error:
        parse_article(PATH, article_text(status=status), taxonomy)
    assert f"status {status} needs" in error.value.message
    assert f"firstline kb {status.removesuffix('d').removesuffix('e')}" in error.value.message


def test_an_author_who_stands_as_approver_is_told(
    article_text: Callable[..., str], taxonomy: Taxonomy
) -> None:
    text = edited(article_text(), {"reviewed_by": "Payroll-Ops  Editor"})
    with pytest.raises(DocumentsError, match="reviewed_by is the author"):
        parse_article(PATH, text, taxonomy)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1).filter(
    lambda t: t.strip()
)


@given(st.dictionaries(st.sampled_from(["reviewed_by", "retired_because", "status"]), NAMES, min_size=1))
def test_what_is_written_is_what_is_read_and_nothing_else_changes(changes: dict[str, str]) -> None:
    before = "---\nid: a\n# a remark\nstatus: draft\nissue_types: [x]\n---\n\nBody --- with: dashes\n"
    after = edited(before, changes)
    front = yaml.safe_load(after.split("---\n")[1])
    assert {k: front[k] for k in changes} == {k: " ".join(v.split()) for k, v in changes.items()}
    assert front | {"status": "draft"} | {k: None for k in changes if k != "status"} == {
        "id": "a", "status": "draft", "issue_types": ["x"], **{k: None for k in changes if k != "status"},
    }  # fmt: skip
    assert after.endswith("---\n\nBody --- with: dashes\n")
    assert "# a remark" in after
    assert edited(after, {k: None for k in changes if k != "status"} | {"status": "draft"}) == before


def test_an_entry_over_several_lines_is_not_torn_apart() -> None:
    with pytest.raises(BadInputError, match="several lines"):
        edited("status: draft\nretired_because: >\n  long\n  story\n", {"retired_because": "x"})


def test_every_pair_of_statuses_is_decided() -> None:
    for status, step in itertools.product(lifecycle.STATUSES, STEPS.values()):
        record = replace(DRAFT, status=status, review_by=DAY + timedelta(days=1))
        try:
            assert step(record, "bob")["status"] != status
        except TransitionError as error:
            assert status in error.message
