"""Groups: which tickets share a promise, and which reviewed tickets prove it.

A client's tickets of one category make a group of their own where enough of them were reviewed. What is
thin is pooled: first the category over all thin clients, then everything that is left. Who stands alone
follows from counts and never from outcomes, so each group's proof holds as if it were the only one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

from data.group import Group

Grouping = Literal["desk", "category", "client_category"]


REST = Group()


def group_of(standing: Collection[Group], client: str | None, category: str) -> Group:
    """Return the group of a ticket among those `standing` on their own; `REST` is always there.

    `category` is the predicted one, for the true one is not known when it matters.
    """
    for group in (Group(client or "", category), Group("", category)):
        if group in standing:
            return group
    return REST


def partition(
    clients: Sequence[str], categories: Sequence[str], *, by: Grouping, least: int
) -> tuple[Group, ...]:
    """Return the group of every reviewed ticket, row by row.

    Groups with at least `least` rows stand on their own; `by` says how fine they may be. Raises
    `ValueError` where the columns do not correspond.
    """
    rows = list(zip(clients, categories, strict=True))
    if by == "desk":
        return tuple(REST for _ in rows)
    fine = Counter(Group(client, category) for client, category in rows if client)
    own = {g for g, n in fine.items() if n >= least} if by == "client_category" else set()
    left = Counter(category for client, category in rows if Group(client, category) not in own)
    standing = own | {Group("", category) for category, n in left.items() if n >= least}
    return tuple(group_of(standing, client, category) for client, category in rows)
