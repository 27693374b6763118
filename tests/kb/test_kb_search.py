"""Search: who may see a document is decided before it is ranked, and words are never query syntax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.taxonomy import Taxonomy
from kb.library import ROOT, read_library
from kb.passage import Applies, Passage, passages_of_all
from kb.search import Filter, WordIndex

DAY = date(2026, 6, 15)
EVERYWHERE = Applies("requester", (), (), (), date(2026, 1, 1), date(2026, 12, 31), "approved")


def passage(name: str, text: str = "payslip missing", **changes: object) -> Passage:
    applies = replace(EVERYWHERE, **changes)  # type: ignore[arg-type]
    return Passage(f"{name}#0", name, "faq", name, "Steps", text, "", ("payslip_missing",), applies)


def found(passages: list[Passage], words: str = "payslip", **allowed: object) -> list[str]:
    with WordIndex(passages) as index:
        return [h.document for h in index.search(words, Filter(on=DAY, **allowed))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "allowed", "seen"),
    [
        ({}, {}, True),
        ({"clients": ("acme",)}, {}, False),
        ({"clients": ("acme",)}, {"client": "bolt"}, False),
        ({"clients": ("acme", "bolt")}, {"client": "bolt"}, True),
        ({"countries": ("DE",)}, {"country": "FR"}, False),
        ({"countries": ("DE", "FR")}, {"country": "FR"}, True),
        ({"clients": ("acme",), "countries": ("DE",)}, {"client": "acme"}, False),
        ({"clients": ("acme",), "countries": ("DE",)}, {"client": "acme", "country": "DE"}, True),
        ({"releases": ("5.2",)}, {"release": "5.1"}, False),
        ({"releases": ("5.2",)}, {"release": "5.2"}, True),
        ({"first_day": date(2026, 6, 16)}, {}, False),
        ({"first_day": DAY, "last_day": DAY}, {}, True),
        ({"last_day": date(2026, 6, 14)}, {}, False),
        ({"audience": "agent"}, {"audience": "requester"}, False),
        ({"audience": "agent"}, {"audience": "agent"}, True),
        ({"status": "draft"}, {}, False),
        ({"status": "draft"}, {"statuses": ("draft", "approved")}, True),
        ({"status": "retired"}, {"statuses": ("draft", "approved")}, False),
        ({}, {"kinds": ("pattern",)}, False),
        ({}, {"kinds": ("pattern", "faq")}, True),
        ({}, {"issue_types": ("password_reset",)}, False),
        ({}, {"issue_types": ("payslip_missing",)}, True),
    ],
)
def test_what_does_not_apply_is_not_found(
    changes: dict[str, object], allowed: dict[str, object], seen: bool
) -> None:
    assert found([passage("one", **changes)], **allowed) == (["one"] if seen else [])


CLIENTS = ["acme", "bolt", "core"]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(CLIENTS)), st.sampled_from(["payslip", "payslip gone", "x"])),
        max_size=12,
    ),
    st.sampled_from([None, *CLIENTS]),
)
def test_never_a_document_of_another_client(
    documents: list[tuple[set[str], str]], client: str | None
) -> None:
    passages = [passage(f"d{n}", text, clients=tuple(sorted(own))) for n, (own, text) in enumerate(documents)]
    seen = set(found(passages, "payslip", client=client))
    wanted = {
        f"d{n}" for n, (own, text) in enumerate(documents) if "payslip" in text and (not own or client in own)
    }
    assert seen == {d for d in wanted if d in seen}  # nothing foreign
    assert len(seen) == min(len(wanted), 10)  # and nothing of one's own is lost to what was shut out


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=80))
def test_any_text_is_only_words(text: str) -> None:
    with WordIndex([passage("one")]) as index:
        assert len(index.search(text, Filter(on=DAY))) <= 1


@pytest.mark.parametrize(
    "text",
    ['"', "payslip AND NOT", "title: payslip*", "NEAR(", "(((", "payslip' OR 1=1 --", "", "  ", "-", "^a"],
)
def test_query_syntax_in_a_ticket_means_nothing(text: str) -> None:
    assert found([passage("one")], text) == (["one"] if "payslip" in text else [])


def test_a_document_is_found_once_with_its_best_passage() -> None:
    far = replace(passage("one", "something else about a payslip in a very long text " * 5), id="one#1")
    with WordIndex([passage("one"), far, passage("two", "nothing")]) as index:
        [hit] = index.search("payslip missing", Filter(on=DAY))
    assert (hit.document, hit.passage) == ("one", "one#0")


@pytest.fixture(scope="module")
def shipped(taxonomy: Taxonomy) -> Iterator[WordIndex]:
    library = read_library(ROOT, taxonomy)
    with WordIndex(passages_of_all(library, taxonomy)) as index:
        yield index


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I cannot see my payslip for May in the portal", "payslip-not-visible"),
        ("forgot my password and the reset mail does not come", "forgotten-password"),
        ("we want to change the bank account my salary goes to", "change-my-bank-account"),
        ("when do inputs close and when is pay day", "cut-off-and-pay-dates"),
        ("the mobile app crashes after the update", "mobile-app"),
        ("Passwort vergessen", "forgotten-password"),
        ("mon bulletin de paie de mai est introuvable", "payslip-not-visible"),
    ],
)
def test_plain_questions_lead_to_the_plain_article(shipped: WordIndex, text: str, wanted: str) -> None:
    hits = shipped.search(text, Filter(on=date(2026, 11, 25), audience="requester"), limit=3)
    assert wanted in [h.document for h in hits]


def test_a_runbook_is_offered_to_its_client_only(shipped: WordIndex) -> None:
    text = "depot drivers not paid on pay day the 25th"
    own, other = (
        [h.document for h in shipped.search(text, Filter(on=date(2026, 11, 25), client=client), limit=100)]
        for client in ("brightwater", "hartmann")
    )
    assert own[0] == "brightwater-pay-day"
    assert not [d for d in other if d.startswith("brightwater")]


def test_requesters_get_no_patterns_and_nothing_written_for_agents(shipped: WordIndex) -> None:
    text = "payslip password account leave report bank salary"
    hits = shipped.search(text, Filter(on=date(2026, 11, 25), audience="requester"), limit=100)
    assert hits
    assert {h.kind for h in hits} == {"faq"}


def test_a_reference_is_gone_the_day_after_its_last(shipped: WordIndex) -> None:
    def documents(on: date) -> list[str]:
        hits = shipped.search("P60 P45 form", Filter(on=on, country="GB"), limit=100)
        return [h.document for h in hits]

    assert "gb-p60-and-p45" in documents(date(2027, 4, 5))
    assert "gb-p60-and-p45" not in documents(date(2027, 4, 6))
