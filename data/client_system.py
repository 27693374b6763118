"""The client-system interface: everything a pattern may look up, and the few things it may do.

Resolution patterns are checked against these two protocols, so what is not here cannot be written in a
pattern. There is deliberately nothing here that moves money, changes an account that pay goes to, changes
an address, a phone number, a second factor, a right or a record's identity, or shows one person's data to
another. Reads have no effect. Writes are idempotent: a second call with the same `key` changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NewType, Protocol

Client = NewType("Client", str)
"""A client's key."""
Country = NewType("Country", str)
"""ISO 3166 alpha-2."""
Person = NewType("Person", str)
"""Who somebody is in the client system; opaque, never shown in a reply."""
Month = NewType("Month", str)
"""YYYY-MM."""
Year = NewType("Year", str)
"""YYYY; a tax year carries the year it ends in."""
TicketRef = NewType("TicketRef", str)
Topic = NewType("Topic", str)
"""Words of the requester that name a line, file, report, claim, day or function. Never told back."""
Told = NewType("Told", str)
"""Text of the system that holds no personal data, amount or secret and may stand in a reply."""
Key = NewType("Key", str)
"""Names one operation; the same key never acts twice."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The requester, as far as the sender's address tells."""

    address_on_record: bool
    role: Literal["employee", "manager", "hr", "administrator", "leaver", "unknown"]


@dataclass(frozen=True, slots=True)
class Authority:
    """Whether the requester may be told about, and act for, an employee."""

    may_act: bool


@dataclass(frozen=True, slots=True)
class PayDates:
    """One month of one country's pay calendar. `passed`: the pay date is before today."""

    closes_on: date
    closes_at: Told
    pay_date: date
    passed: bool


@dataclass(frozen=True, slots=True)
class PayrollRun:
    """One month's run. `step` is its name as the client sees it."""

    stage: Literal["inputs", "calculation", "review", "approved", "paid", "closed"]
    step: Told
    next_step_on: date
    on_schedule: bool
    waits_for_client: bool
    bank_confirmed: bool


@dataclass(frozen=True, slots=True)
class Payslip:
    """One person's payslip of a month. `hold`: somebody still wants it held back."""

    status: Literal["none", "generated", "published"]
    hold: bool
    filed_under: Literal["current", "earlier"]
    file: Literal["sound", "damaged"]
    name_changed: bool
    group: Literal["published", "waiting", "unpublished"]


@dataclass(frozen=True, slots=True)
class PayslipArchive:
    """Whether all months asked for can be reached by the person, signed in as now."""

    sign_in: bool
    all_in_portal: bool


@dataclass(frozen=True, slots=True)
class YearEndForm:
    """One person's annual form. `expected_on`: the day by which the client wants to release."""

    status: Literal["none", "waiting_for_client", "published"]
    expected_on: date
    sign_in: bool


@dataclass(frozen=True, slots=True)
class Letters:
    """Who makes employment letters for the employing entity."""

    signing: Literal["self_service", "desk", "client"]


