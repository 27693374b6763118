"""The planner: reads first, one question, effects only where they may be; over all types and patterns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import client_system as s
from data.client_system_calls import read_types
from data.taxonomy import Taxonomy, load_taxonomy
from kb.actions import AUTOMATIC, Alone
from kb.library import ROOT, Library
from kb.pattern import Pattern
from serving.patterns.case import Case, Look, NoRecord
from serving.patterns.load import load_runnable
from serving.patterns.planner import Act, Ask, Draft, HandOver, Planned, Wait, plan

TAXONOMY = load_taxonomy()
FACTS = {
    "requester": "jo@acme.example",
    "client": "acme",
    "country": "AE",
    "month": "2026-10",
    "year": "2026",
    "ticket_ref": "PAY-7",
    **dict.fromkeys(("line", "claim", "report", "day", "function"), "some words"),
}
NAMES = {"requester": "Jo Doe", "client": "Acme"}


@pytest.fixture(scope="session")
def library() -> Library:
    return load_runnable(ROOT, TAXONOMY)


def case(issue_type: str, **changes: Any) -> Case:
    own = Case("3-1", "acme", issue_type, "please help", date(2026, 11, 26), dict(FACTS), NAMES, lang="en")
    return replace(own, **changes)


Answer = Callable[[Look], Any]


def followed(
    wanted: Case, library: Library, answer: Answer, taxonomy: Taxonomy = TAXONOMY
) -> tuple[Planned, list[Look]]:
    """Ask the planner until it wants no look-up any more."""
    seen: dict[Look, Any] = {}
    for _ in range(100):
        planned = plan(wanted, library.patterns, library.articles, seen, taxonomy)
        if not isinstance(planned.next, Look):
            return planned, list(seen)
        assert planned.next not in seen, "nothing is looked up twice"
        seen[planned.next] = answer(planned.next)
    raise AssertionError("it does not end")


def record_for(pattern: Pattern) -> Answer:
    """Records under which the pattern's checks all hold."""

    def answer(look: Look) -> Any:
        wanted: dict[str, Any] = {}
        for check in pattern.checks:
            if check.read == look.read:
                wanted |= {name: values[0] for name, values in check.where.items()}
        return made(read_types()[look.read], wanted)

    return answer


def made(kind: type, wanted: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{f.name: _value(hints[f.name], wanted.get(f.name)) for f in fields(kind)})


def _value(hint: Any, wanted: Any) -> Any:
    if wanted not in (None, "known"):
        return wanted
    inner = next(a for a in (get_args(hint) if NoneType in get_args(hint) else (hint,)) if a is not NoneType)
    if inner is bool:
        return False
    if get_origin(inner) is Literal:
        return get_args(inner)[0]
    return {date: date(2026, 11, 27), s.Month: s.Month("2026-11")}.get(inner, s.Told("Some words"))


def test_every_pattern_is_reached_and_ends_as_its_mode_says(library: Library) -> None:
    acted = 0
    for pattern in library.patterns:
        words = " ".join(pattern.detect.some[:1]) or "please help"
        for issue_type in pattern.issue_types:
            planned, looks = followed(case(issue_type, text=words), library, record_for(pattern))
            mine = next(c for c in planned.candidates if c.pattern.id == pattern.id)
            assert mine.verdict == "holds", (pattern.id, mine)
            step = planned.next
            assert isinstance(step, Act | Draft), (pattern.id, step)
            assert step.pattern.id == pattern.id or pattern.id in step.pattern.id or pattern.yields_to
            assert isinstance(step, Act) == (step.pattern.mode == "auto")
            assert "{{" not in step.reply.text and "jo@acme.example" not in step.reply.text
            acted += isinstance(step, Act)
            assert all(look.read in read_types() for look in looks)
    assert acted >= 38


ANSWERS = st.dictionaries(st.sampled_from(sorted(read_types())), st.integers(0, 2**20), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    issue_type=st.sampled_from(TAXONOMY.labels),
    missing=st.sets(st.sampled_from(sorted(set(FACTS) - {"requester", "client"}))),
    drawn=ANSWERS,
    waiting=st.booleans(),
    lang=st.sampled_from([None, "en", "de"]),
)
def test_no_effect_and_no_close_is_planned_where_people_handle_it(
    library: Library,
    issue_type: str,
    missing: set[str],
    drawn: dict[str, int],
    waiting: bool,
    lang: str | None,
) -> None:
    facts = {k: v for k, v in FACTS.items() if k not in missing}
    ticket = case(issue_type, facts=facts, waiting=("month",) if waiting else (), lang=lang)

    def answer(look: Look) -> Any:
        number = drawn.get(look.read)
        if number is None:
            return NoRecord()
        kind = read_types()[look.read]
        hints = get_type_hints(kind)
        wanted = {}
        for place, f in enumerate(fields(kind)):
            choices = (True, False) if hints[f.name] is bool else get_args(hints[f.name])
            if choices and NoneType not in choices:
                wanted[f.name] = choices[(number >> place) % len(choices)]
        record = made(kind, {})
        return replace(record, **wanted)

    step = followed(ticket, library, answer)[0].next
    kind = TAXONOMY.issue_types.get(issue_type)
    if isinstance(step, Act):
        assert kind is not None and kind.handling in AUTOMATIC
        assert lang in (None, "en") and step.pattern.mode == "auto"
    if isinstance(step, Ask):
        assert not waiting and set(step.facts) <= missing
        assert not step.alone or (kind is not None and kind.handling in AUTOMATIC)
    if isinstance(step, Wait):
        assert waiting


