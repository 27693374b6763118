"""Synthetic histories: texts of a few families with the slots filled, as the store would hold them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from planted import NAME

from data.redact.directory import Person
from data.ticket import FieldChange, Ticket, TicketRecord

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PEOPLE = tuple(
    Person(f"{first} {last}", f"{first}.{last}@acme.example".lower(), f"AC-{i:05d}", client="acme")
    for i, (first, last) in enumerate(
        [NAME.split(), ("Bruno", "Tavares"), ("Chiara", "Greco"), ("Dana", "Novotna"), ("Emil", "Skov")]
    )
)
TOPICS = (
    ("payslip_missing", "Payslip for {month} is not in the portal for {name}"),
    ("password_reset", "{name} forgot the password and the reset link for {id} does not arrive"),
    ("leave_request_stuck", "The leave request of {name} from {day} is still waiting for approval"),
    ("net_pay_incorrect", "Net pay of {name} in {month} is EUR {amount} lower than expected"),
    ("sso_login_failure", "Single sign-on loops back to the start page since {day} for {name}"),
)
DETAILS = (
    "It was fine before the weekend and nothing was changed on our side.",
    "Two colleagues in the same office see exactly that, the others do not.",
    "Could somebody look at this before the cut-off of the run?",
    "I already cleared the browser cache and tried another computer.",
    "We need an answer because the auditors are asking for the document.",
    "My manager told me that you would know how to solve it quickly.",
)


def make_record(
    number: int, text: str, issue_type: str, *, seed: int = 0, audited: bool = False, resolver: str = "agent1"
) -> TicketRecord:
    rng = random.Random(f"{seed}/{number}")
    person = rng.choice(PEOPLE)
    filled = text.format(
        name=person.name,
        id=person.employee_id,
        month=rng.choice(["March", "April", "June"]),
        day=f"{rng.randrange(1, 29)} {rng.choice(['June', 'July'])}",
        amount=f"{rng.randrange(1, 900)}.50",
    )
    subject, _, body = filled.partition(". ")
    created = START + timedelta(minutes=37 * number)
    resolved = created + timedelta(hours=5)
    return TicketRecord(
        ticket=Ticket(f"2-{number}", subject, body, "acme", "DE", "en", created),
        project="PAY",
        readable_id=f"PAY-{number}",
        reporter="someone",
        created=created,
        updated=resolved,
        resolved=resolved,
        state="Resolved",
        issue_type=issue_type,
        category=None,
        priority="normal",
        team=None,
        tags=("qa-reviewed",) if audited else (),
        changes=(FieldChange(f"c-{number}", resolver, resolved, "State", "Open", "Resolved"),),
    )


def make_history(copies: int = 5, audited_share: float = 0.4) -> list[TicketRecord]:
    """30 families (5 topics, 6 details), `copies` of each, whole families audited."""
    rng = random.Random(5)
    records = []
    for issue_type, text in TOPICS:
        for detail in DETAILS:
            audited = rng.random() < audited_share
            for _ in range(copies):
                number = len(records) + 1
                records.append(make_record(number, f"{text}. {detail}", issue_type, audited=audited))
    return records


@pytest.fixture
def record() -> Callable[..., TicketRecord]:
    return make_record


@pytest.fixture(scope="session")
def history() -> list[TicketRecord]:
    return make_history()


@pytest.fixture(scope="session")
def people() -> tuple[Person, ...]:
    return PEOPLE
