"""How parts of the tracker's JSON are looked at. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from data.store.columns import clean
from data.youtrack.faults import UnavailableError

_ABSENT = object()


def need(raw: Any, key: str, kind: type, *, null: bool = False) -> Any:
    """Return `raw[key]`, which must be there and of `kind`. Raises `UnavailableError` otherwise."""
    value = raw.get(key, _ABSENT) if isinstance(raw, dict) else _ABSENT
    if (value is None and null) or (isinstance(value, kind) and (kind is bool or value is not True)):
        return value
    raise UnavailableError(
        f"The tracker's answer lacks {key!r} or has something else there.",
        remedy="Check that FIRSTLINE_TRACKER_URL points to a YouTrack of version 2026.1 or later.",
    )


def short_type(thing: Mapping[str, Any] | None) -> str:
    """Return the `$type` after its last dot, or an empty string."""
    return str((thing or {}).get("$type", "")).rpartition(".")[2]


def login_of(user: Mapping[str, Any] | None) -> str:
    """Return a user's login; an empty string where the tracker hides it."""
    return clean(str((user or {}).get("login") or ""))


def id_order(entity_id: str) -> tuple[int, ...]:
    """Return a key that sorts entity ids by their numbers."""
    return tuple(int(n) for n in re.findall(r"\d{1,18}", entity_id))
