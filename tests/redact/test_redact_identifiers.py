"""What shapes and checksums find without any directory."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.redact.identifiers import ibans, mod97
from data.redact.national import RULES, Rule, check_of, luhn, pattern_of
from data.redact.redactor import Redactor


@pytest.mark.parametrize(
    ("kind", "country", "text", "value"),
    [
        ("iban", None, "to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
        ("iban", None, "to gb29nwbk60161331926819.", "gb29nwbk60161331926819"),
        ("iban", None, "mistyped FR76 3000 6000 0112 3456 7890 188", "FR76 3000 6000 0112 3456 7890 188"),
        ("card", None, "card 4111 1111 1111 1111 was charged", "4111 1111 1111 1111"),
        ("bic", None, "BIC: COBADEFFXXX", "COBADEFFXXX"),
        ("email", None, "write to j.doe+pay@mail.example.org.", "j.doe+pay@mail.example.org"),
        ("phone", None, "on +44 20 7946 0958 today", "+44 20 7946 0958"),
        ("phone", "GB", "call me on 020 7946 0958", "020 7946 0958"),
        ("phone", "US", "my cell (415) 555-2671 please", "(415) 555-2671"),
        ("national_id", None, "AB 12 34 56 C was used", "AB 12 34 56 C"),
        ("national_id", None, "SSN 536-22-1234", "536-22-1234"),
        ("national_id", "DE", "hier 65929970489 eingetragen", "65929970489"),
        ("national_id", None, "Steuer-ID: 65 929 970 489", "65 929 970 489"),
        ("national_id", None, "el dni es 54362315-K", "54362315-K"),
        ("national_id", None, "NIE X2482300W", "X2482300W"),
        ("national_id", None, "NIR 2 95 10 99 126 111 93", "2 95 10 99 126 111 93"),
        ("national_id", "NL", "bsn 111222333", "111222333"),
        ("national_id", None, "codice fiscale RCCMNL83S18D969H", "RCCMNL83S18D969H"),
        ("national_id", "PT", "o NIF é 501964843", "501964843"),
        ("national_id", None, "PAN ACUPA7085R", "ACUPA7085R"),
        ("national_id", None, "aadhaar 2341 2341 2346", "2341 2341 2346"),
        ("national_id", None, "NRIC S1234567D", "S1234567D"),
        ("national_id", None, "eid 784-1980-1234567-9", "784-1980-1234567-9"),
        ("national_id", "PL", "44051401458", "44051401458"),
        ("national_id", None, "CPF 390.533.447-05", "390.533.447-05"),
        ("national_id", "PH", "SSS 34-1234567-8", "34-1234567-8"),
        ("national_id", None, "my NI number is AB123456X", "AB123456X"),
        ("national_id", None, "passport no. C01X00T47", "C01X00T47"),
        ("bank_account", "US", "account number 000123456789", "000123456789"),
        ("bank_account", None, "sort code 12-34-56 please", "12-34-56"),
        ("employee_id", None, "employee no. 48213", "48213"),
        ("birth_date", None, "born 12/05/1987 in Leeds", "12/05/1987"),
        ("birth_date", None, "date of birth: 3 March 1979", "3 March 1979"),
    ],
)
def test_finds(bare_redactor: Redactor, kind: str, country: str | None, text: str, value: str) -> None:
    spans = bare_redactor.redact(text, country=country).spans
    assert [(s.kind, text[s.start : s.end]) for s in spans] == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "Payslip for May 2026 is missing since 28 May.",
        "Net pay was EUR 12,345.67 instead of 13 456,78.",
        "Paid on 2026-05-28, approved 27.05.2026 14:30, due 05/06/26.",
        "Error 500 in release 24.3.1 at 10:15, file leavers_2026-05.csv",
        "PAY-1234 and INC0012345 are open for 3 days",
        "please update the STATEMENT and the DOCUMENT by OVERTIME",
        "We have 1,250 employees in 14 countries and 37.5 hours",
        "The account is locked since 2024-05-01 10:00",
        "employee of the month 2026",
        "Kind regards\nPayroll Team",
        "Dear Support, thank you",
        "The id column of the report is empty for 2025",
    ],
)
def test_leaves_ordinary_numbers_and_words_alone(bare_redactor: Redactor, text: str) -> None:
    assert bare_redactor.redact(text, country="GB").spans == ()


def test_a_weak_number_counts_only_in_its_country_or_beside_a_word_for_it(bare_redactor: Redactor) -> None:
    assert bare_redactor.redact("batch 111222333 failed", country="GB").spans == ()
    assert bare_redactor.redact("batch 111222333 failed", country="NL").spans != ()
    assert bare_redactor.redact("her BSN, 111222333, failed", country="GB").spans != ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("it is late\n\nKind regards,\nPetra Novak", "Petra Novak"),
        ("it is late\nThanks\nPetra", "Petra"),
        ("Hello, my name is Petra Novak and it is late", "Petra Novak"),
        ("I spoke to Mrs Novak yesterday", "Novak"),
    ],
)
def test_unknown_names_are_guessed_from_their_place(bare_redactor: Redactor, text: str, name: str) -> None:
    spans = bare_redactor.redact(text).spans
    assert [text[s.start : s.end] for s in spans] == [name]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.country}-{r.name}-{r.shape[:12]}")
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_check_stumbles_over_anything_of_its_shape(rule: Rule, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(rf"(?:{rule.shape})", re.ASCII), fullmatch=True))
    assert pattern_of(rule).fullmatch(text)
    assert check_of(rule)(re.sub(r"[^A-Za-z0-9]", "", text).upper()) in (True, False)


def test_a_number_of_an_unknown_county_is_not_let_through(bare_redactor: Redactor) -> None:
    text = "identity card 999999199003077571"
    assert "999999199003077571" not in bare_redactor.redact(text).text


def test_checksums() -> None:
    assert luhn("4111 1111 1111 1111")
    assert not luhn("4111 1111 1111 1112")
    assert mod97("DE89370400440532013000")
    assert not mod97("DE88370400440532013000")


def test_iban_stops_at_its_length_and_not_inside_a_longer_word() -> None:
    text = "DE89 3704 0044 0532 0130 00 please"
    assert [(m.start, m.end) for m in ibans(text)] == [(0, 27)]
    assert list(ibans("DE89370400440532013000123")) == []
