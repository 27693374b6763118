"""E-mail addresses and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from data.redact.national import digits
from data.redact.span import Match

_EMAIL = re.compile(
    r"(?<![\w.+\-])[\w.+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
_PHONE = re.compile(r"(?<![\w.,])(?:\+|00)?\(?\d[\d \u00a0().\-/]{5,24}\d(?:x\d{1,5})?(?!\w|[.,]\d)")
_PHONE_CONTEXT = re.compile(
    r"phone|call|tel\b|tel\.|t[ée]l|mobil|cell|reach|ring|handy|ruf|whatsapp|contact|fax|m[óo]vil|n[úu]mero|number",
    re.IGNORECASE,
)
_DATE_LIKE = re.compile(r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}(?: .*)?$")
_AMOUNT_LIKE = re.compile(r"\d{1,3}(?:[ .]\d{3})+$")
_WINDOW = 40


def emails(text: str) -> Iterator[Match]:
    """Find e-mail addresses."""
    if "@" not in text:
        return
    for found in _EMAIL.finditer(text):
        yield Match("email", found.start(), found.end(), found.group().lower(), 3)


def phones(text: str, country: str | None) -> Iterator[Match]:
    """Find phone numbers: international ones, and national ones of `country` (alpha-2).

    A number without a country prefix must be valid there, or merely possible beside a word for phoning.
    """
    for found in _PHONE.finditer(text):
        raw = found.group()
        number = digits(raw)
        if not 7 <= len(number) <= 15 or _DATE_LIKE.fullmatch(raw):
            continue
        before = text[max(0, found.start() - _WINDOW) : found.start()]
        if _is_phone(raw, country, bool(_PHONE_CONTEXT.search(before))):
            start = found.start() + (raw.startswith("(") and ")" not in raw)
            yield Match("phone", start, found.end(), number.lstrip("0"), 1)


def _is_phone(raw: str, country: str | None, announced: bool) -> bool:
    international = raw.lstrip("(").startswith(("+", "00"))
    text = "+" + raw.lstrip("(")[2:] if raw.lstrip("(").startswith("00") else raw
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return international and announced
    if phonenumbers.is_valid_number(number):
        # Short digit groups without a prefix are amounts and references more often than phone numbers.
        return international or announced or not _AMOUNT_LIKE.fullmatch(raw)
    return phonenumbers.is_possible_number(number) and (international or announced)
