"""Which text comes when: the split of families, how often each type occurs, on which days."""

from __future__ import annotations

import hashlib
import random
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from data.sandbox.clients import Client
from data.sandbox.dates import pay_lag
from data.sandbox.desk import Fault
from data.sandbox.geography import fitting_countries
from data.sandbox.identifiers import has_iban
from data.sandbox.texts import Family
from data.taxonomy import OUT_OF_SCOPE, Taxonomy

LIVE_SHARE, REVIEW_SHARE = 0.12, 0.14
PLAIN_SHARE, OUT_OF_SCOPE_SHARE, ZIPF = 0.8, 0.035, 0.5
HOME_WEIGHT = 6
_WEEKDAY = (1.3, 1.1, 1.05, 1.05, 0.9, 0.22, 0.12)
# The most frequent types, by rank; the others follow in the order of the taxonomy.
_POPULAR = [
    "payslip_missing",
    "net_pay_incorrect",
    "password_reset",
    "salary_not_received",
    "leave_balance_incorrect",
    "payslip_copy_request",
    "bank_details_change",
    "payroll_status_check",
    "deduction_unexplained",
    "new_hire_setup",
    "how_to_or_training_request",
    "error_on_action",
    "import_template_error",
    "tax_code_or_withholding_wrong",
    "account_locked_or_inactive",
    "ticket_status_check",
    "overtime_not_paid",
    "hris_sync_failed",
    "cutoff_or_pay_date_question",
    "payment_rejected_by_bank",
    "expense_reimbursement_missing",
]
AFTER_PAY = frozenset(
    [
        "payslip_missing",
        "net_pay_incorrect",
        "salary_not_received",
        "payment_rejected_by_bank",
        "overtime_not_paid",
        "bonus_or_commission_missing",
        "retro_pay_query",
        "deduction_unexplained",
        "expense_reimbursement_missing",
        "duplicate_or_overpayment",
        "payslip_pdf_error",
        "fx_or_currency_rate_query",
        "proration_joiner_leaver",
        "sick_or_parental_pay_query",
        "gl_export_mismatch",
    ]
)
_BEFORE_PAY = frozenset(
    [
        "payroll_status_check",
        "cutoff_or_pay_date_question",
        "funding_or_cash_call_query",
        "bank_file_generation_failed",
        "off_cycle_payment_request",
        "timesheet_import_failed",
        "approval_workflow_stuck",
        "import_template_error",
        "hris_sync_failed",
        "sftp_file_not_picked_up",
    ]
)
_YEAR_END = frozenset(
    [
        "year_end_form_request",
        "year_end_reconciliation_mismatch",
        "tax_relief_submission",
        "statutory_filing_rejected",
        "legislation_change_question",
    ]
)
_SUMMER = frozenset(("leave_balance_incorrect", "leave_request_stuck"))


@dataclass(frozen=True, slots=True)
class Pick:
    """One ticket to be: its text, whose it is, where, and on which day."""

    family: Family
    client: Client
    country: str
    day: date


def split_families(
    families: Iterable[Family], rng: random.Random
) -> tuple[tuple[Family, ...], tuple[Family, ...]]:
    """Return (history, live): about 12 % of each type's texts of each kind are kept for the live weeks."""
    groups: dict[tuple[str, str], list[Family]] = defaultdict(list)
    for family in families:
        # The texts with two asks are too few per type to be divided there.
        stem, kind, _ = family.id.split("/")
        groups[(stem, kind)].append(family)
    history: list[Family] = []
    live: list[Family] = []
    for _, group in sorted(groups.items()):
        rng.shuffle(group)
        kept = round(len(group) * LIVE_SHARE)
        live += group[:kept]
        history += group[kept:]
    return tuple(history), tuple(live)


