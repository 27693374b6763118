"""The client-system interface by name: what every implementation shares is one look-up and one effect."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from data import client_system as s
from data.errors import FirstlineError

R = TypeVar("R")


class ClientSystemError(FirstlineError):
    """The client system cannot be used, or refuses a call. For a write this means: nothing was done."""

    title = "Client system not usable"


class UnavailableError(ClientSystemError):
    """It does not answer, or not us. A read may be tried again later; a write was not begun."""


class RefusedError(ClientSystemError):
    """It understood and does not do it: no record, another client's, its own rules. Nothing changed."""


class UncertainError(ClientSystemError):
    """A write was sent and its answer was lost: it may have happened. The same key asks again."""


@cache
def read_types() -> Mapping[str, type]:
    """Return what each look-up returns, by its name."""
    return {name: hints["return"] for name, hints in _signatures(s.Reads).items()}


@cache
def arguments() -> Mapping[str, frozenset[str]]:
    """Return the arguments of every call by its name; the key of a write is none."""
    calls = {**_signatures(s.Reads), **_signatures(s.Writes)}
    return {name: frozenset(hints) - {"return", "key"} for name, hints in calls.items()}


@cache
def write_names() -> frozenset[str]:
    """Return the names of the effects, with those that only take back."""
    return frozenset(_signatures(s.Writes))


def _signatures(protocol: type) -> dict[str, dict[str, Any]]:
    members = inspect.getmembers(protocol, inspect.isfunction)
    return {name: get_type_hints(f) for name, f in members if not name.startswith("_")}


class ByName(ABC):
    """Every call of `ClientSystem`, led to `read` and `write`."""

    @abstractmethod
    def read(self, name: str, result: type[R], arguments: Mapping[str, str]) -> R:
        """Look up. Raises `ClientSystemError`."""

    @abstractmethod
    def write(self, name: str, key: s.Key, arguments: Mapping[str, str]) -> s.Done:
        """Have the effect once per `key`. Raises `ClientSystemError`, `UncertainError`."""

    def identity(self, person: s.Person) -> s.Identity:
        return self.read("identity", s.Identity, {"person": person})

    def authority(self, person: s.Person, employee: s.Person) -> s.Authority:
        return self.read("authority", s.Authority, {"person": person, "employee": employee})

    def pay_calendar(self, client: s.Client, country: s.Country, month: s.Month) -> s.PayDates:
        return self.read("pay_calendar", s.PayDates, {"client": client, "country": country, "month": month})

    def payroll_run(self, client: s.Client, country: s.Country, month: s.Month) -> s.PayrollRun:
        return self.read("payroll_run", s.PayrollRun, {"client": client, "country": country, "month": month})

    def payslip(self, person: s.Person, month: s.Month) -> s.Payslip:
        return self.read("payslip", s.Payslip, {"person": person, "month": month})

    def payslip_archive(self, person: s.Person) -> s.PayslipArchive:
        return self.read("payslip_archive", s.PayslipArchive, {"person": person})

    def year_end_form(self, person: s.Person, year: s.Year) -> s.YearEndForm:
        return self.read("year_end_form", s.YearEndForm, {"person": person, "year": year})

    def letters(self, person: s.Person) -> s.Letters:
        return self.read("letters", s.Letters, {"person": person})

    def account(self, person: s.Person) -> s.Account:
        return self.read("account", s.Account, {"person": person})

    def invitation(self, person: s.Person) -> s.Invitation:
        return self.read("invitation", s.Invitation, {"person": person})

    def leave_account(self, person: s.Person) -> s.LeaveAccount:
        return self.read("leave_account", s.LeaveAccount, {"person": person})

    def leave_request(self, person: s.Person) -> s.LeaveRequest:
        return self.read("leave_request", s.LeaveRequest, {"person": person})

    def holiday(self, person: s.Person, day: s.Topic) -> s.Holiday:
        return self.read("holiday", s.Holiday, {"person": person, "day": day})

    def expense_claim(self, person: s.Person, claim: s.Topic) -> s.ExpenseClaim:
        return self.read("expense_claim", s.ExpenseClaim, {"person": person, "claim": claim})

    def payslip_line(self, person: s.Person, month: s.Month, line: s.Topic) -> s.PayslipLine:
        return self.read("payslip_line", s.PayslipLine, {"person": person, "month": month, "line": line})

    def upload(self, person: s.Person) -> s.Upload:
        return self.read("upload", s.Upload, {"person": person})

    def report(self, person: s.Person, report: s.Topic) -> s.Report:
        return self.read("report", s.Report, {"person": person, "report": report})

    def device(self, person: s.Person) -> s.Device:
        return self.read("device", s.Device, {"person": person})

    def declaration(self, person: s.Person, year: s.Year) -> s.Declaration:
        return self.read("declaration", s.Declaration, {"person": person, "year": year})

    def earlier_ticket(self, person: s.Person, ticket: s.TicketRef) -> s.EarlierTicket:
        return self.read("earlier_ticket", s.EarlierTicket, {"person": person, "ticket": ticket})

    def personal_record(self, person: s.Person) -> s.PersonalRecord:
        return self.read("personal_record", s.PersonalRecord, {"person": person})

    def help_page(self, person: s.Person, function: s.Topic) -> s.HelpPage:
        return self.read("help_page", s.HelpPage, {"person": person, "function": function})

    def publish_payslip(self, key: s.Key, person: s.Person, month: s.Month) -> s.Done:
        return self.write("publish_payslip", key, {"person": person, "month": month})

    def withdraw_payslip(self, key: s.Key, person: s.Person, month: s.Month) -> s.Done:
        return self.write("withdraw_payslip", key, {"person": person, "month": month})

    def regenerate_payslip(self, key: s.Key, person: s.Person, month: s.Month) -> s.Done:
        return self.write("regenerate_payslip", key, {"person": person, "month": month})

    def send_reset_link(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("send_reset_link", key, {"person": person})

    def cancel_reset_links(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("cancel_reset_links", key, {"person": person})

    def unlock_account(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("unlock_account", key, {"person": person})

    def lock_account(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("lock_account", key, {"person": person})

    def resend_invitation(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("resend_invitation", key, {"person": person})

    def cancel_invitation(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("cancel_invitation", key, {"person": person})

    def pass_leave_request_on(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("pass_leave_request_on", key, {"person": person})

    def give_leave_request_back(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("give_leave_request_back", key, {"person": person})

    def hide_leave_draft(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("hide_leave_draft", key, {"person": person})

    def show_leave_draft(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("show_leave_draft", key, {"person": person})

    def reverse_leave_orphan(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("reverse_leave_orphan", key, {"person": person})

    def restore_leave_orphan(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("restore_leave_orphan", key, {"person": person})

    def reset_device(self, key: s.Key, person: s.Person) -> s.Done:
        return self.write("reset_device", key, {"person": person})

    def open_declaration(self, key: s.Key, person: s.Person, year: s.Year) -> s.Done:
        return self.write("open_declaration", key, {"person": person, "year": year})

    def close_declaration(self, key: s.Key, person: s.Person, year: s.Year) -> s.Done:
        return self.write("close_declaration", key, {"person": person, "year": year})

    def rebuild_report(self, key: s.Key, person: s.Person, report: s.Topic) -> s.Done:
        return self.write("rebuild_report", key, {"person": person, "report": report})
