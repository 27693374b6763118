"""The public shape of a ticket and of a triage result: one for the command line and the service."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from data.decision import TriageDecision
from data.errors import BadInputError
from data.ticket import Ticket

MAX_TEXT = 1_000_000
"""Characters of one text field; longer is refused."""
_REQUIRED = ("summary", "description")
_OPTIONAL = ("client", "country", "lang")
_REMEDY = "Send an object with at least the strings `summary` and `description`."


def parse_line(line: bytes, number: int) -> Ticket:
    """Read one JSON line. Raises `BadInputError` in words; `number` (1-based) is the id of last resort."""
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise _bad(f"is not UTF-8 (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise _bad(f"is not JSON ({error.msg}, column {error.colno})") from None
    except (ValueError, RecursionError):
        raise _bad("is not JSON that can be read (nested too deep, or a number too long)") from None
    return parse_ticket(value, str(number))


def parse_ticket(value: Any, fallback_id: str) -> Ticket:
    """Check one decoded ticket. Raises `BadInputError` that lists every problem at once."""
    if not isinstance(value, dict):
        raise _bad(f"must be a JSON object, not {_kind(value)}")
    problems = [f"`{name}` is missing" for name in _REQUIRED if name not in value]
    problems += [
        f"`{name}` must be a string, not {_kind(value[name])}"
        for name in _REQUIRED
        if name in value and not isinstance(value[name], str)
    ]
    problems += [
        f"`{name}` must be a string or null, not {_kind(value[name])}"
        for name in _OPTIONAL
        if not isinstance(value.get(name), str | None)
    ]
    problems += [
        f"`{name}` has {len(value[name]):,} characters; the most is {MAX_TEXT:,}"
        for name in (*_REQUIRED, *_OPTIONAL)
        if isinstance(value.get(name), str) and len(value[name]) > MAX_TEXT
    ]
    given = value.get("id")
    if isinstance(given, bool) or not isinstance(given, str | int | None):
        problems.append(f"`id` must be a string or a whole number, not {_kind(given)}")
    if problems:
        raise _bad("; ".join(problems))
    given_id = fallback_id if given is None or given == "" else _clean(str(given))
    client, country, lang = (_clean(value[name]) if value.get(name) else None for name in _OPTIONAL)
    return Ticket(
        id=given_id,
        summary=_clean(value["summary"]),
        description=_clean(value["description"]),
        client=client,
        country=country,
        lang=lang,
    )


def kept_to(ticket: Ticket, client: str | None) -> Ticket:
    """Return the ticket as a caller who is one client may have it decided: as that client's own.

    How others' tickets are routed, and what is done alone for them, is not theirs to ask. `client`: `None`
    for a caller who sees them all. Raises `BadInputError` where the ticket names another client.
    """
    if client is None:
        return ticket
    if ticket.client not in (None, client):
        raise BadInputError(
            "The ticket names a client that is not the key's.", remedy="Leave `client` out: the key says it."
        )
    return replace(ticket, client=client)


def result(decision: TriageDecision) -> dict[str, Any]:
    """Return the decision as the JSON object of the public contract."""
    return {
        "id": decision.id,
        "issue_type": decision.issue_type,
        "category": decision.category,
        "priority": decision.priority,
        "team": decision.team,
        "probability": round(decision.probability, 6),
        "top": [{"issue_type": label, "probability": round(p, 6)} for label, p in decision.top],
        "priority_probability": round(decision.priority_probability, 6),
        "decision": decision.decision,
        "reason": decision.reason,
        "bundle": decision.bundle,
        "priority_decision": decision.priority_decision,
        "policy": decision.policy,
    }


def decision_from(body: dict[str, Any]) -> TriageDecision:
    """Inverse of `result`. Raises `BadInputError` where the object is not one."""
    try:
        return TriageDecision(
            id=body["id"],
            issue_type=body["issue_type"],
            category=body["category"],
            priority=body["priority"],
            team=body["team"],
            probability=float(body["probability"]),
            top=tuple((t["issue_type"], float(t["probability"])) for t in body["top"]),
            priority_probability=float(body["priority_probability"]),
            decision=body["decision"],
            priority_decision=body["priority_decision"],
            reason=body["reason"],
            bundle=body["bundle"],
            policy=body["policy"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"Not a triage result: {type(error).__name__} {error}",
            remedy="Run the service and the worker from the same version.",
        ) from None


def _bad(what: str) -> BadInputError:
    return BadInputError(f"The ticket {what}.", remedy=_REMEDY)


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON can spell but UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")
