"""Filling the slots of one ticket's texts consistently, and keeping the exact truth of what is personal."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from data.sandbox import dates, money
from data.sandbox.clients import Client
from data.sandbox.geography import bank_names, countries, country_name
from data.sandbox.people import Employee
from data.sandbox.texts import SLOT

# slot -> kind of personal data, as redaction names it; `agent` is the desk's own staff.
PERSONAL = {
    "employee": "person",
    "manager": "person",
    "agent": "agent",
    "employee_id": "employee_id",
    "email": "email",
    "phone": "phone",
    "iban": "iban",
    "national_id": "national_id",
    "address": "address",
}
_OTHER_COMPANIES = ("Northgate Foods", "Alder & Pike", "Vantor Systems", "Lumen Hotels", "Castellan Group")
_FILES = (
    "{key}_{c}_hours_{m}.xlsx", "payroll_input_{c}_{m}.csv", "{key}-{m}-variable-pay.xlsx",
    "new_joiners_{m}.xlsx",
    "{c}_register_{m}.pdf", "EMP_{key}_{m}.csv", "journal_{c}_{m}.txt", "absences-{m}.csv", "IMG_{n}.jpg",
    "{key}_pay_{c}_{m}.xml",
)  # fmt: skip
_CURRENCY_WORD = re.compile(r"^\s?(\{\{currency\}\}|[A-Z]{3}\b|€|£|\$|euros?\b)", re.IGNORECASE)
_CURRENCY_BEFORE = re.compile(r"(\{\{currency\}\}|\b[A-Z]{3}|€|£|\$)\s?$")


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data at `text[start:end]` of `field` ("summary" or "description")."""

    field: str
    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Facts:
    """Everything the slots of one ticket are filled from. Person lists hold slot 1, 2, 3..."""

    client: Client
    country: str
    lang: str
    day: date
    lag: int | None
    settled: bool
    release: str
    employees: tuple[Employee, ...]
    managers: tuple[Employee, ...]
    reporter: Employee | None
    agents: tuple[str, ...]
    earlier: tuple[str, ...]
    people_affected: tuple[int, int]


@dataclass
class Filler:
    """Fills texts of one ticket; a slot keeps its value in every text it occurs in."""

    facts: Facts
    rng: random.Random
    _values: dict[tuple[str, int], str] = field(default_factory=dict)
    _amounts: dict[int, float] = field(default_factory=dict)
    _style: int = 0
    _said_pay: date | None = None

    def __post_init__(self) -> None:
        self._style = self.rng.choices((0, 1, 2), (6, 3, 1))[0]

    def fill(self, text: str, name: str = "") -> tuple[str, tuple[Span, ...]]:
        """Return the filled text and its personal spans (spans carry `name` as their field)."""
        self._meet_pay_date(text)
        parts: list[str] = []
        spans: list[Span] = []
        position = length = 0
        for match in SLOT.finditer(text):
            slot, number = match.group(1), int(match.group(2) or 1)
            value = self._value(slot, number, text[: match.start()], text[match.end() :])
            literal = text[position : match.start()]
            length += len(literal)
            if slot in PERSONAL:
                spans.append(Span(name, PERSONAL[slot], length, length + len(value), value))
            parts += (literal, value)
            length += len(value)
            position = match.end()
        return "".join((*parts, text[position:])), tuple(spans)

    def _meet_pay_date(self, text: str) -> None:
        """Settle which pay date the ticket is about before its month is named."""
        if self._said_pay is not None:
            return
        at = text.find("{{pay_date}}")
        if at >= 0 or self.facts.lag is not None:
            around = text[max(0, at - 40) : at + 60] if at >= 0 else ""
            self._said_pay = self._pay_date(around)

    def _pay_date(self, around: str) -> date:
        facts = self.facts
        return dates.pay_date(facts.client, facts.day, facts.lag, around, facts.settled)

    def _value(self, slot: str, number: int, before: str, after: str) -> str:
        if slot == "amount":
            return self._amount(number, before, after)
        key = (slot, number)
        if key not in self._values:
            self._values[key] = self._fresh(slot, number, before, after)
        return self._values[key]

    def _amount(self, number: int, before: str, after: str) -> str:
        currency = countries()[self.facts.country].currency
        value = self._amounts.setdefault(number, money.draw_amount(currency, self.rng))
        bare = bool(_CURRENCY_WORD.search(after) or _CURRENCY_BEFORE.search(before))
        return money.write_amount(value, self.facts.country, currency, bare=bare)

    def _fresh(self, slot: str, number: int, before: str, after: str) -> str:
        facts, rng = self.facts, self.rng
        match slot:
            case "employee":
                return facts.employees[number - 1].name
            case "manager":
                return facts.managers[number - 1].name
            case "employee_id" | "national_id" | "iban" | "address":
                return str(getattr(facts.employees[number - 1], slot))
            case "email" | "phone":
                return str(getattr(self._contact(slot, number), slot))
            case "agent":
                return facts.agents[number - 1]
            case "client":
                return facts.client.name if number == 1 else rng.choice(_OTHER_COMPANIES)
            case "country":
                return country_name(self._country(number), facts.lang)
            case "currency":
                return countries()[self._country(number)].currency
            case "n_employees":
                return str(rng.randint(*facts.people_affected))
            case "release":
                return facts.release
            case "bank":
                names = bank_names(facts.country)
                return names[(len(facts.employees[0].name) + number - 1) % len(names)]
            case "ticket_ref":
                return facts.earlier[(number - 1) % len(facts.earlier)]
            case "file_name":
                return self._file_name()
        return self._time(slot, before, after)

    def _contact(self, slot: str, number: int) -> Employee:
        # A phone number is where the writer can be reached; an address of mail is the named person's.
        facts = self.facts
        if number == 1 and slot == "phone" and facts.reporter is not None:
            return facts.reporter
        return facts.employees[number - 1]

    def _country(self, number: int) -> str:
        if number == 1:
            return self.facts.country
        others = [c for c in self.facts.client.countries if c != self.facts.country]
        return self.rng.choice(others)

    def _file_name(self) -> str:
        facts = self.facts
        shape = self.rng.choice(_FILES)
        number = self.rng.randrange(1000, 9999)
        return shape.format(key=facts.client.key[:4], c=facts.country, m=f"{facts.day:%Y-%m}", n=number)

    def _time(self, slot: str, before: str, after: str) -> str:
        facts = self.facts
        if slot in {"month", "prev_month"}:
            # Without a pay date in the text, the month is the one of the run that is current.
            period = self._said_pay or self._pay_date("")
            first = period.replace(day=1)
            return dates.month_name(first if slot == "month" else first - timedelta(days=1), facts.lang)
        if slot == "pay_date":
            day = self._said_pay or self._pay_date(before[-40:] + after[:40])
        elif slot == "date":
            day = dates.date_near(facts.day, before, self.rng)
        else:
            raise ValueError(f"unknown slot {slot!r}")
        weekday = dates.named_weekday(before, after, facts.lang)
        if weekday is not None and not (slot == "pay_date" and facts.lag is not None):
            day = dates.on_weekday(day, weekday)
        if slot == "date" and facts.day.month != day.month and self._style == 2:
            return day.isoformat()
        return dates.write_date(day, facts.lang, facts.country, self._style)
