"""Writing one ticket: who is in it, who sends it, and the filled texts."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from data.sandbox.dates import pay_lag
from data.sandbox.desk import Desk
from data.sandbox.draw import AFTER_PAY, Pick
from data.sandbox.people import Directory, Employee, mail_name
from data.sandbox.slots import Facts, Filler, Span
from data.sandbox.texts import Family

_SIGNED = re.compile(r"\{\{(employee|manager)\}\}[^{}]{0,60}\Z")
_OUTSIDERS = ("Oliver Grant", "Nadia Petit", "Sven Holm", "Paula Reyes", "Ian Webb", "Chiara Conti")


@dataclass(frozen=True, slots=True)
class Requester:
    """Who the tracker says has written; the login is the mail address."""

    login: str
    name: str
    email: str


@dataclass(frozen=True)
class Written:
    """The filled texts of a ticket, and the filler that goes on with its answers."""

    reporter: Requester
    summary: str
    description: str
    spans: tuple[Span, ...]
    filler: Filler


def write(
    pick: Pick,
    created: datetime,
    directory: Directory,
    desk: Desk,
    release: str,
    earlier: Sequence[str],
    rng: random.Random,
) -> Written:
    """Fill the ticket's texts with people of its country and facts of its day."""
    family = pick.family
    employees, managers, sender = _cast(family, pick.country, directory, rng)
    team = desk.agents["client-success"]
    many = family.priority == "critical" or "entity" in family.description
    facts = Facts(
        client=pick.client,
        country=pick.country,
        lang=family.lang,
        day=created.date(),
        lag=pay_lag(f"{family.summary} \n{family.description}"),
        settled=family.issue_type in AFTER_PAY,
        release=release,
        employees=employees,
        managers=managers,
        reporter=sender,
        agents=tuple(a.name for a in rng.sample(team, 2)),
        earlier=tuple(rng.sample(earlier, min(4, len(earlier)))) or ("PAY-1",),
        people_affected=(10, 240) if many else (4, 60),
    )
    filler = Filler(facts, rng)
    # The longer text first: it tells which pay date the ticket is about.
    description, body = filler.fill(family.description, "description")
    summary, head = filler.fill(family.summary, "summary")
    return Written(_requester(sender, rng), summary, description, (*head, *body), filler)


def _cast(
    family: Family, country: str, directory: Directory, rng: random.Random
) -> tuple[tuple[Employee, ...], tuple[Employee, ...], Employee | None]:
    """Choose the people of a text; return (employees, managers, writer), `None` for an outsider."""
    group = directory.by_country[country]
    staff = [p for p in group if p.role == "employee"]
    if len(staff) < 6:
        staff = list(group)
    employees = tuple(rng.sample(staff, 6)) if len(staff) >= 6 else tuple(rng.choices(staff, k=6))
    bosses = [p for p in group if p.role == "manager"] or list(group)
    chief = next((p for p in bosses if p.employee_id == employees[0].manager), bosses[0])
    managers = (chief, next((p for p in bosses if p is not chief), chief))
    signed = _SIGNED.search(family.description)
    if family.persona == "external":
        return employees, managers, None
    if family.persona == "employee" and not (signed and signed.group(1) == "manager"):
        return employees, managers, employees[0]
    if signed and signed.group(1) == "employee":
        return employees, managers, employees[0]
    contact = chief if family.persona == "manager" else directory.of(country, family.persona)[:1] or (chief,)
    writer = contact if isinstance(contact, Employee) else contact[0]
    # Whoever signs as {{manager}} is the writer.
    return employees, (writer, managers[1] if managers[1] is not writer else chief), writer


def _requester(sender: Employee | None, rng: random.Random) -> Requester:
    if sender is not None:
        return Requester(sender.email, sender.name, sender.email)
    name = rng.choice(_OUTSIDERS)
    mail = f"{mail_name(name)}@outside.example"
    return Requester(mail, name, mail)
