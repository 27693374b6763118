"""National identifiers: one row per kind of number, checked by its own rules.

A row is `strong` where shape and checksum together leave little room for accident. Other rows count only
near a word that announces an identifier or, if they have a checksum, in tickets of their country.
Checks come from python-stdnum; the few that it lacks are below with their source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One national number: where it is used, what it looks like, how it is checked."""

    country: str
    name: str
    shape: str
    check: str
    """A python-stdnum module below `stdnum.`, a name in `_OWN`, or empty where there is no checksum."""
    strong: bool = False


_S = r"[ .\-/]?"
RULES: tuple[Rule, ...] = (
    Rule("GB", "nino", rf"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]{_S}\d\d{_S}\d\d{_S}\d\d{_S}[A-D]", "", True),
    Rule("GB", "nhs", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{4}}", "gb.nhs"),
    Rule("GB", "utr", r"\d{5} ?\d{5}", "gb.utr"),
    Rule("US", "ssn", r"\d{3}-\d\d-\d{4}", "us.ssn", True),
    Rule("US", "itin", r"9\d\d-[5-9]\d-\d{4}", "us.itin", True),
    Rule("US", "ssn", r"\d{3} ?\d\d ?\d{4}", ""),
    Rule("CA", "sin", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{3}}", "ca.sin"),
    Rule("DE", "idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr"),
    Rule("DE", "svnr", rf"\d\d{_S}\d{{6}}{_S}[A-Z]{_S}\d{{3}}", "", True),
    Rule("AT", "vnr", r"\d{4}[ \-/]?\d{6}", "at.vnr"),
    Rule("CH", "ahv", r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d", "ch.ssn", True),
    Rule("ES", "dni", rf"\d{{2}}\.?\d{{3}}\.?\d{{3}}{_S}[A-Z]", "es.dni", True),
    Rule("ES", "nie", rf"[XYZ]{_S}\d{{7}}{_S}[A-Z]", "es.nie", True),
    Rule("ES", "nss", rf"\d\d{_S}\d{{7,8}}{_S}\d\d", "own.es_nss"),
    Rule("FR", "nir", r"[12][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}(?:[ .]?\d\d)?",
         "fr.nir", True),
    Rule("FR", "nif", r"[0-3]\d ?\d\d ?\d{3} ?\d{3} ?\d{3}", "fr.nif"),
    Rule("NL", "bsn", r"\d{3}[. ]?\d\d[. ]?\d{4}|\d{4}[. ]?\d\d[. ]?\d{3}", "nl.bsn"),
    Rule("BE", "nn", r"\d\d\.?\d\d\.?\d\d[- ]?\d{3}[. ]?\d\d", "be.nn", True),
    Rule("IT", "cf",
         r"[A-Z]{3} ?[A-Z]{3} ?[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2} ?[A-Z][0-9L-NP-V]{3}[A-Z]",
         "it.codicefiscale", True),
    Rule("PT", "nif", r"[1-9]\d\d ?\d{3} ?\d{3}", "pt.nif"),
    Rule("PT", "niss", r"[12]\d{10}", "own.pt_niss"),
    Rule("IE", "pps", r"\d{7} ?[A-W][A-IW]?", "ie.pps", True),
    Rule("PL", "pesel", r"\d{11}", "pl.pesel"),
    Rule("PL", "nip", r"\d{3}-?\d{3}-?\d\d-?\d\d|\d{3}-\d\d-\d\d-\d{3}", "pl.nip"),
    Rule("CZ", "rc", r"\d{6}/?\d{3,4}", "cz.rc"),
    Rule("SK", "rc", r"\d{6}/?\d{3,4}", "sk.rc"),
    Rule("RO", "cnp", r"[1-9]\d{12}", "ro.cnp", True),
    Rule("BG", "egn", r"\d{10}", "bg.egn"),
    Rule("GR", "amka", r"\d{11}", "gr.amka"),
    Rule("HU", "taj", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "own.hu_taj"),
    Rule("HR", "oib", r"\d{11}", "hr.oib"),
    Rule("SE", "pnr", r"(?:19|20)?\d{6}[-+ ]?\d{4}", "se.personnummer"),
    Rule("DK", "cpr", r"\d{6}-?\d{4}", "dk.cpr"),
    Rule("NO", "fnr", r"\d{6} ?\d{5}", "no.fodselsnummer"),
    Rule("FI", "hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", "fi.hetu", True),
    Rule("EE", "ik", r"[1-8]\d{10}", "ee.ik"),
    Rule("LT", "asmens", r"[1-8]\d{10}", "lt.asmens"),
    Rule("TR", "tckn", r"[1-9]\d{10}", "tr.tckimlik"),
    Rule("IL", "idnr", r"\d{9}", "il.idnr"),
    Rule("ZA", "idnr", r"\d{6} ?\d{4} ?\d{2} ?\d", "za.idnr", True),
    Rule("EG", "nid", r"[23]\d{13}", "own.eg_nid", True),
    Rule("AE", "eid", r"784[- ]?\d{4}[- ]?\d{7}[- ]?\d", "own.emirates_id", True),
    Rule("SA", "iqama", r"[12]\d{9}", "own.luhn"),
    Rule("IN", "pan", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "", True),
    Rule("IN", "aadhaar", r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}", "in_.aadhaar", True),
    Rule("IN", "aadhaar", r"[2-9]\d{11}", "in_.aadhaar"),
    Rule("IN", "uan", r"10\d{10}", ""),
    Rule("SG", "nric", r"[STFGM]\d{7}[A-Z]", "", True),
    Rule("MY", "nric", r"\d{6}-?\d\d-?\d{4}", "my.nric"),
    Rule("HK", "hkid", r"[A-Z]{1,2}\d{6} ?\(?[0-9A]\)?", "own.hkid", True),
    Rule("PH", "sss", r"\d\d-\d{7}-\d", "", True),
    Rule("PH", "philhealth", r"\d\d-\d{9}-\d", "", True),
    Rule("PH", "tin", r"\d{3}-\d{3}-\d{3}(?:-\d{3,5})?", "", True),
    Rule("PH", "pagibig", r"\d{4}[- ]\d{4}[- ]\d{4}", ""),
    Rule("ID", "nik", r"\d{16}", "id.nik"),
    Rule("TH", "pin", r"\d[- ]?\d{4}[- ]?\d{5}[- ]?\d\d[- ]?\d", "th.pin", True),
    Rule("CN", "ric", r"\d{17}[0-9X]", "cn.ric", True),
    Rule("KR", "rrn", r"\d{6}-?[1-8]\d{6}", "kr.rrn"),
    Rule("JP", "mynumber", r"\d{4}[ -]?\d{4}[ -]?\d{4}", "jp.in_"),
    Rule("AU", "tfn", r"\d{3} ?\d{3} ?\d{2,3}", "au.tfn"),
    Rule("NZ", "ird", r"\d{2,3}-?\d{3}-?\d{3}", "nz.ird"),
    Rule("BR", "cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", True),
    Rule("BR", "cpf", r"\d{11}", "br.cpf"),
    Rule("MX", "curp", r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d", "mx.curp", True),
    Rule("MX", "rfc", r"[A-Z&Ñ]{4} ?\d{6} ?[0-9A-Z]{3}", "mx.rfc", True),
    Rule("AR", "cuit", r"\d\d-?\d{8}-?\d", "ar.cuit"),
    Rule("CL", "rut", r"\d{1,2}\.?\d{3}\.?\d{3}-[0-9K]", "cl.rut", True),
    Rule("PE", "cui", r"\d{8}", ""),
    Rule("KE", "pin", r"A\d{9}[A-Z]", "", True),
    Rule("NG", "nin", r"\d{11}", ""),
    # Any country without a rule of its own: only beside a word for an identifier.
    Rule("", "other", r"\d{8,14}", ""),
    # A bare run of ten digits or more in a payroll ticket is somebody's number, unless it begins as a date.
    Rule("", "long", r"(?!(?:19|20)\d\d[01]\d[0-3]\d)\d{10,16}", "", True),
    Rule("PK", "cnic", r"\d{5}-\d{7}-\d", "", True),
)  # fmt: skip


def digits(text: str) -> str:
    """Return the decimal digits of `text`."""
    return "".join(c for c in text if c.isdecimal())


def luhn(text: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1 annex B) over the digits of `text`."""
    total = 0
    for i, c in enumerate(reversed(digits(text))):
        d = int(c) * (1 + i % 2)
        total += d - 9 if d > 9 else d
    return total % 10 == 0


def _es_nss(text: str) -> bool:
    # Spanish social-security affiliation number: province, serial, then both modulo 97.
    number = digits(text)
    return int(number[:-2]) % 97 == int(number[-2:])


def _pt_niss(text: str) -> bool:
    # Portuguese NISS: primes as weights, 9 - (sum mod 10).
    primes = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
    return 9 - sum(int(c) * p for c, p in zip(text, primes, strict=False)) % 10 == int(text[10])


def _hu_taj(text: str) -> bool:
    # Hungarian TAJ: weights 3 and 7 in turn, modulo 10.
    number = digits(text)
    return sum(int(c) * (3, 7)[i % 2] for i, c in enumerate(number[:8])) % 10 == int(number[8])


def _eg_nid(text: str) -> bool:
    # Egyptian national id: century, then a birth date.
    return 1 <= int(text[3:5]) <= 12 and 1 <= int(text[5:7]) <= 31


def _emirates_id(text: str) -> bool:
    # Issued numbers are known to break Luhn now and then; 784 and a birth year identify it enough.
    return 1900 <= int(digits(text)[3:7]) <= 2100


def _hkid(text: str) -> bool:
    # Hong Kong identity card: letters as 10..35 (space 36), weights 9..1, modulo 11.
    bare = re.sub(r"[^0-9A-Z]", "", text).rjust(9)
    values = [36 if c == " " else int(c, 36) for c in bare]
    return sum(v * w for v, w in zip(values, range(9, 0, -1), strict=True)) % 11 == 0


_OWN: dict[str, Check] = {
    "own.luhn": luhn,
    "own.es_nss": _es_nss,
    "own.pt_niss": _pt_niss,
    "own.hu_taj": _hu_taj,
    "own.eg_nid": _eg_nid,
    "own.emirates_id": _emirates_id,
    "own.hkid": _hkid,
}


@cache
def check_of(rule: Rule) -> Check:
    """Return the rule's checksum test; always true where the number has none."""
    if not rule.check:
        return lambda _text: True
    if rule.check in _OWN:
        return _OWN[rule.check]
    is_valid = import_module(f"stdnum.{rule.check}").is_valid

    def check(text: str) -> bool:
        try:
            return bool(is_valid(text))
        except (LookupError, ValueError, TypeError):
            # Some checks stumble over parts their tables lack (cn.ric: an unknown county). In doubt it is
            # somebody's number.
            return True

    return check


def pattern_of(rule: Rule) -> re.Pattern[str]:
    """Return the compiled shape, not touching letters or digits on either side."""
    return re.compile(rf"(?<![A-Za-z0-9])(?:{rule.shape})(?![A-Za-z0-9])", re.IGNORECASE)