def test_act_cannot_be_made_where_people_handle_it(library: Library) -> None:
    pattern = next(p for p in library.patterns if p.mode == "auto" and isinstance(p.plan, Alone))
    step = followed(case(pattern.issue_types[0]), library, record_for(pattern))[0].next
    assert isinstance(step, Act)
    for handling in ("never", "assist"):
        with pytest.raises(ValueError, match=handling):
            replace(step, handling=handling)
    with pytest.raises(ValueError, match="not approved"):
        replace(step, pattern=replace(pattern, mode="draft"))
    draft = replace(pattern, record=replace(pattern.record, status="draft"))
    with pytest.raises(ValueError, match="not approved"):
        replace(step, pattern=draft)


def test_where_the_desk_makes_a_type_never_the_same_pattern_only_drafts(library: Library) -> None:
    stricter = replace(
        TAXONOMY,
        issue_types={
            k: replace(t, handling="never") if k == "password_reset" else t
            for k, t in TAXONOMY.issue_types.items()
        },
    )
    pattern = next(p for p in library.patterns if p.id == "password-reset-link")
    allowed = followed(case("password_reset"), library, record_for(pattern))[0].next
    step = followed(case("password_reset"), library, record_for(pattern), stricter)[0].next
    assert isinstance(allowed, Act) and isinstance(step, Draft)
    assert "never" in step.why


def test_nothing_is_looked_up_about_somebody_who_is_not_on_record(library: Library) -> None:
    stranger = lambda look: s.Identity(False, "unknown") if look.read == "identity" else NoRecord()  # noqa: E731
    planned, looks = followed(case("password_reset"), library, stranger)
    assert {look.read for look in looks} == {"identity"}
    assert isinstance(planned.next, HandOver)


def test_one_question_for_all_that_is_missing_and_none_while_one_is_open(library: Library) -> None:
    pattern = next(p for p in library.patterns if p.id == "release-held-back-payslip")
    bare = {k: v for k, v in FACTS.items() if k not in ("country", "month")}
    answer = record_for(pattern)
    asked = followed(case("payslip_missing", facts=bare), library, answer)[0].next
    assert isinstance(asked, Ask) and asked.alone and set(asked.facts) == {"country", "month"}
    assert asked.message.text == f"Hello Jo Doe,\n\n{asked.pattern.question}"
    waiting = case("payslip_missing", facts=bare, waiting=("country", "month"))
    assert isinstance(followed(waiting, library, answer)[0].next, Wait)
    over = case("payslip_missing", facts=bare, asked=frozenset({"country", "month"}))
    ended = followed(over, library, answer)[0].next
    assert isinstance(ended, HandOver) and "did not say" in ended.why


def test_what_can_be_looked_up_is_before_anything_is_asked(library: Library) -> None:
    bare = {k: v for k, v in FACTS.items() if k not in ("country", "month")}
    refused = lambda look: s.Identity(False, "unknown") if look.read == "identity" else NoRecord()  # noqa: E731
    step = followed(case("payslip_missing", facts=bare), library, refused)[0].next
    assert not (isinstance(step, Ask) and step.alone), "somebody whose checks fail is asked nothing by us"


def test_each_check_says_why(library: Library) -> None:
    pattern = next(p for p in library.patterns if p.id == "account-locked-own-devices")
    away = record_for(pattern)
    answer = lambda look: replace(away(look), status="suspended") if look.read == "account" else away(look)  # noqa: E731
    planned, _ = followed(case("account_locked_or_inactive"), library, answer)
    mine = next(c for c in planned.candidates if c.pattern.id == pattern.id)
    assert [c.outcome for c in mine.checks] == ["holds", "fails"]
    assert mine.checks[1].why == "status is suspended"


def test_a_ticket_in_another_language_is_drafted_and_not_answered(library: Library) -> None:
    pattern = next(p for p in library.patterns if p.id == "password-reset-link")
    step = followed(case("password_reset", lang="de"), library, record_for(pattern))[0].next
    assert isinstance(step, Draft) and "de" in step.why


def test_what_is_limited_to_a_country_is_not_for_a_ticket_without_one(library: Library) -> None:
    pattern = next(p for p in library.patterns if p.id == "password-reset-link")
    limited = replace(pattern, applies_to=replace(pattern.applies_to, countries=("DE",)))
    only = replace(library, patterns=(limited,))
    for facts, held in ((FACTS | {"country": "DE"}, True), (FACTS, False)):
        step = followed(case("password_reset", facts=facts), only, record_for(pattern))[0].next
        assert isinstance(step, Act) == held
    unknown = {k: v for k, v in FACTS.items() if k != "country"}
    assert isinstance(
        followed(case("password_reset", facts=unknown), only, record_for(pattern))[0].next, HandOver
    )


def test_a_pattern_that_yields_gives_way_also_to_one_that_lacks_a_fact(library: Library) -> None:
    strong = next(p for p in library.patterns if p.id == "payslip-file-damaged")
    general = next(p for p in library.patterns if p.id == "password-reset-link")
    general = replace(
        general, issue_types=strong.issue_types, checks=strong.checks[:1], yields_to=(strong.id,)
    )
    two = replace(library, patterns=(general, strong))
    issue_type, answer = strong.issue_types[0], record_for(strong)
    held = followed(case(issue_type), two, answer)[0].next
    assert isinstance(held, Act) and held.pattern.id == strong.id
    bare = {k: v for k, v in FACTS.items() if k != "month"}
    asked = followed(case(issue_type, facts=bare), two, answer)[0].next
    assert isinstance(asked, Ask) and asked.pattern.id == strong.id
    both = replace(two, patterns=(replace(general, yields_to=()), strong))
    claimed = followed(case(issue_type), both, answer)[0].next
    assert isinstance(claimed, HandOver) and "both claim" in claimed.why
