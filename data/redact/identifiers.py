"""Identifiers found by shape and checksum: IBAN, card, BIC, national numbers, labelled account numbers.

All patterns are bounded, so the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from data.redact.national import RULES, Rule, check_of, digits, luhn, pattern_of
from data.redact.span import Kind, Match

_WINDOW_BEFORE = 48
_WINDOW_AFTER = 18

_ID_WORDS = (
    r"national[ -]?(?:id(?:entity)?|insurance|number|no)\b|\bni ?(?:no|number|num|nr)\b|\bnino\b|\bssn\b"
    r"|social[ -]security|social insurance|tax(?:payer)?[ -]?(?:id|number|no|file|reference|code number)\b"
    r"|steuer-?(?:id|nummer|identifikation)|sozialversicherungs|\bsv-?nummer|\bidnr\b"
    r"|identity (?:card|number|no)|\bid[ -]?(?:card|no|number|nr|num)\b|\bid\b[ :#.]|passport|reisepass"
    r"|pasaporte|passeport|\bnric\b|\bfin\b|\baadha?ar\b|\bpan\b|\bpesel\b|\bcpf\b|\bbsn\b|burgerservice"
    r"|\bnif\b|\bnie\b|\bdni\b|\bniss\b"
    r"|\bnir\b|s[ée]curit[ée] sociale|num[ée]ro de s[ée]cu|carte d'identit|codice fiscale|\bcurp\b"
    r"|\brfc\b|emirates id|\biqama\b|\bpermit\b|\butr\b|\bnss\b|seguridad social|personnummer"
    r"|\btin\b|\bsss\b|philhealth|pag-?ibig|\bumid\b|identificaci[oó]n|\bdocumento\b|\bpin\b|\bpps\b|\bahv\b|\bavs\b|rijksregister|\bnhs\b"
    r"|\bsin\b|\btfn\b|\buan\b"
)
_ACCOUNT_WORDS = (
    r"account(?: number| no\.?| nr\.?)?|acct(?: no\.?)?|a/c|konto(?:-?nr\.?|nummer)?|rekening(?:nummer)?"
    r"|cuenta|compte|conto|conta|iban|clabe"
)
_BRANCH_WORDS = r"sort code|routing(?: number)?|ifsc|bsb|bankleitzahl|blz"
_EMPLOYEE_WORDS = (
    r"employee(?: id| no\.?| number| code| ref)?|emp\.? ?(?:id|no\.?|number|code)|staff (?:id|no\.?|number)"
    r"|personal-?(?:nr\.?|nummer)|pers\.?-? ?nr\.?|matricule|matr[ií]cula|n[úu]mero de empleado"
    r"|payroll (?:no\.?|number|id)|personeelsnummer|worker id|nr\.? pracownika|matricola"
)
_LINK = r"(?:\s{0,3}(?:is|are|ist|est|es|é|è|lautet|no|nr|number|num|n[°ºo]|card|[:#=.,(\-])){0,4}\s{0,3}"
_VALUE = (
    r"((?:(?-i:[A-Z]{1,4})[ \-]|[A-Za-z]{1,4})?\d[0-9A-Za-z]{0,24}"
    r"(?:[ .\-/][A-Za-z]{0,2}\d[0-9A-Za-z]{0,12}){0,7})(?![0-9A-Za-z])"
)
_ID_CONTEXT = re.compile(_ID_WORDS, re.IGNORECASE)
_LABELLED: tuple[tuple[Kind, int, re.Pattern[str]], ...] = (
    ("national_id", 6, re.compile(rf"(?:{_ID_WORDS}){_LINK}{_VALUE}", re.IGNORECASE)),
    # From 8 digits: shorter ones are accounts of a ledger, not of a bank.
    ("bank_account", 8, re.compile(rf"\b(?:{_ACCOUNT_WORDS}){_LINK}{_VALUE}", re.IGNORECASE)),
    ("bank_account", 6, re.compile(rf"\b(?:{_BRANCH_WORDS}){_LINK}{_VALUE}", re.IGNORECASE)),
    ("employee_id", 3, re.compile(rf"\b(?:{_EMPLOYEE_WORDS}){_LINK}{_VALUE}", re.IGNORECASE)),
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?:{_DAY}[./\-]{_DAY}[./\-](?:(?:19|20)\d\d|\d\d)"
    rf"|(?:19|20)\d\d[./\-](?:0?[1-9]|1[0-2])(?:[./\-]{_DAY})?|(?:19|20)\d\d)"
)
_DATE_AHEAD = re.compile(rf"{_DATE.pattern}(?!\d)")
_BIRTH = re.compile(
    rf"(?:\bborn(?: on)?|birth ?(?:date|day)|date of birth|\bdob\b|\bd\.o\.b\.?|geboren(?: am)?|geburtsdatum"
    rf"|n[ée]e? le|fecha de nacimiento|nat[oa] il|geboortedatum|data de nascimento){_LINK}({_DATE.pattern}|"
    r"\d{1,2}(?:st|nd|rd|th)? [A-Za-z]{3,9}\.? (?:19|20)\d\d)(?!\d)",
    re.IGNORECASE,
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ ]?\d[ ]?\d")
_CARD = re.compile(r"(?<![A-Za-z0-9])[3-6]\d{3}(?:[ \-]?\d{2,6}){2,5}(?![A-Za-z0-9])")
_BIC = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{6}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?(?![A-Za-z0-9])")
_BIC_CONTEXT = re.compile(r"\b(?:bic|swift)\b", re.IGNORECASE)


@cache
def _iban_lengths() -> dict[str, int]:
    from stdnum.numdb import get

    prefixes = get("iban").prefixes
    return {cc: 4 + _bban_length(props["bban"]) for _, cc, _, props, _ in prefixes if "bban" in props}


def _bban_length(structure: str) -> int:
    return sum(int(n) for n in re.findall(r"(\d+)!?[nace]", structure))


def ibans(text: str) -> Iterator[Match]:
    """Find IBANs of any registered country, also spaced, lower-case, or mistyped beside the word IBAN."""
    lengths = _iban_lengths()
    for start in _IBAN_START.finditer(text):
        wanted = lengths.get(start.group()[:2].upper())
        if wanted is None:
            continue
        taken, i = 0, start.start()
        while i < len(text) and taken < wanted:
            if text[i].isascii() and text[i].isalnum():
                taken += 1
            elif text[i] not in " -.\u00a0" or not (i + 1 < len(text) and text[i + 1].isalnum()):
                break
            i += 1
        whole = i == len(text) or not text[i].isalnum()
        value = re.sub(r"[^A-Za-z0-9]", "", text[start.start() : i]).upper()
        if taken == wanted and whole and (mod97(value) or _mostly_digits(value)):
            yield Match("iban", start.start(), i, value, 3)


def mod97(iban: str) -> bool:
    """ISO 13616: first four characters to the end, letters as 10..35, remainder 1 modulo 97."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _mostly_digits(value: str) -> bool:
    # A mistyped IBAN is still somebody's account; prose cannot carry this many digits in a row.
    return sum(c.isdigit() for c in value) >= 12