def is_reviewed(family_id: str, seed: int) -> bool:
    """Tell whether the desk's quality review takes the family: whole families, by a hash of the id."""
    digest = hashlib.sha256(f"{seed}/review/{family_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < REVIEW_SHARE * 2**32


def type_counts(total: int, taxonomy: Taxonomy) -> dict[str, int]:
    """Share `total` tickets out among the labels: mild Zipf, exact, rarest types included."""
    ranked = [*_POPULAR, *(k for k in taxonomy.issue_types if k not in _POPULAR)]
    weights = {k: (rank + 1) ** -ZIPF for rank, k in enumerate(ranked)}
    scale = (1 - OUT_OF_SCOPE_SHARE) / sum(weights.values())
    shares = {k: w * scale for k, w in weights.items()} | {OUT_OF_SCOPE: OUT_OF_SCOPE_SHARE}
    return _whole({k: total * s for k, s in shares.items()}, total)


def draw_history(families: Sequence[Family], counts: Mapping[str, int], rng: random.Random) -> list[Family]:
    """Draw each type's texts, 80 % ordinary; every text is used once before any is used again."""
    pools: dict[tuple[str, bool], list[Family]] = defaultdict(list)
    for family in families:
        pools[(family.issue_type, _is_plain(family))].append(family)
    drawn: list[Family] = []
    plain_wanted = _whole({k: n * PLAIN_SHARE for k, n in counts.items()})
    for label, count in counts.items():
        for plain, wanted in ((True, plain_wanted[label]), (False, count - plain_wanted[label])):
            drawn += _rounds(pools[(label, plain)], wanted, rng)
    return drawn


def draw_live(
    families: Sequence[Family], weights: Mapping[str, int], total: int, rng: random.Random
) -> list[Family]:
    """Draw the live weeks' texts, 80 % ordinary, each once as long as there are enough."""
    drawn: list[Family] = []
    plain_wanted = round(total * PLAIN_SHARE)
    for plain, until in ((True, plain_wanted), (False, total)):
        pool = [f for f in families if _is_plain(f) == plain]
        per_type = Counter(f.issue_type for f in pool)
        # Weighted sampling without replacement (Efraimidis and Spirakis 2006): largest u^(1/w) first.
        keyed = [
            (rng.random() ** (per_type[f.issue_type] / max(1, weights[f.issue_type])), f.id, f) for f in pool
        ]
        order = [family for _, _, family in sorted(keyed, reverse=True)]
        while order and len(drawn) < until:
            drawn += order[: until - len(drawn)]
    return drawn


def _is_plain(family: Family) -> bool:
    return "/plain/" in family.id


def _rounds(pool: list[Family], wanted: int, rng: random.Random) -> list[Family]:
    drawn: list[Family] = []
    while pool and len(drawn) < wanted:
        drawn += rng.sample(pool, min(len(pool), wanted - len(drawn)))
    return drawn


def _whole(shares: Mapping[str, float], total: int | None = None) -> dict[str, int]:
    """Round to whole numbers with the same sum (largest remainders)."""
    counts = {k: int(v) for k, v in shares.items()}
    missing = (round(sum(shares.values())) if total is None else total) - sum(counts.values())
    for key in sorted(shares, key=lambda k: counts[k] - shares[k])[:missing]:
        counts[key] += 1
    return counts


class Placement:
    """Finds a client, a country and a day for a text, within `first` .. `last` (inclusive)."""

    def __init__(
        self, clients: Sequence[Client], first: date, last: date, faults: Sequence[Fault], rng: random.Random
    ) -> None:
        self._clients = clients
        self._days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        self._faults = faults
        self._rng = rng
        self._curves: dict[tuple[str, str, int | None], list[float]] = {}
        self._homes: dict[str, tuple[tuple[Client, str], ...]] = {}
        self._weights: dict[str, list[float]] = {}

    def place(self, family: Family) -> Pick:
        """Draw where and when the text is sent; countries fit what it names, days what it says of pay."""
        text = f"{family.summary} \n{family.description}"
        if family.id not in self._homes:
            self._homes[family.id], self._weights[family.id] = self._fitting(text, family.lang)
        homes = self._homes[family.id]
        chosen = bisect(self._weights[family.id], self._rng.random() * self._weights[family.id][-1])
        client, country = homes[chosen]
        curve = self._curve(client, family.issue_type, pay_lag(text))
        day = self._days[bisect(curve, self._rng.random() * curve[-1])]
        return Pick(family, client, country, day)

    def _fitting(self, text: str, lang: str) -> tuple[tuple[tuple[Client, str], ...], list[float]]:
        fitting, _ = fitting_countries(text, lang)
        if "{{iban" in text:
            fitting = frozenset(c for c in fitting if has_iban(c)) or fitting
        homes, weights = [], []
        for client in self._clients:
            branches = len(client.countries) - 1 + HOME_WEIGHT
            for code in client.countries:
                if code in fitting:
                    homes.append((client, code))
                    share = (HOME_WEIGHT if code == client.country else 1) / branches
                    weights.append(client.headcount * share)
        return tuple(homes), list(accumulate(weights))

    def _curve(self, client: Client, issue_type: str, lag: int | None) -> list[float]:
        key = (client.key, issue_type, lag)
        if key not in self._curves:
            raw = [self._intensity(client, issue_type, day) for day in self._days]
            if lag is not None:
                pays = set(client.pay_dates)
                said = [w * (d + timedelta(days=lag) in pays) for w, d in zip(raw, self._days, strict=True)]
                # Two simulated weeks may hold no such day; then the text is about another pay group.
                raw = said if any(said) else raw
            self._curves[key] = list(accumulate(raw))
        return self._curves[key]

    def _intensity(self, client: Client, issue_type: str, day: date) -> float:
        weight = _WEEKDAY[day.weekday()]
        since = (day - client.last_pay(day)).days
        until = (client.next_pay(day) - day).days
        if issue_type in AFTER_PAY:
            weight *= (5, 4, 3, 2.2, 1.6)[since] if since < 5 else 0.8
        if issue_type in _BEFORE_PAY:
            weight *= 3 if until <= 7 else 0.8
        if issue_type in _YEAR_END:
            weight *= 3 if day.month <= 4 else 0.7
        if issue_type in _SUMMER and day.month in (6, 7, 8):
            weight *= 1.5
        for fault in self._faults:
            begun = (day - fault.start.date()).days
            if fault.issue_type == issue_type and 0 <= begun < fault.days:
                weight *= 7
        return weight
