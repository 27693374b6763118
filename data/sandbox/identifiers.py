"""Checksum-valid identifiers of invented people: IBAN, national id, phone.

Candidates are drawn from a shape and kept when the public check (python-stdnum, phonenumbers, or the
few below) accepts them; check digits are uniform, so that takes as many draws as there are digits.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable
from functools import cache

import phonenumbers
from stdnum import iban as iban_rules
from stdnum import luhn

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MONTH_LETTERS = "ABCDEHLMPRST"

# country -> (shape, check). Shapes: 9 digit, A letter, {token} part of a birth date or a choice.
# A check is a python-stdnum module, a name in `_OWN`, or empty where the number has no check digit.
_NATIONAL = {
    "GB": ("AA999999{nino}", "nino"),
    "IE": ("9999999A", "ie.pps"),
    "US": ("999-99-9999", "us.ssn"),
    "CA": ("999-999-999", "ca.sin"),
    "AU": ("999 999 999", "au.tfn"),
    "NZ": ("99999999", "nz.ird"),
    "DE": ("99999999999", "de.idnr"),
    "AT": ("9999{dd}{mm}{yy}", "at.vnr"),
    "CH": ("756.9999.9999.99", "ch.ssn"),
    "FR": ("{sex}{yy}{mm}{dept}99999999", "fr.nir"),
    "BE": ("{yy}.{mm}.{dd}-999.99", "be.nn"),
    "NL": ("999999999", "nl.bsn"),
    "ES": ("99999999A", "es.dni"),
    "PT": ("{nif}99999999", "pt.nif"),
    "IT": ("AAAAAA{yy}{it}{dd}A999A", "it.codicefiscale"),
    "GR": ("{dd}{mm}{yy}99999", "gr.amka"),
    "PL": ("{yy}{mm}{dd}99999", "pl.pesel"),
    "CZ": ("{yy}{mm}{dd}/9999", "cz.rc"),
    "SK": ("{yy}{mm}{dd}/9999", "sk.rc"),
    "RO": ("{sex}{yy}{mm}{dd}{ro}9999", "ro.cnp"),
    "BG": ("{yy}{mm}{dd}9999", "bg.egn"),
    "HR": ("99999999999", "hr.oib"),
    "EE": ("{baltic}{yy}{mm}{dd}9999", "ee.ik"),
    "LT": ("{baltic}{yy}{mm}{dd}9999", "lt.asmens"),
    "DK": ("{dd}{mm}{yy}-9999", "dk.cpr"),
    "SE": ("{yy}{mm}{dd}-9999", "se.personnummer"),
    "NO": ("{dd}{mm}{yy}99999", "no.fodselsnummer"),
    "FI": ("{dd}{mm}{yy}-999A", "fi.hetu"),
    "TR": ("99999999999", "tr.tckimlik"),
    "IL": ("999999999", "il.idnr"),
    "AE": ("784-{yyyy}-9999999-9", "luhn"),
    "KE": ("A999999999A", "ke.pin"),
    "ZA": ("{yy}{mm}{dd}9999089", "za.idnr"),
    "IN": ("AAAPA9999A", "in_.pan"),
    "SG": ("S9999999A", "nric"),
    "MY": ("{yy}{mm}{dd}-{my}-9999", "my.nric"),
    "TH": ("9999999999999", "th.pin"),
    "ID": ("3171{01}{dd}{mm}{yy}0999", ""),
    "KR": ("{yy}{mm}{dd}-{sex}999999", "kr.rrn"),
    "CN": ("110101{yyyy}{mm}{dd}9999", "cn.ric"),
    "PH": ("99-9999999-9", ""),
    "BR": ("999.999.999-99", "br.cpf"),
    "AR": ("99.999.999", "ar.dni"),
    "CL": ("99999999-9", "cl.rut"),
    "CO": ("9999999999", ""),
    "PE": ("99999999", ""),
    "MX": ("{curp}{yy}{mm}{dd}{hm}DF{cons}99", "mx.curp"),
}
_DEFAULT_NATIONAL = ("9999999999", "")
_CHOICES = {
    "nino": "ABCD",
    "sex": "12",
    "baltic": "34",
    "it": _MONTH_LETTERS,
    "nif": "12",
    "hm": "HM",
    "01": ("01", "02", "05"),
    "dept": ("75", "69", "13", "44", "59", "31", "33"),
    "ro": ("40", "12", "35", "26"),
    "my": ("01", "07", "10", "14"),
    "curp": ("GARM", "LOPJ", "HERA", "MART", "ROCL", "SANE"),
    "cons": ("RRR", "PNS", "LNC", "DMG", "SLR"),
}
_UNUSED_NINO = frozenset(("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"))


def is_nino(number: str) -> bool:
    """Tell whether a British National Insurance number is allocated-shaped (it has no check digit)."""
    first, second = number[0], number[1]
    return (
        re.fullmatch(r"[A-Z]{2}\d{6}[A-D]", number) is not None
        and first not in "DFIQUV"
        and second not in "DFIOQUV"
        and number[:2] not in _UNUSED_NINO
    )


def is_nric(number: str) -> bool:
    """Tell whether a Singaporean NRIC of the S series carries its check letter."""
    total = sum(int(d) * w for d, w in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    return number[0] == "S" and "JZIHGFEDCBA"[total % 11] == number[8]


def _luhn(number: str) -> bool:
    return bool(luhn.is_valid(number.replace("-", "")))


_OWN: dict[str, Callable[[str], bool]] = {"nino": is_nino, "nric": is_nric, "luhn": _luhn}


@cache
def _check(name: str) -> Callable[[str], bool]:
    if not name:
        return lambda _number: True
    if name in _OWN:
        return _OWN[name]
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{name}").is_valid
    return valid


def is_national_id(country: str, number: str) -> bool:
    """Tell whether `number` passes the country's public check (always true where there is none)."""
    return _check(_NATIONAL.get(country, _DEFAULT_NATIONAL)[1])(number)


