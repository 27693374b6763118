"""What the tenant's directory finds."""

from __future__ import annotations

import pytest

from data.redact.directory import Person
from data.redact.redactor import Redactor
from data.ticket import Ticket


def found(redactor: Redactor, text: str, country: str | None = None) -> list[tuple[str, str]]:
    return [(s.kind, text[s.start : s.end]) for s in redactor.redact(text, country=country).spans]


@pytest.mark.parametrize(
    "written",
    [
        "Anna Müller",
        "ANNA MÜLLER",
        "anna müller",
        "Anna Muller",
        "Anna Mueller",
        "Anna  Müller",
        "Anna\nMüller",
        "Anna Mu\u0308ller",
        "Müller, Anna",
        "Müller Anna",
        "A. Müller",
        "Sian O’Connor",
        "Siân O'Connor",
        "Lukasz Ziecik",
        "Juan Carlos de la Cruz",
        "Juan de la Cruz",
        "de la Cruz, Juan Carlos",
    ],
)
def test_a_listed_name_is_found_however_it_is_written(redactor: Redactor, written: str) -> None:
    assert found(redactor, f"The pay of {written}'s is late") == [("person", written)]


def test_a_name_inside_a_longer_word_is_left_alone(redactor: Redactor) -> None:
    assert found(redactor, "Banana Müllerei is a product, not a person") == []


def test_a_name_in_a_file_name_is_found(redactor: Redactor) -> None:
    assert found(redactor, "see payslip_Anna_Müller.pdf") == [("person", "Anna_Müller")]


@pytest.mark.parametrize(
    "text",
    [
        "Hi Anna,\nwhere is it?",
        "Dear Anna, where is it?",
        "Please ask Frau Schmidt about it.",
        "where is it?\n\nKind regards\nSiân",
        "where is it?\nThanks, Łukasz",
        "hello, this is Siân from HR",
    ],
)
def test_a_part_of_a_name_is_found_where_the_context_supports_it(redactor: Redactor, text: str) -> None:
    assert [kind for kind, _ in found(redactor, text)] == ["person"]


def test_a_part_of_a_name_without_context_is_left_alone(redactor: Redactor) -> None:
    assert found(redactor, "The Schmidt module of the calculation is slow") == []


def test_whoever_is_named_in_the_subject_is_known_in_the_description(redactor: Redactor) -> None:
    ticket = Ticket("1", "Leave of Anna Müller", "Could you tell me why Müller still has 3 days?")
    redacted, _, description = redactor.redact_ticket(ticket)
    assert len(description.spans) == 1
    assert "Müller" not in redacted.summary + redacted.description


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("iban", "DE89370400440532013000"),
        ("iban", "de89 3704 0044 0532 0130 00"),
        ("iban", "DE89-3704-0044-0532-0130-00"),
        ("phone", "+49 1512 3456789"),
        ("phone", "01512/3456789"),
        ("national_id", "65 929 970 489"),
        ("employee_id", "HA-10423"),
        ("employee_id", "ha10423"),
        ("employee_id", "HA 99999"),
        ("email", "Anna.Mueller@Hartmann.example"),
        ("address", "Agnes-Wesack-Strasse 26, 66907 Werdau"),
        ("address", "Agnes-Wesack-Straße 26,\n66907 Werdau"),
    ],
)
def test_listed_identifiers_are_found_whatever_their_spacing(
    redactor: Redactor, kind: str, written: str
) -> None:
    assert found(redactor, f"It is {written}, please") == [(kind, written)]


def test_one_person_has_one_stand_in_everywhere(redactor: Redactor) -> None:
    first = redactor.redact("Anna Müller").text
    given, surname = first.split()
    assert redactor.redact("the pay of ANNA MUELLER").text == f"the pay of {first.upper()}"
    assert redactor.redact("Müller, Anna").text == f"{surname}, {given}"
    mail = redactor.redact("anna.mueller@hartmann.example").text
    assert mail.split("@")[0].split(".")[0][0] == given[0].lower()
    assert redactor.redact("Anna Schmidt").text != first


def test_people_of_another_salt_get_other_stand_ins(people: tuple[Person, ...], redactor: Redactor) -> None:
    other = Redactor(people, salt=b"another salt, also long enough..")
    texts = [p.name for p in people]
    assert [redactor.redact(t).text for t in texts] != [other.redact(t).text for t in texts]


def test_the_stand_in_does_not_depend_on_who_else_is_in_the_directory(people: tuple[Person, ...]) -> None:
    salt = bytes(32)
    alone, all_of_them = Redactor(people[:1], salt=salt), Redactor(people, salt=salt)
    assert alone.redact("Anna Müller").text == all_of_them.redact("Anna Müller").text


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Redactor([], salt=b"short")
