"""A small directory and a redactor over it."""

from __future__ import annotations

import pytest

from data.redact.directory import Person
from data.redact.redactor import Redactor

SALT = bytes(range(32))
PEOPLE = (
    Person(
        "Anna Müller",
        "anna.mueller@hartmann.example",
        "HA-10423",
        "+49 1512 3456789",
        "DE89 3704 0044 0532 0130 00",
        "65929970489",
        "Agnes-Wesack-Straße 26, 66907 Werdau",
        "hartmann",
    ),
    Person("Siân O'Connor", "sian.oconnor@hartmann.example", "HA-10424", client="hartmann"),
    Person("Juan Carlos de la Cruz", "juan.cruz@hartmann.example", "HA-10425", client="hartmann"),
    Person("Łukasz Zięcik", "lukasz.ziecik@hartmann.example", "HA-10426", client="hartmann"),
    Person("Anna Schmidt", "anna.schmidt@hartmann.example", "HA-10427", client="hartmann"),
)


@pytest.fixture(scope="session")
def people() -> tuple[Person, ...]:
    return PEOPLE


@pytest.fixture(scope="session")
def redactor() -> Redactor:
    return Redactor(PEOPLE, salt=SALT)


@pytest.fixture(scope="session")
def bare_redactor() -> Redactor:
    """A redactor without a directory: shapes and checksums only."""
    return Redactor([], salt=SALT)
