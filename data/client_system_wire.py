"""Records of the client system as JSON, strictly: a value that cannot be is refused, never guessed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

R = TypeVar("R")
MOST_TOLD = 200
"""The longest text, in characters, that a client system may give for a reply."""


def to_json(record: Any) -> dict[str, Any]:
    """Return a record as JSON values; dates become `YYYY-MM-DD`."""
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(record).items()}


def from_json(kind: type[R], raw: Any) -> R:
    """Return the record of type `kind`. Raises `ValueError` naming the entry that is wrong; no value is told.

    Entries that are not known are left out, so that a client system may add some.
    """
    if not isinstance(raw, Mapping):
        raise ValueError("it is no object")
    hints = get_type_hints(kind)
    return kind(**{f.name: _value(f.name, hints[f.name], raw) for f in fields(kind)})  # type: ignore[arg-type]


def _value(name: str, hint: Any, raw: Mapping[str, Any]) -> Any:
    optional = NoneType in get_args(hint)
    if raw.get(name) is None:
        if optional:
            return None
        raise ValueError(f"{name} is missing")
    inner = next(a for a in get_args(hint) if a is not NoneType) if optional else hint
    value = raw[name]
    if inner is bool:
        good = isinstance(value, bool)
    elif get_origin(inner) is Literal:
        good = isinstance(value, str) and value in get_args(inner)
    elif inner is date:
        return _day(name, value)
    else:
        good = isinstance(value, str) and 0 < len(value) <= MOST_TOLD
    if not good:
        raise ValueError(f"{name} has a value that is not in the contract")
    return value


def _day(name: str, value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no date like 2026-01-31") from None
