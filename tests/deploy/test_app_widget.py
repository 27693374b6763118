"""The widget in Chromium: every state, what the buttons send, and that text from outside stays text."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGES = runpy.run_path(str(Path(__file__).parent / "widget_pages.py"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PAGES["CHROMIUM"] is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with PAGES["pages"]() as found:
        yield found


def look(address: str, **query: Any) -> Any:
    return PAGES["look"](address, **query)


@pytest.mark.parametrize(
    ("state", "shown", "words", "buttons"),
    [
        ("loading", "loading", "Asking Firstline", []),
        (
            "suggestion",
            "suggestion",
            "68 % fairly sure Issue type Payslip missing",
            ["accept", "edit", "dismiss"],
        ),
        ("applied", "applied", "Minor set by someone; proposed was Major", ["accept", "edit", "undo"]),
        ("abstained", "abstained", "Why The text is unlike anything", ["edit", "dismiss"]),
        ("handled", "handled", "Accepted by kim, 25 Nov", ["undo"]),
        ("unreachable", "unreachable", "got no answer from Firstline", ["again"]),
        ("forbidden", "forbidden", "Only members of the project team", []),
        ("denied", "forbidden", "may not update this ticket", []),
        ("broken", "broken", "not configured", []),
    ],
)
def test_every_state_says_what_it_is(
    address: str, state: str, shown: str, words: str, buttons: list[str]
) -> None:
    page = look(address, state=state)
    main = page.one("main")
    assert main["data-state"] == shown
    assert main["aria-busy"] == ("true" if state == "loading" else "false")
    assert words in page.text
    assert page.buttons == buttons
    assert page.calls == [{"path": "backend/suggestion", "method": "GET", "scope": True}]
    if shown in ("suggestion", "applied"):
        assert "Most likely" in page.text and "Why" in page.text
    if shown != "loading":
        assert page.one("html")["data-width"] == "0"  # nothing sticks out sideways


def test_a_new_ticket_is_looked_at_again_until_there_is_a_suggestion(address: str) -> None:
    assert look(address, state="none").buttons == ["again"]
    page = look(address, state="late", budget_ms=15000)
    assert page.one("main")["data-state"] == "suggestion"
    assert [call["method"] for call in page.calls] == ["GET"] * 3


@pytest.mark.parametrize(
    ("state", "steps", "words"),
    [
        ("suggestion", "accept", "Accepted by kim"),
        ("suggestion", "dismiss", "Dismissed by kim"),
        ("applied", "undo", "Undone by kim"),
        ("suggestion", "edit,issue_type=tax_form,save", "Issue type Tax form corrected"),
        ("abstained", "edit,issue_type=portal_login,save", "Issue type Portal login corrected"),
        ("open", "edit,team=payroll-ops-pl,Enter", "Corrected by kim"),
    ],
)
def test_a_button_sends_one_order_and_shows_what_became_of_it(
    address: str, state: str, steps: str, words: str
) -> None:
    page = look(address, state=state, steps=steps)
    assert page.one("main")["data-state"] == "handled"
    assert words in page.text
    (order,) = [call for call in page.calls if call["method"] == "POST"]
    action = steps.split(",")[0]
    assert (order["path"], order["scope"]) == (f"backend/{action}", True)
    assert set(order["body"]) == {"operation", "fields"}
    if action == "edit":
        name, _, value = steps.split(",")[1].partition("=")
        assert order["body"]["fields"] == {name: value}
    else:
        assert order["body"]["fields"] == {}
    assert page.one("html")["data-focus"] == "title"  # the reader is taken to the news
    if action == "undo":
        assert page.buttons == []


def test_an_order_with_a_lost_answer_is_repeated_under_the_same_key(address: str) -> None:
    failed = look(address, state="suggestion", steps="accept", fail="once")
    assert failed.one("main")["data-state"] == "suggestion"
    assert any(a.get("role") == "alert" for _, a in failed.elements)
    assert failed.one("html")["data-focus"] != "title"
    page = look(address, state="suggestion", steps="accept,accept", fail="once")
    assert page.one("main")["data-state"] == "handled"
    orders = [call["body"]["operation"] for call in page.calls if call["method"] == "POST"]
    assert len(orders) == 2 and len(set(orders)) == 1


def test_an_order_is_followed_until_it_stands_in_the_ticket(address: str) -> None:
    page = look(address, state="suggestion", steps="accept", slow="1", budget_ms=1500)
    assert "Accepted by kim, 25 Nov, 12:04. Being written into the ticket." in page.text
    assert "Payslip missing being written" in page.text
    page = look(address, state="suggestion", steps="accept", slow="1", budget_ms=8000)
    assert "Payslip missing in the ticket" in page.text and "Being written" not in page.text
    assert [call["method"] for call in page.calls] == ["GET", "POST", "GET"]


def test_where_somebody_was_faster_the_page_shows_what_is_so_now(address: str) -> None:
    page = look(address, state="suggestion", steps="dismiss", fail="stale")
    assert page.one("main")["data-state"] == "handled"
    assert "It was accepted already." in page.text and "Accepted by kim" in page.text


def test_editing_can_be_left_without_a_trace(address: str) -> None:
    page = look(address, state="suggestion", steps="edit,issue_type=tax_form,Escape")
    assert page.buttons == ["accept", "edit", "dismiss"]
    assert page.one("html")["data-focus"] == "edit"
    assert len(page.calls) == 1
    unchanged = look(address, state="suggestion", steps="edit,save")
    assert "Nothing is different" in unchanged.text
    assert len(unchanged.calls) == 1
    assert "Why 68 % sure" in unchanged.text  # the reason stays in sight
    named = {a["for"] for tag, a in unchanged.elements if tag == "label"}
    fields = {a["id"] for tag, a in unchanged.elements if tag in ("select", "input")}
    assert named == fields and len(fields) == 3


def test_text_from_outside_stays_text(address: str) -> None:
    page = look(address, state="hostile")
    tags = [tag for tag, _ in page.elements]
    assert "img" not in tags and tags.count("script") == 2
    assert "<img src=x" in page.text
