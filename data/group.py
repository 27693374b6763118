"""A group: the tickets that share a promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Tickets predicted to be of `category` from `client`; an empty name stands for all that is left."""

    client: str = ""
    category: str = ""

    def __str__(self) -> str:
        if self.client:
            return f"{self.category} of {self.client}"
        return self.category or "the desk"
