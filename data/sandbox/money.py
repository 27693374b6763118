"""Amounts as people write them."""

from __future__ import annotations

import random

# Rough units of one euro; only the order of magnitude matters.
_PER_EURO: dict[str, float] = {
    "JPY": 160, "INR": 95, "KRW": 1500, "VND": 28000, "IDR": 18000, "HUF": 400, "CLP": 1000, "COP": 4300,
    "ARS": 1500, "CRC": 560, "NGN": 1700, "KES": 150, "UGX": 4200, "TZS": 2900, "LKR": 340, "PHP": 65,
    "THB": 37, "TWD": 35, "CZK": 25, "UAH": 48, "TRY": 45, "EGP": 55, "MXN": 21, "ZAR": 20, "RSD": 117,
    "SEK": 11, "NOK": 11.5, "DKK": 7.5, "CNY": 8, "HKD": 9, "MAD": 10.7, "GHS": 13, "BRL": 6.2, "PLN": 4.3,
    "RON": 5, "MYR": 5, "ILS": 4, "AED": 4, "SAR": 4, "QAR": 4, "PEN": 4, "KWD": 0.35, "BHD": 0.43,
    "OMR": 0.44, "JOD": 0.8,
}  # fmt: skip
_SIGNS = {"GBP": "£", "USD": "$", "AUD": "$", "CAD": "$", "NZD": "$"}
_COMMA = frozenset(("DE", "AT", "ES", "IT", "NL", "PT", "BR", "BE", "DK", "AR", "CO", "CL", "TR", "GR"))


def draw_amount(currency: str, rng: random.Random) -> float:
    """Draw an everyday payroll amount (about 40 to 4,000 euros), two decimals or none."""
    value: float = 40 * 100.0 ** rng.random() * _PER_EURO.get(currency, 1)
    if value >= 20_000 or rng.random() < 0.3:
        return float(round(value, -1))
    return round(value, 2)


def write_amount(value: float, country: str, currency: str, *, bare: bool) -> str:
    """Write an amount as in `country`; `bare` leaves the currency out (the text names it itself)."""
    figure = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    if country in _COMMA:
        figure = figure.translate(str.maketrans(",.", ".,"))
    elif country == "FR":
        figure = figure.translate(str.maketrans(",.", " ,"))
    elif country == "CH":
        figure = figure.replace(",", "'")
    if bare:
        return figure
    if currency in _SIGNS:
        return f"{_SIGNS[currency]}{figure}"
    if country in _COMMA or country == "FR":
        return f"{figure} {currency}"
    return f"{currency} {figure}"