def national_id(country: str, rng: random.Random) -> str:
    """Draw a number that passes the country's public check."""
    shape, check = _NATIONAL.get(country, _DEFAULT_NATIONAL)
    valid = _check(check)
    while True:
        number = _draw(shape, rng)
        if valid(number):
            return number


def _draw(shape: str, rng: random.Random) -> str:
    born = {"yyyy": f"19{rng.randrange(62, 99)}", "mm": f"{rng.randrange(1, 13):02d}"}
    born |= {"dd": f"{rng.randrange(1, 29):02d}", "yy": born["yyyy"][2:]}

    def part(match: re.Match[str]) -> str:
        token = match.group(0)
        if token == "9":
            return rng.choice("0123456789")
        if token == "A":
            return rng.choice(_LETTERS)
        name = token[1:-1]
        return born[name] if name in born else str(rng.choice(_CHOICES[name]))

    # Fixed digits and letters of a shape are written so that they cannot be taken for a wildcard.
    return re.sub(r"\{\w+\}|9|A", part, shape)


@cache
def has_iban(country: str) -> bool:
    """Tell whether bank accounts of the country are written as IBAN."""
    return bool(_structure(country))


@cache
def _structure(country: str) -> str:
    return str(iban_rules._ibandb.info(country)[0][1].get("bban", ""))


def iban(country: str, rng: random.Random) -> str:
    """Draw an IBAN of the country whose own check digits (also those inside) are right.

    Raises `ValueError` where the country has none.
    """
    structure = _structure(country)
    if not structure:
        raise ValueError(f"{country} has no IBAN")
    while True:
        body = "".join(_run(int(n), kind, rng) for n, kind in re.findall(r"(\d+)!([nac])", structure))
        number = country + str(iban_rules.calc_check_digits(f"{country}00{body}")) + body
        if iban_rules.is_valid(number):
            return str(iban_rules.format(number))


def _run(length: int, kind: str, rng: random.Random) -> str:
    alphabet = _LETTERS if kind == "a" else "0123456789"
    return "".join(rng.choice(alphabet) for _ in range(length))


@cache
def _example(country: str) -> str:
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, kind) or phonenumbers.example_number(country)
    if example is None:
        raise ValueError(f"{country} has no telephone numbers")
    return str(example.national_number)


def phone(country: str, rng: random.Random) -> str:
    """Draw a valid mobile number, written internationally with spaces."""
    stem, code = _example(country), phonenumbers.country_code_for_region(country)
    while True:
        digits = stem[:-6] + f"{rng.randrange(10**6):06d}"
        number = phonenumbers.PhoneNumber(country_code=code, national_number=int(digits))
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
