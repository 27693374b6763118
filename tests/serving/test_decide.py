"""Decisions: the table of cases, and what must hold for every prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.decision import TriageDecision
from data.group import Group
from data.prediction import Distribution, Prediction
from data.taxonomy import OUT_OF_SCOPE, PRIORITIES, load_taxonomy
from data.ticket import Ticket
from eval.bundle import Evidence
from eval.risk import Certificate
from serving.autonomy import Autonomy, derive
from serving.decide import decide
from serving.policy import Policy, Promise, Route

TAXONOMY = load_taxonomy()
POLICY = Policy(
    category=Promise(0.05, 0.95),
    priority=Promise(0.10, 0.95),
    suggest_from=0.30,
    familiarity_floor=0.20,
    least_characters=8,
)
CERTIFIED = Certificate(0.90, 320, 6, 0.037, 0.4, 800, 0, 0.05, 0.95)
PRIORITY_CERTIFIED = Certificate(0.80, 200, 10, 0.08, 0.6, 320, 0, 0.10, 0.95)
UNCERTIFIED = Certificate(None, 20, 2, 0.28, 1.0, 20, 104, 0.05, 0.95)
ALONE = Autonomy(CERTIFIED, PRIORITY_CERTIFIED)
TEXT = "My payslip for March is missing"


def evidence(
    scores: np.ndarray, right: np.ndarray, clients: list[str] | None = None, said: list[str] | None = None
) -> Evidence:
    n = len(scores)
    category = tuple(said or ["payments_banking"] * n)
    return Evidence(scores, right, category, category, tuple(clients or ["acme"] * n))


def prediction(
    p: float, *, label: str = "payslip_missing", priority: float = 0.9, familiarity: float = 0.8
) -> Prediction:
    def spread(labels: tuple[str, ...], best: str, share: float, beside: set[str]) -> Distribution:
        others = [name for name in labels if name not in beside]
        shares = {best: share} | dict.fromkeys(others, (1 - share) / len(others))
        return Distribution(labels, np.asarray([shares.get(name, 0.0) for name in labels]))

    types = spread(TAXONOMY.labels, label, p, {label})
    priorities = spread(PRIORITIES, PRIORITIES[1], priority, {PRIORITIES[1]})
    return Prediction(types, priorities, familiarity, len(TEXT), "bundle0")


def decided(
    p: Prediction, *, text: str = TEXT, autonomy: Autonomy = ALONE, policy: Policy = POLICY, **facts: str
) -> TriageDecision:
    ticket = Ticket(id="7", summary=text, description="", **facts)  # type: ignore[arg-type]
    return decide(ticket, text, p, autonomy=autonomy, policy=policy, taxonomy=TAXONOMY)


@pytest.mark.parametrize(
    ("p", "text", "familiarity", "decision", "says"),
    [
        (0.97, TEXT, 0.8, "apply", "97 % sure; of 320 reviewed tickets"),
        (0.90, TEXT, 0.8, "apply", "6 were wrong"),
        (0.89, TEXT, 0.8, "suggest", "writing it alone needs 90 %"),
        (
            0.898,
            TEXT,
            0.8,
            "suggest",
            "89.8 % sure that this is the issue type; writing it alone needs 90.0",
        ),
        (0.31, TEXT, 0.8, "suggest", "31 % sure"),
        (0.29, TEXT, 0.8, "abstain", "proposals start at 30 %"),
        (0.99, "", 0.8, "abstain", "no readable text"),
        (0.99, "?!  \n ...", 0.8, "abstain", "no readable text"),
        (0.99, "help", 0.8, "abstain", "only 4 letters"),
        (0.99, TEXT, 0.19, "abstain", "unlike anything"),
    ],
)
def test_the_table(p: float, text: str, familiarity: float, decision: str, says: str) -> None:
    found = decided(prediction(p, familiarity=familiarity), text=text)
    assert found.decision == decision
    assert says in found.reason


def test_an_applied_decision_carries_everything_the_contract_names() -> None:
    found = decided(prediction(0.97))
    assert (found.id, found.issue_type, found.category) == ("7", "payslip_missing", "payslips_documents")
    assert (found.team, found.priority, found.priority_decision) == ("payroll-ops", "major", "apply")
    assert (found.bundle, found.policy) == ("bundle0", POLICY.version)
    assert len(found.top) == 3
    assert found.top[0] == ("payslip_missing", pytest.approx(0.97))


def test_without_a_certificate_the_reason_says_what_is_missing() -> None:
    found = decided(prediction(0.99), autonomy=Autonomy(UNCERTIFIED, UNCERTIFIED))
    assert (found.decision, found.priority_decision) == ("suggest", "suggest")
    assert "at least 104 more reviewed tickets" in found.reason


def test_out_of_scope_is_applied_when_certified_and_goes_to_its_own_queue() -> None:
    found = decided(prediction(0.95, label=OUT_OF_SCOPE))
    assert (found.decision, found.category, found.team) == ("apply", OUT_OF_SCOPE, "client-success")
    assert "nothing the desk handles" in decided(prediction(0.6, label=OUT_OF_SCOPE)).reason


def test_the_priority_has_a_certificate_of_its_own() -> None:
    assert decided(prediction(0.97, priority=0.79)).priority_decision == "suggest"
    assert decided(prediction(0.5, priority=0.99)).priority_decision == "suggest"
    alone = Autonomy(CERTIFIED, UNCERTIFIED)
    assert decided(prediction(0.97, priority=0.99), autonomy=alone).priority_decision == "suggest"


def test_the_most_specific_route_wins() -> None:
    routes = (
        Route("payslip_missing", "poland", country="PL"),
        Route("payslip_missing", "acme-team", client="acme"),
        Route("payslip_missing", "acme-poland", client="acme", country="PL"),
        Route("password_reset", "elsewhere", client="acme"),
    )
    policy = replace(POLICY, routing=routes)

    def team(**facts: str) -> str:
        return decided(prediction(0.97), policy=policy, **facts).team

    assert team() == "payroll-ops"
    assert team(country="PL") == "poland"
    assert team(client="acme", country="DE") == "acme-team"
    assert team(client="acme", country="PL") == "acme-poland"


RANK = {"abstain": 0, "suggest": 1, "apply": 2}


@given(
    st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(-1, 1), st.sampled_from([CERTIFIED, UNCERTIFIED])
)
def test_more_probability_never_means_less_autonomy(
    a: float, b: float, familiarity: float, certificate: Certificate
) -> None:
    low, high = sorted((a, b))
    autonomy = Autonomy(certificate, PRIORITY_CERTIFIED)
    ranks = [
        RANK[decided(prediction(p, familiarity=familiarity), autonomy=autonomy).decision] for p in (low, high)
    ]
    assert ranks[0] <= ranks[1]


@given(st.floats(0.05, 1.0), st.floats(0.3, 1.0), st.floats(-1, 1))
def test_nothing_is_written_without_a_certificate(p: float, priority: float, familiarity: float) -> None:
    found = decided(
        prediction(p, priority=priority, familiarity=familiarity), autonomy=Autonomy(UNCERTIFIED, UNCERTIFIED)
    )
    assert found.decision != "apply"
    assert found.priority_decision == "suggest"


@given(st.integers(0, 400), st.floats(0.0, 0.4), st.integers(0, 2**32 - 1))
def test_derived_autonomy_never_exceeds_the_evidence(n: int, error: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.random(n), rng.random(n) > error
    autonomy = derive(POLICY, category=evidence(scores, right), priority=evidence(scores, right))
    c = autonomy.category
    if c.threshold is None:
        assert c.missing > 0
        assert autonomy.priority.threshold is None
    else:
        accepted = scores >= c.threshold
        assert c.n == accepted.sum()
        assert c.errors == (accepted & ~right).sum()
        assert c.bound <= POLICY.category.error_budget + 1e-9


def test_evidence_of_different_tickets_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows"):
        three, two = (evidence(np.full(n, 0.1), np.ones(n, dtype=bool)) for n in (3, 2))
        derive(POLICY, category=three, priority=two)


def test_a_group_with_evidence_of_its_own_stands_alone_and_the_thin_are_pooled() -> None:
    rng = np.random.default_rng(5)
    policy = replace(POLICY, groups="client_category")
    # acme's payments are always right; globex has few; acme's access is always wrong.
    parts = [("acme", "payments_banking", 600, 1.0), ("globex", "payments_banking", 40, 1.0)]
    parts += [("acme", "access_authentication", 600, 0.0)]
    clients = [c for c, _, n, _ in parts for _ in range(n)]
    said = [k for _, k, n, _ in parts for _ in range(n)]
    right = np.concatenate([np.full(n, r == 1.0) for _, _, n, r in parts])
    rows = evidence(rng.uniform(0.5, 1.0, len(said)), right, clients, said)
    autonomy = derive(policy, category=rows, priority=rows)
    group, certificate = autonomy.standing("acme", "payments_banking")
    assert group == Group("acme", "payments_banking")
    assert certificate.threshold is not None
    assert autonomy.standing("acme", "access_authentication")[1].threshold is None
    pooled, thin = autonomy.standing("globex", "payments_banking")
    assert (str(pooled), thin.audited, thin.threshold) == ("the desk", 40, None)
    found = decided(prediction(0.99), autonomy=autonomy, policy=policy, client="acme")
    assert found.decision == "suggest"  # payslips: none were reviewed
    assert sum(c.audited for _, c in autonomy.every()) == len(said)


def test_a_bad_group_does_not_hide_in_a_good_desk() -> None:
    """Pooled, the desk may act; one of its categories is wrong one time in three."""
    rng = np.random.default_rng(3)
    n = 3000
    said = ["payments_banking"] * n + ["reporting"] * 300
    right = np.concatenate([np.ones(n, dtype=bool), rng.random(300) > 0.33])
    rows = evidence(rng.uniform(0.9, 1.0, n + 300), right, None, said)
    assert derive(POLICY, category=rows, priority=rows).standing("acme", "reporting")[1].threshold is not None
    split = derive(replace(POLICY, groups="category"), category=rows, priority=rows)
    assert split.standing("acme", "reporting")[1].threshold is None
    assert split.standing("acme", "payments_banking")[1].threshold is not None


def test_the_business_budget_only_ever_makes_it_stricter() -> None:
    rng = np.random.default_rng(7)
    scores = rng.beta(6, 0.6, 4000)
    right = rng.random(4000) < scores
    rows = evidence(scores, right)
    loose = derive(POLICY, category=rows, priority=rows).category
    strict = derive(
        replace(POLICY, category=replace(POLICY.category, wrong_share=0.005)), category=rows, priority=rows
    ).category
    assert loose.threshold is not None and strict.threshold is not None
    assert strict.threshold > loose.threshold
    assert strict.errors / 4000 <= 0.005
    none = replace(POLICY, category=replace(POLICY.category, wrong_share=0.0001))
    assert derive(none, category=rows, priority=rows).category.threshold is None
