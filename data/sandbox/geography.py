"""Countries, and which of them a text names outright."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from data.sandbox.texts import ROOT


@dataclass(frozen=True, slots=True)
class Country:
    """One country. `locale` is a Faker locale in Latin script, or empty where `names` names a list."""

    code: str
    name: str
    currency: str
    langs: tuple[str, ...]
    locale: str
    names: str
    cities: tuple[str, ...]


@cache
def _raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "geography.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def countries() -> Mapping[str, Country]:
    """Return every known country by ISO 3166 alpha-2 code."""
    return {
        code: Country(
            code,
            entry["name"],
            entry["currency"],
            tuple(entry["langs"]),
            entry.get("locale", ""),
            entry.get("names", ""),
            tuple(entry.get("cities", ())),
        )
        for code, entry in _raw()["countries"].items()
    }


def country_name(code: str, lang: str) -> str:
    """Return the country's name in `lang` where known, else in English."""
    names: dict[str, dict[str, str]] = _raw()["country_names"]
    return names.get(lang, {}).get(code, countries()[code].name)


def bank_names(code: str) -> tuple[str, ...]:
    """Return banks that people in the country have."""
    return tuple(_raw()["banks"].get(code, ("HSBC", "Citibank", "Standard Chartered")))


def name_list(key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (given names, family names) of a curated list."""
    entry = _raw()["names"][key]
    return tuple(entry["given"]), tuple(entry["family"])


@cache
def _words() -> Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    """Return every outright word's (country, pattern), by its first one or two characters."""
    index: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for code, entry in _raw()["countries"].items():
        for word in _alternatives(entry["words"]):
            literal = re.match(r"[^\W_]*", word)
            start = literal.group(0) if literal else ""
            # A quantifier binds to the last literal letter, so that letter may be absent.
            if word[len(start) : len(start) + 1] in {"?", "*"}:
                start = start[:-1]
            pattern = re.compile(rf"(?:{word})(?![^\W_])")
            index.setdefault(start[:2], []).append((code, pattern))
    return {k: tuple(v) for k, v in index.items()}


def _alternatives(words: str) -> list[str]:
    """Split a regular expression at its top-level bars."""
    found, depth = [""], 0
    for char in words:
        depth += (char in "([") - (char in ")]")
        if char == "|" and not depth:
            found.append("")
        else:
            found[-1] += char
    return found


@cache
def _shared() -> tuple[re.Pattern[str], tuple[tuple[frozenset[str], re.Pattern[str]], ...]]:
    shared = _raw()["shared"]
    singles = tuple(
        (frozenset(codes), re.compile(rf"(?<!\w)(?:{words})(?=\W|\d|$)")) for words, codes in shared.items()
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(shared)})(?=\W|\d|$)"), singles


def named_countries(text: str) -> tuple[str, ...]:
    """Return the countries the text names outright, the most often named first (ties: first named)."""
    counts: Counter[str] = Counter()
    index = _words()
    for token in re.finditer(r"[^\W_]+", text):
        word, start = token.group(0), token.start()
        for code, pattern in (*index.get(word[:2], ()), *(index.get(word[:1], ()) if len(word) > 1 else ())):
            if pattern.match(text, start):
                counts[code] += 1
    return tuple(sorted(counts, key=lambda c: -counts[c]))


def fitting_countries(text: str, lang: str) -> tuple[frozenset[str], bool]:
    """Return the countries in which the text can have been written, and whether it names one outright.

    An outright mention decides (all countries named equally often at the top stay); several meanings
    of one word are settled by the text's language; then shared words (a currency, a scheme of several
    countries); then the language alone. English alone fits everywhere.
    """
    plain = re.sub(r"\{\{\w+\}\}", " ", text)
    speaking = frozenset(c for c, k in countries().items() if lang in k.langs)
    named = named_countries(plain)
    if named:
        fit = [c for c in named if c in speaking] if lang != "en" else list(named)
        return frozenset(fit[:1] or (speaking if lang != "en" else named[:1])), True
    anywhere = frozenset(countries()) if lang == "en" else speaking
    any_shared, singles = _shared()
    if any_shared.search(plain):
        for codes, pattern in singles:
            if pattern.search(plain) and codes & anywhere:
                return codes & anywhere, False
    return anywhere, False