def cards(text: str) -> Iterator[Match]:
    """Find payment cards: 13 to 19 digits, Luhn."""
    for found in _CARD.finditer(text):
        number = digits(found.group())
        if 13 <= len(number) <= 19 and luhn(number):
            yield Match("card", found.start(), found.end(), number, 2)


def bics(text: str) -> Iterator[Match]:
    """Find BICs: shape and country, beside the word BIC or SWIFT."""
    if not _BIC_CONTEXT.search(text):
        return
    lengths = _iban_lengths()
    for found in _BIC.finditer(text):
        value = found.group().upper()
        near = text[max(0, found.start() - _WINDOW_BEFORE) : found.end() + _WINDOW_AFTER]
        known = value[4:6] in lengths or value[4:6] in (
            "US",
            "CA",
            "AU",
            "IN",
            "SG",
            "HK",
            "JP",
            "CN",
            "PH",
            "ZA",
        )
        if known and found.group().upper() == found.group() and _BIC_CONTEXT.search(near):
            yield Match("bic", found.start(), found.end(), value, 1)


def national_ids(text: str, country: str | None) -> Iterator[Match]:
    """Find national numbers; `country` (alpha-2) switches on the weak rules of that country."""
    for rule, pattern in _compiled():
        for found in pattern.finditer(text):
            value = re.sub(r"[^A-Za-z0-9]", "", found.group()).upper()
            if _believable(rule, found, text, country) and check_of(rule)(value):
                canonical = f"{rule.country}:{value}"
                weight = 3 if rule.country else 1
                yield Match("national_id", found.start(), found.end(), canonical, weight)


@cache
def _compiled() -> tuple[tuple[Rule, re.Pattern[str]], ...]:
    return tuple((rule, pattern_of(rule)) for rule in RULES)


def _believable(rule: Rule, found: re.Match[str], text: str, country: str | None) -> bool:
    if rule.strong or (rule.check and rule.country == country):
        return True
    before = text[max(0, found.start() - _WINDOW_BEFORE) : found.start()]
    after = text[found.end() : found.end() + _WINDOW_AFTER]
    return bool(_ID_CONTEXT.search(before) or _ID_CONTEXT.search(after))


def labelled(text: str) -> Iterator[Match]:
    """Find numbers right after a word that announces an identifier, valid or not; and birth dates."""
    for kind, least, pattern in _LABELLED:
        for found in pattern.finditer(text):
            value = _without_date(found.group(1))
            if len(digits(value)) >= least:
                canonical = re.sub(r"[^A-Za-z0-9]", "", value).upper()
                yield Match(kind, found.start(1), found.start(1) + len(value), canonical, 2)
    for found in _BIRTH.finditer(text):
        yield Match("birth_date", found.start(1), found.end(1), found.group(1).lower(), 1)


def _without_date(value: str) -> str:
    """Cut a value where a date follows or begins it: "id 12345678 2024-05-01"."""
    if _DATE_AHEAD.match(value):
        return ""
    for gap in re.finditer(r"[ ]", value):
        if _DATE_AHEAD.match(value, gap.end()):
            return value[: gap.start()]
    return value
