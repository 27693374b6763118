"""The people of a client: an HR directory whose facts stay the same wherever a person is named."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.sandbox import identifiers
from data.sandbox.geography import Country, countries, name_list

if TYPE_CHECKING:
    from data.sandbox.clients import Client

HOME_SIZE, BRANCH_SIZE = 60, 11
ROLES = ("hr_admin", "payroll_manager", "finance", "it", "manager", "manager")
_STREETS = (
    "King Road",
    "Market Street",
    "Lake View",
    "Palm Avenue",
    "Station Road",
    "Garden Lane",
    "Hill Rise",
)
_ASCII = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "ß": "ss", "æ": "ae", "ı": "i", "ð": "d"}
)


@dataclass(frozen=True, slots=True)
class Employee:
    """One person in a client's directory. `manager` is the employee id of the person reported to."""

    client: str
    name: str
    email: str
    employee_id: str
    phone: str
    iban: str
    national_id: str
    address: str
    country: str
    role: str
    manager: str


@dataclass(frozen=True)
class Directory:
    """Everyone named at one client, and who is who."""

    people: tuple[Employee, ...]
    by_country: Mapping[str, tuple[Employee, ...]]

    def of(self, country: str, role: str) -> tuple[Employee, ...]:
        """Return the people of a country with a role (never empty for the roles of `ROLES`)."""
        return tuple(p for p in self.by_country[country] if p.role == role)


class NameSource:
    """Draws names and addresses per country; Faker's generators are built once and seeded."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._fakers: dict[str, Any] = {}

    def name(self, country: Country, rng: random.Random) -> str:
        if country.names:
            given, family = name_list(country.names)
            return f"{rng.choice(given)} {rng.choice(family)}"
        fake = self._faker(country.locale)
        return f"{fake.first_name()} {fake.last_name()}"

    def address(self, country: Country, rng: random.Random) -> str:
        if country.locale and not country.cities:
            return ", ".join(str(self._faker(country.locale).address()).split("\n"))
        city = rng.choice(country.cities)
        return f"{rng.randrange(1, 240)} {rng.choice(_STREETS)}, {city} {rng.randrange(10000, 99999)}"

    def _faker(self, locale: str) -> Any:
        if locale not in self._fakers:
            from faker import Faker

            self._fakers[locale] = Faker(locale)
            self._fakers[locale].seed_instance(f"{self._seed}/{locale}")
        return self._fakers[locale]


def mail_name(name: str) -> str:
    """Return the local part of an e-mail address: lower-case ASCII, words joined by dots."""
    flat = unicodedata.normalize("NFKD", name.translate(_ASCII)).encode("ascii", "ignore").decode().lower()
    words = "".join(c if c.isalnum() or c == "-" else " " for c in flat).split()
    return ".".join(words)


def build_directory(client: Client, names: NameSource, rng: random.Random) -> Directory:
    """Draw the client's people; names and addresses of mail are unique within the client."""
    taken: set[str] = set()
    by_country: dict[str, tuple[Employee, ...]] = {}
    number = rng.randrange(10_000, 20_000)
    for code in client.countries:
        size = HOME_SIZE if code == client.country else BRANCH_SIZE
        group: list[Employee] = []
        for position in range(size):
            number += rng.randrange(1, 40)
            role = ROLES[position] if position < len(ROLES) else "employee"
            boss = group[4].employee_id if position > 4 else (group[0].employee_id if group else "")
            group.append(_employee(client, countries()[code], number, role, boss, names, taken, rng))
        by_country[code] = tuple(group)
    people = tuple(p for group in by_country.values() for p in group)
    return Directory(people, by_country)


def _employee(
    client: Client,
    country: Country,
    number: int,
    role: str,
    boss: str,
    names: NameSource,
    taken: set[str],
    rng: random.Random,
) -> Employee:
    while True:
        name = names.name(country, rng)
        local = mail_name(name)
        if local and local not in taken:
            break
    taken.add(local)
    # Where accounts have no IBAN, an account in the client's home country (or Britain) stands in for it.
    account = next(c for c in (country.code, client.country, "GB") if identifiers.has_iban(c))
    return Employee(
        client=client.key,
        name=name,
        email=f"{local}@{client.domain}",
        employee_id=client.employee_number(number),
        phone=identifiers.phone(country.code, rng),
        iban=identifiers.iban(account, rng),
        national_id=identifiers.national_id(country.code, rng),
        address=names.address(country, rng),
        country=country.code,
        role=role,
        manager=boss,
    )
