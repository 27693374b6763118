"""The filters of the ticket list, and its cursor. Pure.

Every parameter is known or refused: a misspelt filter must not list more than was asked for.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from data.errors import BadInputError
from data.store.listing import DECISIONS, Position, Wanted

DEFAULT, MOST = 50, 200
STATE_MOST, CURSOR_MOST = 200, 400
NAMES = ("open", "state", "since", "decision", "client", "limit", "cursor")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: which tickets, of which client (`None`: of all), how many, after which one."""

    wanted: Wanted
    client: str | None
    limit: int
    after: Position | None


def parse(given: Sequence[tuple[str, str]]) -> Query:
    """Read decoded query parameters. Raises `BadInputError` that names what is wrong, never a value."""
    found: dict[str, str] = {}
    for name, value in given:
        if name not in NAMES:
            raise _bad("a parameter is not known", f"Use {', '.join(NAMES)}.")
        if name in found:
            raise _bad(f"`{name}` is given twice", "Give it once.")
        found[name] = value
    wanted = Wanted(
        open=_choice(found, "open", _BOOLEANS),
        state=_text(found, "state"),
        since=_since(found.get("since")),
        decision=_choice(found, "decision", {d: d for d in DECISIONS}),
    )
    return Query(wanted, _text(found, "client"), _limit(found.get("limit")), _after(found.get("cursor")))


def cursor(position: Position) -> str:
    """Return the cursor that goes on after `position`. It opens nothing: each page is asked for anew."""
    at, ticket_id = position
    facts = json.dumps([(at - _EPOCH) // _MICROSECOND, ticket_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(facts.encode()).decode().rstrip("=")


def _after(given: str | None) -> Position | None:
    if given is None:
        return None
    refused = _bad("`cursor` is none of ours", "Send `next` of the page before, or leave it out.")
    if not 1 <= len(given) <= CURSOR_MOST or not given.isascii():
        raise refused
    try:
        facts: Any = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        micros, ticket_id = facts
        at = _EPOCH + timedelta(microseconds=micros)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise refused from None
    if type(micros) is not int or not isinstance(ticket_id, str):
        raise refused
    return at, ticket_id


def _choice(found: dict[str, str], name: str, allowed: dict[str, Any]) -> Any:
    if name not in found:
        return None
    if found[name] not in allowed:
        raise _bad(f"`{name}` must be one of {', '.join(allowed)}", "Correct it.")
    return allowed[found[name]]


def _text(found: dict[str, str], name: str) -> str | None:
    value = found.get(name)
    if value is not None and not 1 <= len(value) <= STATE_MOST:
        raise _bad(f"`{name}` must have 1 to {STATE_MOST} characters", "Correct it, or leave it out.")
    return value


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    refused = _bad("`since` must be a moment with its time zone", "Send 2026-05-04T09:00:00Z, say.")
    if not _MOMENT.fullmatch(given):
        raise refused
    try:
        return datetime.fromisoformat(given.upper())
    except ValueError:
        raise refused from None


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT
    if not re.fullmatch(r"[0-9]{1,4}", given, re.ASCII) or not 1 <= int(given) <= MOST:
        raise _bad(f"`limit` must be a whole number from 1 to {MOST}", "Correct it.")
    return int(given)


def _bad(what: str, remedy: str) -> BadInputError:
    return BadInputError(f"The query is wrong: {what}.", remedy=remedy)
