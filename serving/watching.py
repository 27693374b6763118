"""Watching what is done alone: who is audited, what the guard makes of it, and what that takes away.

The audit sample is random and drawn when a ticket is decided, before anybody knows how it ends; it is read
blind (`firstline review next` shows the text and nothing else). Where the guard alarms, the group only
suggests from then on, until tickets drawn after that prove the promise again. Another bundle starts with
evidence of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from data.decision import TriageDecision
from data.group import Group
from data.store import alerts, reviews, suspensions
from data.store.reviews import Review
from data.store.suspensions import Suspension
from data.ticket import TicketRecord
from eval.groups import group_of
from serving.policy import Promise

LEAST_SHARE, LEAST_A_WEEK = 0.05, 25
ALERT = "autonomy_suspended"
_WEEK = timedelta(days=7)


def rate(applied_in_a_week: int) -> float:
    """Return the chance (0..1) with which a ticket is audited: 5 %, or what makes 25 a week."""
    return max(LEAST_SHARE, min(1.0, LEAST_A_WEEK / max(1, applied_in_a_week)))


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known while one batch of decisions of one bundle is committed."""

    bundle: str
    groups: frozenset[Group]
    suspended: Mapping[Group, Suspension]
    rate: float
    now: datetime

    @staticmethod
    def begin(conn: Connection, facts: Mapping[str, Any], now: datetime) -> Watch:
        """Read what is suspended and how many were written alone lately; `facts` is `/v1/bundle`."""
        bundle = str(facts["bundle"])
        own = facts["certificates"].get("groups", [])
        return Watch(
            bundle,
            frozenset(Group(g["client"], g["category"]) for g in own),
            {Group(s.client, s.group): s for s in suspensions.standing(conn, bundle)},
            rate(reviews.applied_since(conn, now - _WEEK)),
            now,
        )

    def allowed(self, record: TicketRecord, decision: TriageDecision) -> TriageDecision:
        """Return the decision, or one that only suggests where the group is suspended."""
        suspended = self.suspended.get(self._group(record, decision))
        if suspended is None or decision.decision != "apply":
            return decision
        return replace(
            decision, decision="suggest", priority_decision="suggest", reason=_reason(decision, suspended)
        )

    def draw(
        self, conn: Connection, record: TicketRecord, decided: TriageDecision, chance: Callable[[], float]
    ) -> bool:
        """Put a ticket into the audit sample with the due chance; `decided` is what the bundle said.

        `chance()` gives uniform numbers in [0, 1). Only what is written alone is drawn, or would be but for
        a suspension, so that a group can earn its autonomy back.
        """
        if decided.decision != "apply" or chance() >= self.rate:
            return False
        group = self._group(record, decided)
        drawn = Review(
            tenant=record.tenant,
            ticket_id=record.ticket.id,
            drawn_at=self.now,
            client=group.client,
            group=group.category,
            bundle=self.bundle,
            said=decided.category,
            alone=group not in self.suspended,
        )
        return reviews.draw(conn, drawn)

    def _group(self, record: TicketRecord, decision: TriageDecision) -> Group:
        return group_of(self.groups, record.ticket.client, decision.category)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the sample says about one group: `odds` against the promise alarm at `limit`."""

    group: str
    drawn: int
    reviewed: int
    wrong: int
    odds: float
    limit: float
    suspended: bool


def standings(conn: Connection, bundle: str, promise: Promise) -> list[Standing]:
    """Return every group of the sample of a bundle."""
    from eval.guard import watch  # needs SciPy, and the worker starts often

    off = {(s.client, s.group) for s in suspensions.standing(conn, bundle)}
    found = []
    for client, group, drawn in reviews.groups(conn, bundle):
        wrong = [r.wrong for r in reviews.of_group(conn, client, group, bundle)]
        seen = watch(wrong, budget=promise.error_budget)
        name, suspended = str(Group(client, group)), (client, group) in off
        found.append(Standing(name, drawn, seen.n, seen.errors, seen.evidence, seen.limit, suspended))
    return found


def judge(conn: Connection, review: Review, promise: Promise, now: datetime) -> Suspension | None:
    """Look at the group of a ticket that was just reviewed; return what changed, if anything did.

    A suspension that is returned with `lifted_at` was lifted, one without was made.
    """
    from eval.guard import regained, watch  # needs SciPy, and the worker starts often

    rows = reviews.of_group(conn, review.client, review.group, review.bundle)
    subject = str(Group(review.client, review.group))
    standing = suspensions.of_group(conn, review.client, review.group, review.bundle)
    if standing is not None:
        fresh = [r.wrong for r in rows if not r.alone and r.drawn_at >= standing.since]
        if regained(fresh, budget=promise.error_budget) is None:
            return None
        lifted = replace(standing, lifted_at=now)
        suspensions.lift(conn, lifted, now)
        alerts.close(conn, ALERT, subject, now)
        return lifted
    before = suspensions.last_lifted(conn, review.client, review.group, review.bundle)
    counted = [r.wrong for r in rows if r.alone and (before is None or r.drawn_at >= before)]
    seen = watch(counted, budget=promise.error_budget)
    if not seen.alarmed:
        return None
    found = Suspension(
        review.client, review.group, review.bundle, now, seen.errors, seen.n, promise.error_budget
    )
    suspensions.suspend(conn, found)
    facts = {"bundle": found.bundle, "errors": found.errors, "reviewed": found.reviewed}
    alerts.warn(conn, ALERT, subject, {**facts, "budget": found.budget}, now)
    return found


def _reason(decision: TriageDecision, s: Suspension) -> str:
    return (
        f"{decision.probability * 100:.0f} % sure, but acting alone is suspended here: {s.errors} of "
        f"{s.reviewed} audited tickets were wrong, and at most {s.budget * 100:.0f} % may be."
    )
