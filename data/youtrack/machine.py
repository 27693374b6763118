"""Fields under a state machine: their value changes by events only. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.youtrack import wire
from data.youtrack.faults import RefusedError

KIND = "StateMachineIssueCustomField"
MACHINE_FIELDS = "$type,id,name,value($type,id,name),possibleEvents(id,presentation)"


def machines(raw: Iterable[Any]) -> frozenset[str]:
    """Return the names of the fields of an issue that a state machine runs."""
    return frozenset(str(f.get("name")) for f in raw if wire.short_type(f) == KIND)


def step(
    raw: Iterable[Any], name: str, wanted: str | None, events: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """Return (field id, body to post) that brings the field `name` to `wanted`, or `None` where it is there.

    `raw` are the issue's fields as read with `MACHINE_FIELDS`; `events` names the event for a value where
    its own name does not tell. Raises `RefusedError` where no event that is possible now leads there.
    """
    field = next((f for f in raw if f.get("name") == name), None)
    if field is None:
        raise RefusedError(f"The ticket has no field {name!r} any more.", remedy="Run `firstline connect`.")
    if wanted == (field.get("value") or {}).get("name"):
        return None
    possible = [e for e in field.get("possibleEvents") or [] if isinstance(e, dict) and e.get("id")]
    names = {str(events.get(wanted or "", "")).casefold(), str(wanted).casefold()} - {""}
    for event in possible:
        if {str(event["id"]).casefold(), str(event.get("presentation", "")).casefold()} & names:
            chosen = {"id": event["id"], "$type": "Event"}
            return wire.need(field, "id", str), {"$type": KIND, "event": chosen}
    shown = ", ".join(str(e["id"]) for e in possible) or "none"
    raise RefusedError(
        f"No event of the field {name!r} is known to lead to {wanted!r}; possible now: {shown}.",
        remedy="Say which one does in mapping.toml, under states.events.",
    )
