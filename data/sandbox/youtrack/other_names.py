"""The same desk under other names: German fields, legacy spellings of the values.

A layer in front of the API, so that nothing behind it knows. Entities are recognised by their `$type`.
Search queries are not translated: they find fields by the names behind. This desk's states
are run by a state machine, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.sandbox.youtrack.model import Event, Project
from data.taxonomy import OUT_OF_SCOPE, Taxonomy

FIELDS = {
    "Category": "Kategorie",
    "Issue type": "Anfrageart",
    "Priority": "Dringlichkeit",
    "Team": "Zuständiges Team",
    "State": "Status",
    "Client": "Kunde",
    "Country": "Land",
    "Persona": "Rolle",
    "Channel": "Kanal",
    "Assignee": "Bearbeiter",
}
_VALUES = {
    "Critical": "Kritisch",
    "Major": "Hoch",
    "Normal": "Mittel",
    "Minor": "Gering",
    "New": "Neu",
    "Open": "Offen",
    "Waiting": "Wartet",
    "Resolved": "Gelöst",
    "Reopened": "Wiedereröffnet",
}
_FIELD_TYPES = ("CustomField", "CustomFilterField")
_ELEMENT = "BundleElement"


def other_values(taxonomy: Taxonomy) -> dict[str, str]:
    """Return the desk's value -> its other name; no two share one."""
    keys = (*taxonomy.labels, *taxonomy.categories, OUT_OF_SCOPE)
    spelled = {k: k.replace("_", " ").capitalize() for k in keys}
    teams = {t: "Team " + t.replace("-", " ").title() for t in taxonomy.teams}
    return {**spelled, **teams, **_VALUES}


def run_state_by_events(project: Project) -> None:
    """Put the project's states under a state machine: people and programs change them by events only."""
    project.fields["State"].machine = (
        Event("uebernehmen", "Übernehmen", ("New", "Waiting", "Reopened"), "Open"),
        Event("rueckfrage", "Rückfrage", ("Open",), "Waiting"),
        Event("loesen", "Lösen", ("Open", "Waiting"), "Resolved"),
        Event("wieder-oeffnen", "Wieder öffnen", ("Resolved",), "Reopened"),
    )


class OtherNames:
    """ASGI layer: answers have the other names, requests may use them."""

    def __init__(self, app: ASGIApp, taxonomy: Taxonomy) -> None:
        values = other_values(taxonomy)
        self._app = app
        self._out = (FIELDS, values)
        self._in = ({v: k for k, v in FIELDS.items()}, {v: k for k, v in values.items()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        body = _rewritten(await _whole(receive), lambda parsed: asked(parsed, *self._in))
        start: Message = {}
        parts: list[bytes] = []

        async def once() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = _rewritten(b"".join(parts), lambda parsed: renamed(parsed, *self._out))
            length = (b"content-length", str(len(whole)).encode())
            headers = [h for h in start["headers"] if h[0] != b"content-length"]
            await send({**start, "headers": [*headers, length]})
            await send({"type": "http.response.body", "body": whole})

        await self._app(scope, once, keep)


def renamed(value: Any, fields: dict[str, str], values: dict[str, str]) -> Any:
    """Return an answer with the names of fields and of their values replaced."""
    if isinstance(value, list):
        return [renamed(v, fields, values) for v in value]
    if not isinstance(value, dict):
        return value
    shown = {k: renamed(v, fields, values) for k, v in value.items()}
    kind = str(value.get("$type", ""))
    table = fields if kind.endswith(_FIELD_TYPES) else values if kind.endswith(_ELEMENT) else {}
    return shown | {
        k: table.get(shown[k], shown[k]) for k in ("name", "presentation") if _is_text(shown.get(k))
    }


def asked(value: Any, fields: dict[str, str], values: dict[str, str]) -> Any:
    """Return a request's body with the other names in `customFields` put back."""
    if not isinstance(value, dict):
        return value
    back = dict(value)
    if isinstance(value.get("customFields"), list):
        back["customFields"] = [asked(f, fields, values) for f in value["customFields"]]
    if _is_text(value.get("name")):
        back["name"] = fields.get(value["name"], value["name"])
    chosen = value.get("value")
    if isinstance(chosen, dict) and _is_text(chosen.get("name")):
        back["value"] = {**chosen, "name": values.get(chosen["name"], chosen["name"])}
    return back


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _rewritten(body: bytes, change: Callable[[Any], Any]) -> bytes:
    try:
        return json.dumps(change(json.loads(body)), ensure_ascii=False).encode() if body else body
    except ValueError:
        return body


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body
