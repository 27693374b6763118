"""What the sandbox's client system knows before anybody changes it: drawn once per person and question.

The answer follows from the seed and the question alone, so every process sees the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from data import client_system as s
from data.sandbox.clients import Client
from data.sandbox.people import Employee

Role = Literal["employee", "manager", "hr", "administrator", "leaver", "unknown"]
_ROLES: Mapping[str, Role] = {
    "hr_admin": "hr",
    "payroll_manager": "administrator",
    "manager": "manager",
    "finance": "employee",
    "it": "employee",
    "employee": "employee",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A look-up about one person (`None` where it is about the client), on a day."""

    client: Client
    person: Employee | None
    arguments: Mapping[str, str]
    today: date
    rng: random.Random

    def often(self, usual: Any, *rare: Any, share: float = 0.7) -> Any:
        """Return the usual value in `share` of the cases, else one of the rare ones."""
        return usual if self.rng.random() < share else self.rng.choice(rare)


def identity(q: Question) -> s.Identity:
    """The address is on record exactly for the client's own people."""
    return s.Identity(q.person is not None, _ROLES.get(q.person.role, "employee") if q.person else "unknown")


def pay_calendar(q: Question) -> s.PayDates:
    """The month's dates from the client's calendar. Raises `LookupError` outside of it."""
    pay = _pay_date(q)
    cut = q.client.cut_off_for(pay)
    return s.PayDates(cut, s.Told("17:00"), pay, pay < q.today)


def payroll_run(q: Question) -> s.PayrollRun:
    """A run that stands where the calendar says; one in five is late or waits."""
    pay = _pay_date(q)
    cut, late = q.client.cut_off_for(pay), q.often(False, True, share=0.85)
    waits = q.often(False, True, share=0.85)
    if pay < q.today:
        return s.PayrollRun("paid", s.Told("Paid"), pay, True, False, True)
    if cut < q.today:
        return s.PayrollRun("review", s.Told("Review"), pay - timedelta(days=1), not late, waits, False)
    return s.PayrollRun("inputs", s.Told("Inputs"), cut, not late, waits, False)


def _pay_date(q: Question) -> date:
    if q.arguments["country"] not in q.client.countries:
        raise LookupError("the client has no payroll in that country")
    found = [d for d in q.client.pay_dates if d.strftime("%Y-%m") == q.arguments["month"]]
    if not found:
        raise LookupError("the calendar has no such month")
    return found[0]


def _payslip(q: Question) -> s.Payslip:
    status = q.often("published", "generated", "none")
    return s.Payslip(
        status=status,
        hold=status == "generated" and q.often(False, True, share=0.8),
        filed_under=q.often("current", "earlier", share=0.85),
        file=q.often("sound", "damaged", share=0.85),
        name_changed=q.often(False, True, share=0.9),
        group="published" if status == "published" else q.often("published", "waiting", "unpublished"),
    )


def _account(q: Question) -> s.Account:
    status = q.often("active", "locked", "locked", "inactive", "suspended", share=0.6)
    tried: Any = q.often("own_devices", "elsewhere", share=0.8) if status == "locked" else "none"
    return s.Account(q.often("password", "single_sign_on"), status, tried)


def _invitation(q: Question) -> s.Invitation:
    status = q.often("used", "sent", "expired", "waiting", share=0.4)
    goes = q.today + timedelta(days=3) if status == "waiting" else None
    return s.Invitation(status, q.often(True, False, share=0.9), goes)


def _leave_account(q: Question) -> s.LeaveAccount:
    orphans = q.often("none", "one", "one", "several")
    return s.LeaveAccount(orphans == "none", orphans, q.often("fits", "default", "other", share=0.85), False)


def _leave_request(q: Question) -> s.LeaveRequest:
    if q.often(False, True, share=0.8):
        return s.LeaveRequest("none", "active", True)
    return s.LeaveRequest("pending", q.often("active", "away", "gone", share=0.4), False)


def _year_end_form(q: Question) -> s.YearEndForm:
    day = date(int(q.arguments["year"]) + 1, 1, 31)
    status: Any = "none" if day > q.today + timedelta(days=60) else q.often("published", "waiting_for_client")
    return s.YearEndForm(status, day, q.often(True, False, share=0.9))


def _declaration(q: Question) -> s.Declaration:
    closes = date(int(q.arguments["year"]), 12, 10)
    status = q.often("draft", "under_review", "accepted", "none", share=0.5)
    window: Literal["open", "closed"] = "open" if q.today <= closes else "closed"
    return s.Declaration(status, window, q.often(True, False, share=0.8), closes, s.Month(f"{closes:%Y-%m}"))


def _holiday(q: Question) -> s.Holiday:
    there = q.often(True, False, share=0.8)
    return s.Holiday(there, there and q.often(True, False, share=0.5), None)


def _expense_claim(q: Question) -> s.ExpenseClaim:
    row = q.often("accepted", "none", "refused", share=0.6)
    pays = next((d for d in q.client.pay_dates if d > q.today), None) if row == "accepted" else None
    return s.ExpenseClaim(row, row == "accepted" and q.often(True, False, share=0.5), pays)


def _report(q: Question) -> s.Report:
    where = (s.Told("Reports > Payroll > Monthly"), s.Told("Monthly payroll overview"))
    role = q.often(True, False, share=0.85)
    return s.Report(True, role, q.often(True, False, share=0.9), q.often("sound", "orphaned"), *where)


def _earlier_ticket(q: Question) -> s.EarlierTicket:
    state = q.often("open", "waiting_for_customer", "closed", share=0.6)
    word = q.today + timedelta(days=2) if state == "open" else None
    return s.EarlierTicket(q.often(True, False, share=0.9), state, True, word, False)


DRAWS: Mapping[str, Callable[[Question], Any]] = {
    "identity": identity,
    "pay_calendar": pay_calendar,
    "payroll_run": payroll_run,
    "payslip": _payslip,
    "payslip_archive": lambda q: s.PayslipArchive(q.often(True, False, share=0.9), q.often(True, False)),
    "year_end_form": _year_end_form,
    "letters": lambda q: s.Letters(q.rng.choice(["self_service", "desk", "client"])),
    "account": _account,
    "invitation": _invitation,
    "leave_account": _leave_account,
    "leave_request": _leave_request,
    "holiday": _holiday,
    "expense_claim": _expense_claim,
    "payslip_line": lambda q: s.PayslipLine(
        q.often("statutory", "client", "recovery"), s.Told("Voluntary pension"), True, None
    ),
    "upload": lambda q: s.Upload(
        "refused",
        q.rng.choice(["format", "version", "code", "checksum", "other"]),
        s.Told("Hours template 2026"),
    ),
    "report": _report,
    "device": lambda q: s.Device(
        q.often("current", "outdated", "unsupported"),
        q.often("refused", "works", share=0.5),
        q.often(False, True),
        s.Told("5.4"),
    ),
    "declaration": _declaration,
    "earlier_ticket": _earlier_ticket,
    "personal_record": lambda q: s.PersonalRecord(
        q.often("portal", "hr_system", share=0.6), q.often("none", "applied", "refused_postcode", "waiting")
    ),
    "help_page": lambda q: s.HelpPage(
        True, q.often(True, False, share=0.85), s.Told("Help > Payroll > Basics"), s.Told("Payroll basics")
    ),
}
