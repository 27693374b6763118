"""Facts in a ticket's texts: months, years, ticket numbers. Pure.

A text that names two months names none: it is better to ask than to guess. What only the requester's own
words can name (a line, a report, a claim) is taken from the answer to our question, never from the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from kb.vocabulary import ASKED

MOST_TOPIC = 200
TOPICS = ("line", "claim", "report", "day", "function")
_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_NUMBERED = re.compile(r"(?<![\d-])(20\d\d)[-/](0[1-9]|1[0-2])(?![\d-])")
_NAMED = re.compile(
    r"\b(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?(?:[\s,]+(20\d\d)\b)?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\d-])(20\d\d)(?![\d-])")
_REFERENCE = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-[1-9]\d{0,8}\b")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_GAPS = re.compile(r"\W+")
_COUNTRY = re.compile(r"\b[A-Z]{2}\b")


def from_ticket(text: str, written: date) -> dict[str, str]:
    """Return what a ticket's own text says for certain. `written`: the day it was filed."""
    found: dict[str, str | None] = {
        "month": month_in(text, written),
        "ticket_ref": _only(_REFERENCE.findall(text)),
        "year": _only(_YEAR.findall(text)),
    }
    return {name: value for name, value in found.items() if value is not None}


def from_answer(
    text: str, asked: tuple[str, ...], written: date, countries: Mapping[str, str]
) -> dict[str, str]:
    """Return what an answer says of the facts `asked`. `countries`: word -> code, words without capitals."""
    known = from_ticket(text, written)
    found: dict[str, str | None] = {f: known.get(f) for f in asked}
    words = " ".join(text.split())[:MOST_TOPIC]
    for fact in asked:
        if fact == "country":
            found[fact] = _country_in(text, countries)
        elif fact == "employee":
            found[fact] = _only(_ADDRESS.findall(text))
        elif fact in TOPICS:
            found[fact] = words or None
    return {name: value for name, value in found.items() if value is not None and name in ASKED}


def month_in(text: str, written: date) -> str | None:
    """Return the one month that a text names, `YYYY-MM`; without a year the last one, or the coming one."""
    found = {f"{year}-{month}" for year, month in _NUMBERED.findall(text)}
    for name, year in _NAMED.findall(text):
        if name.islower() and name == "may":  # a verb far more often than a month
            continue
        number = next(n for n, full in enumerate(_NAMES, start=1) if full.startswith(name.lower()[:3]))
        found.add(f"{year or _year_of(number, written)}-{number:02d}")
    return found.pop() if len(found) == 1 else None


def _year_of(month: int, written: date) -> int:
    """The coming month may be meant; any later one is last year's."""
    ahead = (month - written.month) % 12
    if ahead <= 1:
        return written.year + (1 if month < written.month else 0)
    return written.year - (1 if month > written.month else 0)


def _country_in(text: str, countries: Mapping[str, str]) -> str | None:
    flat = f" {_GAPS.sub(' ', text.casefold())} "
    named = {code for word, code in countries.items() if len(word) > 2 and f" {word} " in flat}
    coded = {code for code in _COUNTRY.findall(text) if code in countries.values()}
    return _only(sorted(named or coded))


def _only(found: list[str]) -> str | None:
    distinct = set(found)
    return distinct.pop() if len(distinct) == 1 else None
