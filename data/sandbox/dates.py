"""Dates as people write them, and which pay date a text talks about."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta

from data.sandbox.clients import Client

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}
_WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "pt": "segunda terça quarta quinta sexta sábado domingo",
}
_TODAY = re.compile(
    r"(pay ?day|pay date|payday)[^.!?]{0,12}\b(is|was) today|today is (our |the )?pay ?day|due today"
    r"|paid today\b|pay (day|date) has come|(salar|wage)\w+ [^.!?]{0,30}\btoday|\btoday[^.!?]{0,12}\bpay ?day"
    r"|on {{pay_date}} and not one|it's now [^.]*{{pay_date}}|by today"
    r"|heute ist zahltag|aujourd'hui [^.]*pai",
    re.IGNORECASE,
)
_TOMORROW = re.compile(
    r"(paid|pay|pay ?day|pay date|payday|salar\w+|wages|payment)[^.!?]{0,40}\btomorrow"
    r"|tomorrow[^.!?]{0,25}(pay ?day|pay date|salar|paid|{{pay_date}})|{{pay_date}}[^.!?]{0,15}tomorrow"
    r"|tomorrow,? \(?{{pay_date}}|zahltag ist morgen|morgen [^.]*zahltag",
    re.IGNORECASE,
)
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven"]
_SPELLED = re.compile(
    r"pay ?(?:day|date)[^.!?]{0,25}\b(?:in|still) (two|three|four|five|[2-5]) (?:working )?days"
    r"|\b(two|three|four|five|[2-5]) (?:working )?days (?:to|before|until|away from)"
    r" (?:the )?pay ?(?:day|date)",
    re.IGNORECASE,
)
_FUTURE = re.compile(
    r"\b(until|till|by|before|from|starts?|starting|effective|as of|due|back on|return\w*|joins?|joining"
    r"|leaves|will|deadline|valid to|planned for|scheduled for|next|begins?|ends?|expires?|last day"
    r"|going live|go-live|ab|bis|zum|jusqu'au|à compter du|dès le|hasta el|a partir del?|fino al|até|tot|per)"
    r"\W*(the\W*)?$",
    re.IGNORECASE,
)
_PAY_SURELY_AHEAD = re.compile(
    r"\b(will|due|upcoming|next|planned|scheduled|tomorrow|to be paid|days off)\b", re.IGNORECASE
)
_PAY_AHEAD = re.compile(
    r"\b(before|still|until|for|by|goes|going|is|be paid|released for|ahead|in time)\b", re.IGNORECASE
)
_PAY_BEHIND = re.compile(
    r"\b(was|were|been|went|paid (ok )?on|got|received|since|arrived|passed|after|did|executed|came|last)\b",
    re.IGNORECASE,
)


def month_name(day: date, lang: str) -> str:
    """Return the month's name in `lang` (English where the language is unknown)."""
    return _MONTHS.get(lang, _MONTHS["en"]).split()[day.month - 1]


def pay_lag(text: str) -> int | None:
    """Return in how many days the text says outright that people are paid (0 today), if it does."""
    spelled = _SPELLED.search(text)
    if spelled:
        word = (spelled.group(1) or spelled.group(2)).lower()
        return int(word) if word.isdigit() else _NUMBERS.index(word)
    if _TOMORROW.search(text):
        return 2 if "day after tomorrow" in text.lower() else 1
    return 0 if _TODAY.search(text) else None


def pay_date(client: Client, day: date, lag: int | None, around: str, settled: bool) -> date:
    """Return the pay date meant by a text written on `day`.

    `lag`: what `pay_lag` found. Without it the words next to the slot (`around`) decide between the
    run ahead and the run behind, and `settled` (true for topics that follow a pay day) where they are
    silent.
    """
    if lag is not None:
        # Placement chose such a day where it could; else the text is about another pay group's run.
        return day + timedelta(days=lag)
    behind = not _PAY_SURELY_AHEAD.search(around) and (
        bool(_PAY_BEHIND.search(around)) or (settled and not _PAY_AHEAD.search(around))
    )
    return client.last_pay(day) if behind else client.next_pay(day + timedelta(days=1))


def date_near(day: date, before: str, rng: random.Random) -> date:
    """Draw a date that fits the words in front of its slot: ahead after `from`, `until`..., else past."""
    if _FUTURE.search(before):
        return day + timedelta(days=rng.randrange(2, 25))
    return day - timedelta(days=rng.randrange(1, 24))


def named_weekday(before: str, after: str, lang: str) -> int | None:
    """Return the weekday (0 = Monday) named right next to a date slot, if any."""
    names = _WEEKDAYS.get(lang, _WEEKDAYS["en"]).split()
    for words, pattern in ((before, r"(\w+)[,.]?\W{0,2}(?:the |den |le |el )?$"), (after, r"^\W{0,3}(\w+)")):
        match = re.search(pattern, words.lower())
        if match and match.group(1) in names:
            return names.index(match.group(1))
    return None


def on_weekday(day: date, weekday: int) -> date:
    """Return the date nearest to `day` that falls on `weekday` (earlier wins; at most 3 days away)."""
    shift = (weekday - day.weekday()) % 7
    return day + timedelta(days=shift if shift <= 3 else shift - 7)


def write_date(day: date, lang: str, country: str, style: int) -> str:
    """Write a date as people in `country` do in `lang`; `style` 0 words, 1 figures, 2 ISO."""
    month = month_name(day, lang)
    if style == 2:
        return day.isoformat()
    if country == "US" and lang == "en":
        return f"{month} {day.day}" if style == 0 else f"{day:%m/%d/%Y}"
    if lang == "de":
        return f"{day.day}. {month}" if style == 0 else f"{day:%d.%m.%Y}"
    if style == 0:
        joined = " de " if lang in {"es", "pt"} else " "
        return f"{day.day}{joined}{month}"
    return f"{day:%d/%m/%Y}" if lang != "nl" else f"{day:%d-%m-%Y}"
