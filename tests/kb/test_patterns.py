"""Patterns: typed against the client-system interface; what must stay with people cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.client_system import UNDO, Writes
from data.taxonomy import Taxonomy
from kb.actions import Alone, ForAPerson, Prepare
from kb.pattern import PATTERNS, Pattern, parse_pattern, read_patterns
from kb.problem import DocumentsError
from kb.vocabulary import ASKED, GIVEN, TELLABLE, reads, writes

PATH = Path("password-reset-link.yaml")
SENSITIVE = (
    *("payment", "bank", "iban", "account_number", "mfa", "factor", "phone", "address", "salary", "role"),
    *("merge", "delete", "transfer_money", "order", "refund"),
)


def refused(text: str, taxonomy: Taxonomy, path: Path = PATH) -> str:
    with pytest.raises(DocumentsError) as error:
        parse_pattern(path, text, taxonomy)
    return error.value.message


def minimal(handling_type: str, **changes: Any) -> str:
    raw: dict[str, Any] = {
        "id": "probe",
        "title": "Probe",
        "issue_types": [handling_type],
        "language": "en",
        "owner": "payroll-ops",
        "author": "an editor",
        "status": "draft",
        "version": 1,
        "review_by": "2027-01-01",
        "mode": "draft",
        "risk_class": "low",
        "symptom": "A probe.",
        "applies_to": {
            "clients": [],
            "countries": [],
            "releases": [],
            "valid_from": "2026-01-01",
            "valid_to": None,
        },
        "checks": [
            {"read": "identity", "with": {"person": "requester"}, "where": {"address_on_record": True}}
        ],
        "actions": [{"hand_over": "payroll-ops"}],
        "reply_template": "Hello {{requester}}",
    }
    raw |= changes
    text = yaml.safe_dump({k: v for k, v in raw.items() if v is not ...})
    return text.replace("'2027-01-01'", "2027-01-01").replace("'2026-01-01'", "2026-01-01")


def write_of(name: str) -> dict[str, Any]:
    facts: Mapping[Any, str] = {kind: fact for fact, kind in {**ASKED, **GIVEN}.items()}
    return {"write": name, "with": {a: facts[kind] for a, kind in writes()[name].takes.items()}}


def test_the_shipped_patterns_are_many_and_right(taxonomy: Taxonomy) -> None:
    patterns = read_patterns(PATTERNS, taxonomy)
    assert len(patterns) >= 25
    may = {k for k, t in taxonomy.issue_types.items() if t.handling in ("auto", "self_service")}
    assert {t for p in patterns for t in p.issue_types} == set(taxonomy.issue_types)
    assert {t for p in patterns if p.mode == "auto" for t in p.issue_types} <= may
    assert any(isinstance(p.plan, Alone) and p.plan.writes for p in patterns)


def test_shipped_patterns_leave_money_identity_and_privacy_to_people(taxonomy: Taxonomy) -> None:
    for pattern in read_patterns(PATTERNS, taxonomy):
        handlings = {taxonomy.issue_types[t].handling for t in pattern.issue_types}
        if handlings & {"never", "assist"}:
            assert isinstance(pattern.plan, ForAPerson), pattern.id
            assert pattern.mode != "auto"
        if "never" in handlings:
            assert pattern.plan.prepare.hand_over


def test_the_interface_has_no_word_for_what_must_not_be_done() -> None:
    assert [n for n in writes() if any(w in n for w in SENSITIVE)] == []


def test_every_effect_says_what_takes_it_back() -> None:
    names = {n for n in vars(Writes) if not n.startswith("_")}
    assert set(UNDO) | {u for u in UNDO.values() if u} == names
    calls = {**writes()}
    assert all(u not in calls for u in UNDO.values() if u)  # a pattern cannot order what only takes back


@pytest.mark.parametrize("name", sorted(writes()))
@pytest.mark.parametrize("mode", ["draft", "auto"])
def test_no_effect_can_be_written_where_people_must_act(taxonomy: Taxonomy, name: str, mode: str) -> None:
    facts = [f for f in ASKED if f not in ("employee",)]
    for kind in taxonomy.issue_types.values():
        if kind.handling not in ("never", "assist"):
            continue
        text = minimal(
            kind.key,
            mode=mode,
            facts=facts,
            question="Which?",
            actions=[write_of(name), {"hand_over": kind.team}],
            confirm=[
                {"read": "identity", "with": {"person": "requester"}, "where": {"address_on_record": True}}
            ],
        )
        assert "leaves write to a person" in refused(text, taxonomy, Path("probe.yaml"))


def test_nothing_is_resolved_or_automatic_where_people_must_act(taxonomy: Taxonomy) -> None:
    for kind in taxonomy.issue_types.values():
        text = minimal(kind.key, mode="auto", actions=[{"resolve": True}])
        if kind.handling in ("auto", "self_service"):
            plan = parse_pattern(Path("probe.yaml"), text, taxonomy).plan
            assert isinstance(plan, Alone) and plan.resolves
        else:
            told = refused(text, taxonomy, Path("probe.yaml"))
            assert "leaves resolve to a person" in told
            assert "must stay with a person" in told


def test_one_type_that_people_handle_binds_the_whole_pattern(taxonomy: Taxonomy) -> None:
    text = minimal("password_reset", mode="auto", actions=[{"resolve": True}])
    parse_pattern(Path("probe.yaml"), text, taxonomy)
    mixed = minimal(
        "password_reset", issue_types=["password_reset", "mfa_device_lost"], actions=[{"resolve": True}]
    )
    assert "handling never leaves resolve" in refused(mixed, taxonomy, Path("probe.yaml"))


def test_a_plan_that_acts_alone_cannot_be_made_for_people_s_work() -> None:
    with pytest.raises(ValueError, match="nothing is done alone"):
        Alone(Prepare((), None, None), (), True, "never")  # type: ignore[arg-type]


def test_a_pattern_for_people_must_name_who_gets_it(taxonomy: Taxonomy) -> None:
    text = minimal("bank_details_change", actions=[{"raise_priority": "major"}])
    assert "nobody gets the ticket" in refused(text, taxonomy, Path("probe.yaml"))


IDENTITY = {"read": "identity", "with": {"person": "requester"}, "where": {"address_on_record": True}}
ACCOUNT = {"read": "account", "with": {"person": "requester"}, "where": {"status": "active"}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issue_types": ["tea"]}, "'tea' is unknown"),
        ({"risk_class": "high"}, "cannot run by itself"),
        ({"mode": "assist"}, "mode 'assist' is none of"),
        ({"reply_template": "Your account {{iban}} is set"}, "nothing fills {{iban}}"),
        ({"reply_template": "Paid on {{pay_date}}"}, "nothing fills {{pay_date}}"),
        ({"reply_template": "Hello {{requester}"}, "braces that do not close"),
        ({"checks": []}, "runs without knowing who asks"),
        ({"checks": [ACCOUNT]}, "runs without knowing who asks"),
        ({"checks": [{**IDENTITY, "read": "gossip"}]}, "no look-up 'gossip'"),
        ({"checks": [{**IDENTITY, "where": {"address_on_record": "true"}}]}, "'true' is none of its values"),
        ({"checks": [{**IDENTITY, "where": {"mood": "good"}}]}, "identity has no 'mood'"),
        ({"checks": [{**IDENTITY, "where": {"address_on_record": [True, False]}}]}, "asks nothing"),
        ({"checks": [{**IDENTITY, "with": {"person": "client"}}]}, "wants a Person, client is a Client"),
        ({"checks": [{**IDENTITY, "with": {"person": "boss"}}]}, "'boss' is no fact"),
        ({"checks": [{**IDENTITY, "with": {}}]}, "person is missing"),
        ({"checks": [{"read": "identity", "with": {"person": "requester"}}]}, "neither asks nor gives"),
        ({"checks": [{**IDENTITY, "give": {"role": "role"}}]}, "role may not be told"),
        (
            {
                "checks": [
                    {
                        "read": "payslip",
                        "with": {"person": "requester", "month": "month"},
                        "where": {"hold": False},
                    }
                ]
            },
            "month may be missing",
        ),
        (
            {
                "checks": [
                    {"read": "invitation", "with": {"person": "requester"}, "give": {"day": "goes_out_on"}}
                ]
            },
            "goes_out_on may be missing",
        ),
        ({"facts": ["month"]}, "nothing asks for them"),
        ({"question": "Which month?"}, "a question without facts"),
        ({"facts": ["shoe_size"], "question": "Which?"}, "fact 'shoe_size' is unknown"),
        ({"facts": ["employee"], "question": "Who?"}, "nobody checks the right"),
        ({"actions": [{"pay": "now"}]}, "none of the known verbs"),
        ({"actions": [{"write": "pay_salary", "with": {}}]}, "no effect 'pay_salary'"),
        (
            {"actions": [{"write": "lock_account", "with": {"person": "requester"}}]},
            "no effect 'lock_account'",
        ),
        ({"actions": [{"add_article": "x"}]}, "mode auto without resolve"),
        ({"actions": [{"hand_over": "kitchen"}, {"resolve": True}]}, "'kitchen' is none of"),
        ({"confirm": ...}, "nothing confirms that it worked"),
        ({"applies_to": {"clients": []}}, "applies_to.countries is missing"),
        ({"id": "another"}, "not the file's name"),
        ({"symptom": ...}, "symptom is missing"),
        ({"owner": "kitchen"}, "is no team"),
        ({"detect": {"perhaps": ["x"]}}, "perhaps is unknown"),
    ],
)
def test_a_pattern_that_must_not_run_is_refused(
    taxonomy: Taxonomy, pattern_text: Callable[..., str], changes: dict[str, object], words: str
) -> None:
    assert words in refused(pattern_text(**changes), taxonomy)


def test_an_unchanged_pattern_is_read_as_written(
    taxonomy: Taxonomy, pattern_text: Callable[..., str]
) -> None:
    pattern: Pattern = parse_pattern(PATH, pattern_text(), taxonomy)
    assert (pattern.issue_types, pattern.mode, pattern.risk_class) == (("password_reset",), "auto", "medium")
    assert isinstance(pattern.plan, Alone)
    assert [w.name for w in pattern.plan.writes] == ["send_reset_link"]
    assert [w.name for w in pattern.plan.rollback] == ["cancel_reset_links"]
    assert pattern.slots == {"requester", "client"}


def test_replies_can_never_repeat_the_requester_s_words_or_a_person() -> None:
    """What fills a slot is a typed fact or a told entry: no free text of the ticket, no choice, no flag."""
    assert TELLABLE.isdisjoint({"line", "claim", "report", "day", "function", "employee"})
    told = {f"{c.name}.{e.name}" for c in reads().values() for e in c.returns.values() if e.tellable}
    assert told
    assert all(e.choices == () for c in reads().values() for e in c.returns.values() if e.tellable)


@pytest.mark.parametrize("text", ["[]", "", "a: [", "\tx"])
def test_a_file_that_is_no_pattern(taxonomy: Taxonomy, text: str) -> None:
    assert "the file is not" in refused(text, taxonomy)
