"""`render` is the one way from a ticket to the model's input."""

from __future__ import annotations

import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from data.tasks.categorize import MAX_CHARS, render
from data.ticket import Ticket


def ticket(summary: str, description: str) -> Ticket:
    return Ticket(id="1", summary=summary, description=description)


@given(st.text(), st.text())
def test_output_is_clean_capped_and_stable(summary: str, description: str) -> None:
    text = render(ticket(summary, description))
    assert len(text) <= MAX_CHARS + 1
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in text)
    assert text == render(ticket(summary, description))


def test_subject_comes_first_and_body_follows() -> None:
    assert render(ticket("Payslip missing", "None for May.")) == "Payslip missing\nNone for May."


def test_a_ticket_without_text_renders_empty() -> None:
    assert render(ticket("", " \n\t ")) == ""


def test_quoted_mail_and_signature_do_not_reach_the_model() -> None:
    body = "My leave balance is wrong.\n\nOn Monday Ana wrote:\n> password reset please\n-- \nAna\nHead of HR"
    assert render(ticket("", body)) == "My leave balance is wrong."


def test_a_mail_that_is_only_a_quotation_is_kept() -> None:
    assert "password" in render(ticket("", "> password reset please"))


def test_long_ticket_keeps_beginning_and_end() -> None:
    text = render(ticket("S", "begin " + "x" * 100_000 + " the end"))
    assert text.startswith("S\nbegin")
    assert text.endswith("the end")


def test_a_megabyte_of_hostile_text_takes_no_time() -> None:
    started = time.perf_counter()
    render(ticket("a", "On " * 300_000 + "> " * 100_000 + "\n \n" * 100_000))
    assert time.perf_counter() - started < 2
