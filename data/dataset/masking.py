"""What two copies of one text share: everything but the values filled in."""

from __future__ import annotations

import re

from data.redact.span import Redaction

_MAX_CHARS = 4000
_MONTHS = (
    "january february march april may june july august september october november december jan feb"
    " mar apr jun jul aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember"
    " janvier février mars avril juin juillet août septembre octobre novembre décembre enero febrero"
    " marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio"
    " aprile maggio giugno luglio settembre ottobre dicembre janeiro fevereiro março maio junho julho"
    " setembro outubro novembro dezembro januari februari maart mei augustus styczeń luty marzec"
    " kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień"
)
_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag"
    " freitag samstag sonntag lundi mardi mercredi jeudi vendredi lunes martes miércoles jueves"
    " viernes"
)
_CURRENCIES = (
    "eur usd gbp chf inr sgd php myr aed sar pln czk sek nok dkk ron huf brl mxn cad aud nzd hkd jpy"
    " cny thb idr zar kes ngn egp mad try ils ars clp cop pen vnd krw twd lkr qar kwd omr bhd jod ghs"
    " ugx tzs crc rsd bgn"
)
_FILLED = re.compile(
    r"\b(?:(?P<month>" + "|".join(_MONTHS.split()) + r")|(?P<day>" + "|".join(_DAYS.split()) + r")"
    r"|(?P<currency>" + "|".join(_CURRENCIES.split()) + r"))\b"
)
_SYMBOL = re.compile(r"[€$£¥₹₱]")
_NUMBER = re.compile(r"\d+(?:[.,:/\-]\d+)*")
_AMOUNT = re.compile(r"(?:currency )*0(?: 0)*(?: currency)*\b")
_SPACES = re.compile(r"\s+")


def masked(original: str, redaction: Redaction) -> str:
    """Return `original` in lower case with personal values, numbers, months, days and currencies masked.

    Spans are masked by their kind, not by their stand-in, so that the result is free of chance.
    """
    pieces, done = [], 0
    for span in redaction.spans:
        pieces += [original[done : span.start], f" {span.kind} "]
        done = span.end
    pieces.append(original[done:])
    text = _SPACES.sub(" ", "".join(pieces).lower()).strip()[:_MAX_CHARS]
    text = _FILLED.sub(lambda m: str(m.lastgroup), text)
    text = _NUMBER.sub("0", _SYMBOL.sub(" currency ", text))
    # "EUR 1 250" and "1.250 EUR" are the same amount written in two places.
    return _AMOUNT.sub("0", _SPACES.sub(" ", text))
