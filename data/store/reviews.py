"""The audit sample: tickets drawn at random among what was done alone, to be read blind by a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update

from data.errors import BadInputError
from data.store import audit
from data.store.review_tables import reviews
from data.store.schema import decisions
from data.store.statements import insert_new, one_writer


@dataclass(frozen=True, slots=True)
class Review:
    """One ticket of the sample.

    `client` and `group` name the group it stands for (empty: all others), `said` the category that was
    decided by `bundle`. `alone`: it was written without a person; False where a suspension prevented it.
    `issue_type` and `category` are the reviewer's, None until reviewed.
    """

    tenant: str
    ticket_id: str
    drawn_at: datetime
    client: str
    group: str
    bundle: str
    said: str
    alone: bool
    reviewed_at: datetime | None = None
    reviewer: str | None = None
    issue_type: str | None = None
    category: str | None = None

    @property
    def wrong(self) -> bool:
        """Whether the reviewer found another category."""
        return self.category is not None and self.category != self.said


def draw(conn: Connection, review: Review) -> bool:
    """Put a ticket into the sample; False where it is there already. The ticket must be stored."""
    row = {
        "tenant": review.tenant,
        "ticket_id": review.ticket_id,
        "drawn_at": review.drawn_at,
        "group_client": review.client,
        "group_category": review.group,
        "bundle": review.bundle,
        "said": review.said,
        "alone": review.alone,
    }
    return insert_new(conn, reviews, row)


def applied_since(conn: Connection, since: datetime) -> int:
    """Return how many decisions were to be written alone since a moment."""
    query = select(func.count()).where(decisions.c.decision == "apply", decisions.c.decided_at >= since)
    return int(conn.execute(query).scalar_one())


def waiting(conn: Connection, limit: int = 100) -> list[Review]:
    """Return tickets that nobody has reviewed yet, those drawn first first."""
    query = select(reviews).where(reviews.c.reviewed_at.is_(None))
    query = query.order_by(reviews.c.drawn_at, reviews.c.tenant, reviews.c.ticket_id).limit(limit)
    return [_review(row) for row in conn.execute(query)]


def get(conn: Connection, tenant: str, ticket_id: str) -> Review | None:
    """Return one ticket of the sample, or `None`."""
    mine = and_(reviews.c.tenant == tenant, reviews.c.ticket_id == ticket_id)
    row = conn.execute(select(reviews).where(mine)).first()
    return None if row is None else _review(row)


def record(
    conn: Connection, review: Review, *, issue_type: str, category: str, reviewer: str, now: datetime
) -> None:
    """Keep what a person found. Raises `BadInputError` where somebody reviewed the ticket already.

    A first verdict stands: one that can be changed after the outcome is seen proves nothing.
    """
    one_writer(conn, reviews)
    mine = and_(reviews.c.tenant == review.tenant, reviews.c.ticket_id == review.ticket_id)
    new = update(reviews).where(mine, reviews.c.reviewed_at.is_(None))
    values = {"reviewed_at": now, "reviewer": reviewer, "issue_type": issue_type, "category": category}
    if conn.execute(new.values(values)).rowcount == 0:
        raise BadInputError(
            "This ticket was reviewed already, and a first verdict stands.",
            remedy="`firstline review next` has one that was not.",
        )
    audit.record(
        conn,
        actor="cli",
        action="review.recorded",
        subject=review.ticket_id,
        at=now,
        tenant=review.tenant,
        facts={"reviewer": reviewer, "bundle": review.bundle},
    )


def of_group(conn: Connection, client: str, group: str, bundle: str) -> list[Review]:
    """Return the reviewed tickets of one group under one bundle, in the order of their reviews."""
    mine = and_(
        reviews.c.group_client == client,
        reviews.c.group_category == group,
        reviews.c.bundle == bundle,
        reviews.c.reviewed_at.is_not(None),
    )
    query = select(reviews).where(mine).order_by(reviews.c.reviewed_at, reviews.c.tenant, reviews.c.ticket_id)
    return [_review(row) for row in conn.execute(query)]


def groups(conn: Connection, bundle: str) -> list[tuple[str, str, int]]:
    """Return (client, category, how many were drawn) of every group in the sample of a bundle."""
    by = (reviews.c.group_client, reviews.c.group_category)
    query = select(*by, func.count()).where(reviews.c.bundle == bundle).group_by(*by).order_by(*by)
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def _review(row: Row[Any]) -> Review:
    return Review(
        tenant=row.tenant,
        ticket_id=row.ticket_id,
        drawn_at=row.drawn_at,
        client=row.group_client,
        group=row.group_category,
        bundle=row.bundle,
        said=row.said,
        alone=row.alone,
        reviewed_at=row.reviewed_at,
        reviewer=row.reviewer,
        issue_type=row.issue_type,
        category=row.category,
    )
