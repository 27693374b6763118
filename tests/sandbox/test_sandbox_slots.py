"""Slots are filled truthfully: no slot left, exact spans, one person one identity, fitting countries."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sandbox import dates, identifiers, money
from data.sandbox.clients import load_clients
from data.sandbox.geography import countries, fitting_countries, named_countries
from data.sandbox.slots import PERSONAL
from data.sandbox.texts import SLOT, load_families
from data.sandbox.world import World, WorldTicket, personal_spans

FAMILIES = {f.id: f for f in load_families()}
CLIENT = load_clients(4, date(2026, 2, 1), date(2027, 1, 31))[0]
DAY = st.dates(date(2026, 4, 1), date(2026, 12, 31))


def all_tickets(world: World) -> tuple[WorldTicket, ...]:
    return (*world.history, *world.live)


def test_no_slot_is_left_anywhere(world: World) -> None:
    for ticket in all_tickets(world):
        said = [e.new or "" for e in ticket.events]
        assert "{{" not in "".join((ticket.summary, ticket.description, *said))
        assert "}}" not in "".join((ticket.summary, ticket.description, *said))


def test_spans_are_exact_and_complete(world: World) -> None:
    for ticket in all_tickets(world):
        family = FAMILIES[ticket.family]
        wanted = sum(
            m.group(1) in PERSONAL
            for text in (family.summary, family.description)
            for m in SLOT.finditer(text)
        )
        spans = personal_spans(ticket)
        assert len(spans) == wanted
        for span in spans:
            assert getattr(ticket, span.field)[span.start : span.end] == span.text


def test_personal_values_are_those_of_the_clients_directory(world: World) -> None:
    known = {
        client: {
            "person": {p.name for p in d.people},
            **{
                kind: {getattr(p, kind) for p in d.people}
                for kind in ("email", "phone", "iban", "national_id", "address", "employee_id")
            },
        }
        for client, d in world.directories.items()
    }
    for ticket in all_tickets(world):
        for span in ticket.spans:
            if span.kind != "agent":
                assert span.text in known[ticket.client][span.kind], (ticket.readable_id, span)


def test_values_of_one_slot_number_belong_to_one_person(world: World) -> None:
    checked = 0
    for ticket in all_tickets(world):
        family = FAMILIES[ticket.family]
        found = {
            (m.group(1), m.group(2)): s.text
            for text, field in ((family.summary, "summary"), (family.description, "description"))
            for m, s in zip(
                (m for m in SLOT.finditer(text) if m.group(1) in PERSONAL),
                (s for s in ticket.spans if s.field == field),
                strict=True,
            )
        }
        people = world.directories[ticket.client].people
        for number in ("", "2"):
            if ("employee", number) in found and ("employee_id", number) in found:
                person = next(p for p in people if p.employee_id == found[("employee_id", number)])
                assert person.name == found[("employee", number)]
                checked += 1
    assert checked > 50


def test_a_ticket_by_an_employee_comes_from_that_employee(world: World) -> None:
    signed = [
        t
        for t in world.history
        if t.persona == "employee"
        and FAMILIES[t.family].description.rstrip().endswith("{{employee}}")
        and t.reporter.name
    ]
    assert signed
    assert all(t.description.rstrip().endswith(t.reporter.name) for t in signed)


def test_tickets_are_where_their_text_says(world: World) -> None:
    for ticket in all_tickets(world):
        family = FAMILIES[ticket.family]
        fitting, _ = fitting_countries(f"{family.summary} \n{family.description}", family.lang)
        assert ticket.country in fitting
        if ticket.lang != "en":
            assert ticket.lang in countries()[ticket.country].langs


def test_every_text_fits_somewhere_the_first_four_clients_operate() -> None:
    served = {c for k in load_clients(4, date(2026, 5, 1), date(2026, 11, 1)) for c in k.countries}
    for family in FAMILIES.values():
        fitting, _ = fitting_countries(f"{family.summary} \n{family.description}", family.lang)
        assert fitting & served, family.id


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("HMRC wants the P60", "en", "GB"),
        ("the IRS letter and my W-2", "en", "US"),
        ("Finanzamt schreibt", "de", "DE"),
        ("l'URSSAF réclame", "fr", "FR"),
        ("BIR form, SSS and PhilHealth", "en", "PH"),
        ("Form 16 and EPFO", "en", "IN"),
        ("MOM says CPF is due", "en", "SG"),
        ("WPS file refused", "en", "AE"),
        ("our people in Cape Town", "en", "ZA"),
        ("paid in AED", "en", "AE"),
        ("it was £200 short", "en", "GB"),
        ("the Lohnausweis for Zürich", "de", "CH"),
        ("os salários de São Paulo", "pt", "BR"),
    ],
)
def test_countries_named_outright(text: str, lang: str, expected: str) -> None:
    assert fitting_countries(text, lang)[0] == {expected}


@pytest.mark.parametrize("text", ["Please tell us in May", "an important PDF", "RUSH job", "INVOICE", ""])
def test_other_words_name_no_country(text: str) -> None:
    assert named_countries(text) == ()


def test_critical_tickets_concern_ten_people_or_more(world: World) -> None:
    for ticket in all_tickets(world):
        text = FAMILIES[ticket.family].description
        if ticket.truth.priority == "critical" and "{{n_employees}}" in text:
            before = SLOT.split(text.split("{{n_employees}}")[0])[-1]
            number = ticket.description.split(before, 1)[-1] if before else ticket.description
            digits = "".join(c for c in number[:4] if c.isdigit())
            if digits and number[:1].isdigit():
                assert int(digits) >= 10, (ticket.readable_id, ticket.description)


@pytest.mark.parametrize("country", sorted(countries()))
def test_identifiers_pass_the_public_checks(country: str) -> None:
    import phonenumbers
    from stdnum import iban

    rng = random.Random(f"ids/{country}")
    for _ in range(3):
        assert phonenumbers.is_valid_number(phonenumbers.parse(identifiers.phone(country, rng)))
        assert identifiers.is_national_id(country, identifiers.national_id(country, rng))
        if identifiers.has_iban(country):
            number = identifiers.iban(country, rng)
            assert iban.is_valid(number)
            assert number.startswith(country)
        else:
            with pytest.raises(ValueError, match="no IBAN"):
                identifiers.iban(country, rng)


@pytest.mark.parametrize(
    ("number", "valid"),
    [("AB123456C", True), ("BG123456A", False), ("QA123456C", False), ("AB123456E", False)],
)
def test_nino(number: str, valid: bool) -> None:
    assert identifiers.is_nino(number) is valid


def test_directory_people_are_unique_and_valid(world: World) -> None:
    from stdnum import iban

    for directory in world.directories.values():
        people = directory.people
        assert len(people) > 200
        for attribute in ("email", "employee_id", "name"):
            assert len({getattr(p, attribute) for p in people}) == len(people)
        ids = {p.employee_id for p in people}
        for person in people:
            assert iban.is_valid(person.iban)
            assert identifiers.is_national_id(person.country, person.national_id)
            assert not person.manager or person.manager in ids


@given(DAY, st.integers(0, 6))
def test_on_weekday_is_the_nearest(day: date, weekday: int) -> None:
    moved = dates.on_weekday(day, weekday)
    assert moved.weekday() == weekday
    assert abs((moved - day).days) <= 3


@pytest.mark.parametrize(
    ("text", "lag"),
    [
        ("URGENT, pay day is today", 0),
        ("Salaries are due tomorrow for our people", 1),
        ("Pay date is the day after tomorrow", 2),
        ("pay date {{pay_date}}, still four days off", 4),
        ("the pay date is in three working days", 3),
        ("no payslip for {{month}} yet", None),
    ],
)
def test_pay_lag(text: str, lag: int | None) -> None:
    assert dates.pay_lag(text) == lag


@given(
    DAY, st.sampled_from([None, 0, 1]), st.sampled_from(["was paid on", "will be paid on", ""]), st.booleans()
)
def test_pay_dates_agree_with_the_words(day: date, lag: int | None, around: str, settled: bool) -> None:
    client = CLIENT
    paid = dates.pay_date(client, day, lag, around, settled)
    if lag is not None:
        assert paid == day + timedelta(days=lag)
        return
    assert paid in client.pay_dates
    if "will" in around:
        assert paid > day
    if "was" in around:
        assert paid <= day


@given(DAY, st.integers(0, 2**32))
def test_dates_ahead_and_behind(day: date, seed: int) -> None:
    rng = random.Random(seed)
    assert dates.date_near(day, "is away until ", rng) > day
    assert dates.date_near(day, "we called on ", rng) < day
    assert abs(dates.date_near(day, "", rng) - day) < timedelta(days=30)


def test_weekday_named_beside_a_date() -> None:
    assert dates.named_weekday("on Friday, ", " at noon", "en") == 4
    assert dates.named_weekday("seit ", " (Montag)", "de") == 0
    assert dates.named_weekday("on ", " we met", "en") is None


@given(st.floats(1, 1e6), st.sampled_from(sorted(countries())))
def test_amounts_are_written_once_with_their_currency(value: float, country: str) -> None:
    currency = countries()[country].currency
    bare = money.write_amount(value, country, currency, bare=True)
    assert not any(c.isalpha() or c in "£$€" for c in bare)
    full = money.write_amount(value, country, currency, bare=False)
    assert bare in full
    assert full != bare
