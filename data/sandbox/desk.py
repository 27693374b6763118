"""The provider's own desk: agents per team, what they mistake for what, and the releases."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.sandbox.geography import countries
from data.sandbox.people import NameSource, mail_name
from data.sandbox.texts import Family, RootCause, load_root_causes
from data.taxonomy import OUT_OF_SCOPE, PRIORITIES, Taxonomy

AGENTS_PER_TEAM, ENGINEERS, REVIEWERS = 6, 5, 3
LABEL_SLIP, BORDER_SLIP, PRIORITY_SLIP = 0.066, 0.13, 0.06
_DOMAIN = "firstline-desk.example"
# Neighbours across categories that agents really mix up (within a category everything is near).
_CONFUSED = {
    "payslip_missing": ("notification_not_sent", "report_access_or_missing"),
    "net_pay_incorrect": ("tax_code_or_withholding_wrong", "deduction_unexplained", "retro_pay_query"),
    "salary_not_received": ("payment_rejected_by_bank", "cutoff_or_pay_date_question"),
    "payment_rejected_by_bank": ("salary_not_received", "bank_details_change"),
    "end_of_service_settlement": ("termination_processing", "proration_joiner_leaver"),
    "termination_processing": ("end_of_service_settlement", "proration_joiner_leaver"),
    "proration_joiner_leaver": ("new_hire_setup", "net_pay_incorrect"),
    "duplicate_employee_record": ("hris_sync_failed", "new_hire_setup"),
    "leave_request_stuck": ("approval_workflow_stuck", "leave_balance_incorrect"),
    "approval_workflow_stuck": ("leave_request_stuck", "role_or_permission_request"),
    "notification_not_sent": ("invitation_not_received", "payslip_missing"),
    "invitation_not_received": ("notification_not_sent", "account_locked_or_inactive"),
    "report_totals_wrong": ("gl_export_mismatch", "year_end_reconciliation_mismatch"),
    "gl_export_mismatch": ("report_totals_wrong", "scheduled_export_missing"),
    "scheduled_export_missing": ("sftp_file_not_picked_up", "report_export_timeout"),
    "timesheet_import_failed": ("import_template_error", "sftp_file_not_picked_up"),
    "year_end_form_request": ("payslip_copy_request", "tax_code_or_withholding_wrong"),
    "payroll_status_check": ("cutoff_or_pay_date_question", "ticket_status_check"),
    "how_to_or_training_request": ("feature_request", "custom_report_request"),
    "audit_or_retention_request": ("custom_report_request", "data_subject_request"),
    OUT_OF_SCOPE: ("feature_request", "phishing_or_fraud_suspected", "invoice_or_fee_question"),
}


@dataclass(frozen=True, slots=True)
class Agent:
    """A person of the desk."""

    login: str
    name: str
    email: str
    team: str
    role: str


@dataclass(frozen=True)
class Desk:
    """Everyone at the desk. `agents` by team; engineers close root causes; reviewers audit."""

    agents: Mapping[str, tuple[Agent, ...]]
    engineers: tuple[Agent, ...]
    reviewers: tuple[Agent, ...]

    @property
    def everyone(self) -> tuple[Agent, ...]:
        return (*(a for team in self.agents.values() for a in team), *self.engineers, *self.reviewers)


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect shipped with a release: tickets of `issue_type` pile up for a few days."""

    release: str
    issue_type: str
    start: datetime
    days: int
    cause: RootCause


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the product, and what it broke."""

    name: str
    at: datetime
    faults: tuple[Fault, ...]


def build_desk(taxonomy: Taxonomy, names: NameSource, rng: random.Random) -> Desk:
    """Draw the roster; logins are unique."""
    taken: set[str] = set()

    def hire(team: str, role: str) -> Agent:
        while True:
            code = rng.choice(("GB", "IE", "PT", "PL", "IN", "PH", "KE"))
            name = names.name(countries()[code], rng)
            login = mail_name(name)
            if login not in taken:
                taken.add(login)
                return Agent(login, name, f"{login}@{_DOMAIN}", team, role)

    agents = {t: tuple(hire(t, "agent") for _ in range(AGENTS_PER_TEAM)) for t in taxonomy.teams}
    engineers = tuple(hire("engineering", "engineer") for _ in range(ENGINEERS))
    return Desk(agents, engineers, tuple(hire("quality", "reviewer") for _ in range(REVIEWERS)))


def build_releases(
    first: datetime, last: datetime, taxonomy: Taxonomy, rng: random.Random
) -> tuple[Release, ...]:
    """Draw a release about every 17 days; each breaks up to two things that L3 must mend."""
    causes = load_root_causes()
    breakable = [t.key for t in taxonomy.issue_types.values() if t.tier in {"L2", "L3"} and t.key in causes]
    weights = [3 if taxonomy.issue_types[k].tier == "L3" else 1 for k in breakable]
    found: list[Release] = []
    at, number = first - timedelta(days=12), 1
    while at < last:
        name = f"{at:%y}.{number}.{rng.randrange(4)}"
        broken = sorted(set(rng.choices(breakable, weights, k=rng.choice((0, 1, 1, 2)))))
        faults = tuple(
            Fault(name, k, at + timedelta(days=rng.randrange(4)), rng.randrange(3, 7), rng.choice(causes[k]))
            for k in broken
        )
        found.append(Release(name, at, faults))
        at += timedelta(days=rng.randrange(14, 21))
        number += 1
    return tuple(found)


def label_slip(family: Family, taxonomy: Taxonomy, rng: random.Random) -> str:
    """Return the issue type an agent picks: usually the right one, else a neighbour."""
    border = family.also_mentions if family.also_mentions in taxonomy.issue_types else None
    if rng.random() >= (BORDER_SLIP if border else LABEL_SLIP):
        return family.issue_type
    if border and rng.random() < 0.75:
        return border
    crossed = _CONFUSED.get(family.issue_type, ())
    if crossed and rng.random() < 0.5:
        return rng.choice(crossed)
    category = taxonomy.category_of(family.issue_type)
    near = [
        t.key for t in taxonomy.issue_types.values() if t.category == category and t.key != family.issue_type
    ]
    return rng.choice(near) if near else rng.choice(crossed)


def priority_slip(priority: str, rng: random.Random) -> str:
    """Return the priority an agent sets: usually the right one, else one step beside it."""
    if rng.random() >= PRIORITY_SLIP:
        return priority
    position = PRIORITIES.index(priority)
    steps = [p for p in (position - 1, position + 1) if 0 <= p < len(PRIORITIES)]
    return PRIORITIES[rng.choice(steps)]
