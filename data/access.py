"""Who asks, and what they may do: roles, scopes and the caller of a request. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a key is for. `client` keys belong to exactly one tenant; the others may, or see all."""

    OPERATOR = "operator"
    REVIEWER = "reviewer"
    CLIENT = "client"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request. `tenant` is `None` where every client's data may be seen.

    `key_id` names the key in the audit log (`local` for this machine's operator without a key).
    `acts_for_people`: what it says about who ordered something is believed (the tracker's app).
    """

    key_id: str
    role: Role
    tenant: str | None
    acts_for_people: bool = False
