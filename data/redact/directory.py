"""The tenant's directory: persons whose data must not leave the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a client's HR data (or of the desk itself). Only the name is required.

    `name` is the full name in natural order. Empty strings mean unknown.
    """

    name: str
    email: str = ""
    employee_id: str = ""
    phone: str = ""
    iban: str = ""
    national_id: str = ""
    address: str = ""
    client: str = ""
