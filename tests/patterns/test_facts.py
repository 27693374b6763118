"""Facts in texts: what is certain is taken, what is not is asked for."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.vocabulary import ASKED
from serving.patterns.facts import from_answer, from_ticket, month_in

DAY = date(2026, 11, 10)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("my payslip for October 2026", "2026-10"),
        ("my October payslip", "2026-10"),
        ("the december run", "2026-12"),
        ("my January payslip", "2026-01"),
        ("payslip 2026-03 is missing", "2026-03"),
        ("Oct. 2025", "2025-10"),
        ("in October, and October 2026 again", "2026-10"),
        ("October and November", None),
        ("you may help me", None),
        ("on 2026-03-12", None),
        ("Margaret and Octavia", None),
        ("", None),
    ],
)
def test_the_one_month_that_a_text_names(text: str, month: str | None) -> None:
    assert month_in(text, DAY) == month


def test_in_december_january_is_the_coming_one() -> None:
    assert month_in("the January run", date(2026, 12, 20)) == "2027-01"
    assert month_in("the December run", date(2027, 1, 5)) == "2026-12"


def test_a_ticket_number_and_a_year_are_taken_where_there_is_one() -> None:
    assert from_ticket("see PAY-123 about 2025", DAY) == {"ticket_ref": "PAY-123", "year": "2025"}
    assert from_ticket("PAY-1 or PAY-2, 2025 or 2026", DAY) == {}


def test_the_requesters_words_are_taken_from_an_answer_only() -> None:
    asked = ("month", "line", "country", "employee")
    words = "the line  Meal\nvoucher in October 2026 in Germany, for kim@acme.example"
    found = from_answer(words, asked, DAY, {"germany": "DE", "france": "FR"})
    assert (
        found["month"] == "2026-10" and found["country"] == "DE" and found["employee"] == "kim@acme.example"
    )
    assert found["line"].startswith("the line Meal voucher")
    assert "line" not in from_ticket(words, DAY)
    assert "country" not in from_answer("DE or FR", ("country",), DAY, {"germany": "DE", "france": "FR"})


@given(text=st.text(max_size=300), asked=st.lists(st.sampled_from(sorted(ASKED)), unique=True))
def test_whatever_is_written_a_fact_has_its_shape(text: str, asked: list[str]) -> None:
    found = from_answer(text, tuple(asked), DAY, {"germany": "DE"})
    assert found.keys() <= set(asked)
    shapes = {"month": r"20\d\d-(0[1-9]|1[0-2])", "year": r"20\d\d", "country": "DE"}
    for name, value in found.items():
        assert 0 < len(value) <= 300 and "\n" not in value
        assert re.fullmatch(shapes.get(name, ".+"), value, re.DOTALL)
