"""Client companies: where they operate, when they pay, how soon they want an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import holidays
import yaml

from data.errors import SettingsError
from data.sandbox.geography import countries
from data.sandbox.texts import ROOT
from data.taxonomy import PRIORITIES

MIN_CLIENTS = 4
_NUMBER_SHAPES = ("{key}-{n}", "{k}00{n}", "{key}{n}", "{k}-{n}-0")


@dataclass(frozen=True)
class Client:
    """One client. `pay_dates` and `cut_offs` are parallel, one entry per month, ascending."""

    key: str
    name: str
    country: str
    currency: str
    lang: str
    headcount: int
    domain: str
    countries: tuple[str, ...]
    pay_dates: tuple[date, ...]
    cut_offs: tuple[date, ...]
    sla_hours: Mapping[str, int]
    number_shape: str

    def employee_number(self, number: int) -> str:
        """Return an employee id in the client's own shape."""
        return self.number_shape.format(key=self.key[:3].upper(), k=self.key[0].upper(), n=number)

    def next_pay(self, day: date) -> date:
        """Return the first pay date on or after `day`."""
        return next(p for p in self.pay_dates if p >= day)

    def last_pay(self, day: date) -> date:
        """Return the last pay date on or before `day`."""
        return next(p for p in reversed(self.pay_dates) if p <= day)

    def cut_off_for(self, pay_date: date) -> date:
        """Return the cut-off of the run paid on `pay_date`."""
        return self.cut_offs[self.pay_dates.index(pay_date)]


def load_clients(count: int, first: date, last: date) -> tuple[Client, ...]:
    """Return the first `count` clients with calendars that reach two months beyond `first`..`last`.

    Raises `SettingsError` unless 4 <= count <= the number of clients in `clients.yaml`: fewer would not
    operate in every country the texts name.
    """
    entries = yaml.safe_load((ROOT / "clients.yaml").read_text(encoding="utf-8"))["clients"]
    if not MIN_CLIENTS <= count <= len(entries):
        raise SettingsError(
            f"The sandbox has between {MIN_CLIENTS} and {len(entries)} clients, not {count}.",
            remedy=f"Pass --clients with a number from {MIN_CLIENTS} to {len(entries)}.",
        )
    months = _months(first - timedelta(days=62), last + timedelta(days=62))
    return tuple(
        _client(e, _NUMBER_SHAPES[i % len(_NUMBER_SHAPES)], months) for i, e in enumerate(entries[:count])
    )


def _client(entry: dict[str, Any], shape: str, months: list[date]) -> Client:
    home = countries()[entry["home"]]
    closed = holidays.country_holidays(entry["home"], years=sorted({m.year for m in months}))
    pay_dates = tuple(_pay_date(m, entry["pay"], closed) for m in months)
    return Client(
        key=entry["key"],
        name=entry["name"],
        country=entry["home"],
        currency=home.currency,
        lang=home.langs[0],
        headcount=entry["headcount"],
        domain=entry["domain"],
        countries=tuple(entry["countries"]),
        pay_dates=pay_dates,
        cut_offs=tuple(_back(p, entry["cutoff_days"], closed) for p in pay_dates),
        sla_hours=dict(zip(PRIORITIES, entry["sla_hours"], strict=True)),
        number_shape=shape,
    )


def _months(first: date, last: date) -> list[date]:
    found = [first.replace(day=1)]
    while found[-1] < last.replace(day=1):
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def _pay_date(month: date, rule: int | str, closed: Any) -> date:
    following = (month + timedelta(days=32)).replace(day=1)
    day = following - timedelta(days=1) if rule == "last-working-day" else month.replace(day=int(rule))
    while not _works(day, closed):
        day -= timedelta(days=1)
    return day


def _back(day: date, working_days: int, closed: Any) -> date:
    while working_days:
        day -= timedelta(days=1)
        working_days -= _works(day, closed)
    return day


def _works(day: date, closed: Any) -> bool:
    return day.weekday() < 5 and day not in closed
