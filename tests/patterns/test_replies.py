"""Replies: filled from facts, never with a link, mention, command or markup that a value brings."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.taxonomy import load_taxonomy
from kb.library import ROOT, Library
from serving.patterns.case import Case
from serving.patterns.load import load_runnable
from serving.patterns.reply import Reply, Unfilled, compose, question, sources
from serving.patterns.told import told

DAY = date(2026, 11, 26)


@pytest.fixture(scope="session")
def library() -> Library:
    return load_runnable(ROOT, load_taxonomy())


def case(**changes: Any) -> Case:
    facts = {"requester": "jo@acme.example", "client": "acme", "country": "AE", "month": "2026-10"}
    names = {"requester": "Jo Doe", "client": "Acme Ltd"}
    return replace(Case("3-1", "acme", "payslip_missing", "", DAY, facts, names), **changes)


def pattern(library: Library, name: str = "pay-dates-from-calendar") -> Any:
    return next(p for p in library.patterns if p.id == name)


GIVEN = {"closes_on": date(2026, 11, 20), "closes_at": "17:00", "pay_date": date(2026, 11, 27)}


def test_a_reply_is_filled_and_has_the_sources_that_the_requester_may_read(library: Library) -> None:
    reply = compose(pattern(library), case(), GIVEN, library.articles)
    assert isinstance(reply, Reply)
    assert reply.text.startswith("Hello Jo Doe,")
    assert "inputs for October 2026 close on 20 November 2026 at 17:00" in " ".join(reply.text.split())
    assert "jo@acme.example" not in reply.whole and "{{" not in reply.whole
    readable = {a.title for a in library.articles if a.audience == "requester"}
    assert set(reply.sources) <= readable


def test_a_slot_without_a_fact_makes_a_reply_that_cannot_be_sent(library: Library) -> None:
    for slot in GIVEN:
        left = {k: v for k, v in GIVEN.items() if k != slot}
        assert compose(pattern(library), case(), left, library.articles) == Unfilled((slot,))
    with pytest.raises(ValueError, match="may not be sent"):
        Reply("Hello {{requester}},")


def test_articles_for_agents_and_of_others_are_no_sources(library: Library) -> None:
    article = next(a for a in library.articles if a.audience == "requester" and a.record.status == "approved")
    own = pattern(library)
    named = replace(own, plan=replace(own.plan, prepare=replace(own.plan.prepare, articles=(article.id,))))
    assert sources(named, case(), [article])
    for hidden in (
        replace(article, audience="agent"),
        replace(article, clients=("another",)),
        replace(article, countries=("DE",)),
        replace(article, releases=("5.2",)),
        replace(article, valid_to=date(2026, 1, 1)),
        replace(article, record=replace(article.record, status="draft")),
    ):
        assert sources(named, case(), [hidden]) == ()


def test_a_requester_without_a_name_or_with_a_strange_one_is_greeted_without(library: Library) -> None:
    for names in ({"client": "Acme"}, {"client": "Acme", "requester": "<b>@all</b> https://evil.example"}):
        reply = compose(pattern(library), case(names=names), GIVEN, library.articles)
        assert isinstance(reply, Reply) and reply.text.startswith("Hello,\n")
        assert question(pattern(library), case(names=names)).text.startswith("Hello,\n")


def test_every_question_and_template_may_be_sent(library: Library) -> None:
    for one in library.patterns:
        assert Reply(re.sub(r"\{\{.*?\}\}", "x", one.reply_template))
        if one.question:
            assert question(one, case())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Reports > Payroll > Monthly", "Reports > Payroll > Monthly"),
        ("hours_2026.xlsx", r"hours\_2026.xlsx"),
        ("2026-03", "March 2026"),
        (date(2026, 1, 5), "5 January 2026"),
        ("two  spaces", "two spaces"),
        ("two\n lines", None),
        ("**bold** [x]", r"\*\*bold\*\* \[x\]"),
        ("Zoë Müller-Łuk", "Zoë Müller-Łuk"),
        ("https://evil.example/x", None),
        ("www.evil.example", None),
        ("evil.example", None),
        ("see evil．example", None),
        ("@admin", None),
        ("mail me at jo@acme.example", None),
        ("＠admin", None),
        ("<img src=x>", None),
        ("＜script＞", None),
        ("[x](y)", None),
        ("/assign me", None),
        ("- item", None),
        ("> quote", None),
        ("&lt;b&gt;", None),
        ("{{client}}", None),
        ("javascript:alert(1)", None),
        ("a\u202eb", None),
        ("a\u200bb", None),
        ("", None),
        ("x" * 201, None),
        (True, None),
        (7, None),
    ],
)
def test_what_a_value_may_say(value: object, written: str | None) -> None:
    assert told(value) == written


NASTY = st.lists(
    st.sampled_from(
        [
            *(
                "https",
                "://",
                "www.",
                ".com",
                "evil",
                "@",
                "admin",
                "<",
                ">",
                "b",
                "/",
                "assign",
                "[",
                "](",
                ")",
            ),
            *(
                "!",
                "`",
                "*",
                "_",
                "#",
                " ",
                "\n",
                "\u200b",
                "\u202e",
                "＠",
                "．",
                "：",
                "／",
                "&",
                ";",
                "{{",
                "\\",
            ),
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(value=st.one_of(NASTY, st.text(max_size=60)))
@example(value="\\[x\\](evil)")
@example(value="a\n/assign me")
def test_nothing_that_acts_gets_out_of_a_value(library: Library, value: str) -> None:
    given_ = {**GIVEN, "closes_at": value}
    reply = compose(
        pattern(library), case(names={"client": value, "requester": value}), given_, library.articles
    )
    if isinstance(reply, Unfilled):
        return
    bare = compose(
        pattern(library),
        case(names={"client": "Acme", "requester": "Jo"}),
        {**GIVEN, "closes_at": "17:00"},
        library.articles,
    )
    assert isinstance(bare, Reply)
    assert reply.text.count("\n") == bare.text.count("\n"), "a value brings no line of its own"
    live = re.sub(r"\\[\\`*_\[\]#~|!]", "", reply.text)
    for sign in ("://", "www.", "@", "<", "](", "`", "{{", "\u200b", "\u202e"):
        assert sign not in live
    assert not re.search(r"^\s*/\w", live, re.MULTILINE)
    assert "evil.com" not in live.casefold()