@dataclass(frozen=True, slots=True)
class Account:
    """A portal user."""

    sign_in: Literal["password", "single_sign_on"]
    status: Literal["active", "locked", "inactive", "suspended"]
    attempts_from: Literal["none", "own_devices", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A portal invitation. `goes_out_on`: of one that waits for the first working day."""

    status: Literal["none", "waiting", "sent", "expired", "used"]
    address_matches: bool
    goes_out_on: date | None


@dataclass(frozen=True, slots=True)
class LeaveAccount:
    """A person's leave account. `orphans`: deductions that belong to no request any more."""

    adds_up: bool
    orphans: Literal["none", "one", "several"]
    plan: Literal["fits", "default", "other"]
    transferred: bool


@dataclass(frozen=True, slots=True)
class LeaveRequest:
    """The person's newest undecided request, or what keeps one from being made."""

    state: Literal["none", "pending", "awaiting_system"]
    approver: Literal["active", "away", "gone", "none"]
    ghost_draft: bool


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day in the calendar that is linked to the person's work location."""

    in_country_calendar: bool
    in_own_calendar: bool
    observed_on: date | None


@dataclass(frozen=True, slots=True)
class ExpenseClaim:
    """An expense claim as payroll received it."""

    row: Literal["none", "accepted", "refused"]
    in_closed_run: bool
    pays_on: date | None


@dataclass(frozen=True, slots=True)
class PayslipLine:
    """A deduction line. `belongs`: the instruction behind it carries this person's number."""

    origin: Literal["statutory", "client", "recovery", "order", "unknown"]
    full_name: Told
    belongs: bool
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Upload:
    """The newest upload of a sheet."""

    result: Literal["accepted", "refused"]
    reason: Literal["none", "format", "version", "code", "checksum", "other"]
    template: Told


@dataclass(frozen=True, slots=True)
class Report:
    """A report, for one user."""

    found: bool
    role_allows: bool
    in_group: bool
    file: Literal["sound", "orphaned"]
    path: Told
    title: Told


@dataclass(frozen=True, slots=True)
class Device:
    """The person's newest app installation."""

    app: Literal["current", "outdated", "unsupported"]
    refresh: Literal["works", "refused"]
    crashes: bool
    fixed_in: Told


@dataclass(frozen=True, slots=True)
class Declaration:
    """A person's tax declaration of a year. `reopens_until`: the last day on which it may be reopened."""

    status: Literal["none", "draft", "under_review", "refused", "accepted"]
    window: Literal["open", "closed"]
    saved_in_time: bool
    closes_on: date
    counts_in: Month


@dataclass(frozen=True, slots=True)
class EarlierTicket:
    """An earlier ticket that the requester may see (`visible`); nothing else is told about others."""

    visible: bool
    state: Literal["open", "waiting_for_customer", "closed"]
    owned: bool
    next_word_on: date | None
    lost_answer: bool


@dataclass(frozen=True, slots=True)
class PersonalRecord:
    """Where a client's personal data is kept, and whether the newest change was refused."""

    led_by: Literal["portal", "hr_system"]
    last_change: Literal["none", "applied", "refused_postcode", "waiting"]


@dataclass(frozen=True, slots=True)
class HelpPage:
    """A page of the manual on one function; `allowed`: the person's role has the function."""

    found: bool
    allowed: bool
    path: Told
    title: Told


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did; `changed` is false if it was so already."""

    changed: bool


class Reads(Protocol):
    """Look-ups without effect. Raise `FirstlineError` when the client system does not answer."""

    def identity(self, person: Person) -> Identity: ...
    def authority(self, person: Person, employee: Person) -> Authority: ...
    def pay_calendar(self, client: Client, country: Country, month: Month) -> PayDates: ...
    def payroll_run(self, client: Client, country: Country, month: Month) -> PayrollRun: ...
    def payslip(self, person: Person, month: Month) -> Payslip: ...
    def payslip_archive(self, person: Person) -> PayslipArchive: ...
    def year_end_form(self, person: Person, year: Year) -> YearEndForm: ...
    def letters(self, person: Person) -> Letters: ...
    def account(self, person: Person) -> Account: ...
    def invitation(self, person: Person) -> Invitation: ...
    def leave_account(self, person: Person) -> LeaveAccount: ...
    def leave_request(self, person: Person) -> LeaveRequest: ...
    def holiday(self, person: Person, day: Topic) -> Holiday: ...
    def expense_claim(self, person: Person, claim: Topic) -> ExpenseClaim: ...
    def payslip_line(self, person: Person, month: Month, line: Topic) -> PayslipLine: ...
    def upload(self, person: Person) -> Upload: ...
    def report(self, person: Person, report: Topic) -> Report: ...
    def device(self, person: Person) -> Device: ...
    def declaration(self, person: Person, year: Year) -> Declaration: ...
    def earlier_ticket(self, person: Person, ticket: TicketRef) -> EarlierTicket: ...
    def personal_record(self, person: Person) -> PersonalRecord: ...
    def help_page(self, person: Person, function: Topic) -> HelpPage: ...


class Writes(Protocol):
    """Idempotent effects; what takes each of them back stands in `UNDO`."""

    def publish_payslip(self, key: Key, person: Person, month: Month) -> Done: ...
    def withdraw_payslip(self, key: Key, person: Person, month: Month) -> Done: ...
    def regenerate_payslip(self, key: Key, person: Person, month: Month) -> Done: ...
    def send_reset_link(self, key: Key, person: Person) -> Done: ...
    def cancel_reset_links(self, key: Key, person: Person) -> Done: ...
    def unlock_account(self, key: Key, person: Person) -> Done: ...
    def lock_account(self, key: Key, person: Person) -> Done: ...
    def resend_invitation(self, key: Key, person: Person) -> Done: ...
    def cancel_invitation(self, key: Key, person: Person) -> Done: ...
    def pass_leave_request_on(self, key: Key, person: Person) -> Done: ...
    def give_leave_request_back(self, key: Key, person: Person) -> Done: ...
    def hide_leave_draft(self, key: Key, person: Person) -> Done: ...
    def show_leave_draft(self, key: Key, person: Person) -> Done: ...
    def reverse_leave_orphan(self, key: Key, person: Person) -> Done: ...
    def restore_leave_orphan(self, key: Key, person: Person) -> Done: ...
    def reset_device(self, key: Key, person: Person) -> Done: ...
    def open_declaration(self, key: Key, person: Person, year: Year) -> Done: ...
    def close_declaration(self, key: Key, person: Person, year: Year) -> Done: ...
    def rebuild_report(self, key: Key, person: Person, report: Topic) -> Done: ...


class ClientSystem(Reads, Writes, Protocol):
    """A client system: the sandbox has one, the HTTP contract is another."""


UNDO: Mapping[str, str | None] = {
    "publish_payslip": "withdraw_payslip",
    "regenerate_payslip": None,  # the same document again, from the same closed run
    "send_reset_link": "cancel_reset_links",
    "unlock_account": "lock_account",
    "resend_invitation": "cancel_invitation",
    "pass_leave_request_on": "give_leave_request_back",
    "hide_leave_draft": "show_leave_draft",
    "reverse_leave_orphan": "restore_leave_orphan",
    "reset_device": None,  # the owner signs in once more
    "open_declaration": "close_declaration",
    "rebuild_report": None,  # made again from the approved run
}
"""What takes a write back, with the same arguments; `None`: it takes nothing away that could be lost."""
