"""The OpenAPI document of the whole service, made from the table of routes and the shapes.

BentoML describes its own endpoint only. Here every rule of `access.RULES` must have an entry, and every
status that can be answered is named; which ones follow from the rule itself is not written down twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from data.store.listing import DECISIONS
from serving import shapes, ticket_query
from serving.access import RULES, Rule
from serving.problem import MEDIA_TYPE

_JSON, _REFERENCE = "application/json", "#/components/schemas/{model}"
_KEY = "apiKey"
_ANYTHING: dict[str, Any] = {"type": "object"}

STATUSES = {
    400: "The request cannot be read: no JSON, no usable Idempotency-Key, no event.",
    401: "No good API key; for events, no good signature.",
    403: "The key may not do this, or the caller is not on this machine where no keys are asked for.",
    404: "There is none that this key may know of.",
    405: "That method is not known here.",
    409: "It was done already, or this very message was received before.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "The request can be read but is wrong; `detail` names what.",
    429: "Too many requests; `Retry-After` says for how long.",
    503: "Not possible right now: engine or database do not answer, or too many events wait.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the document says of one route beside what its rule says.

    `gives`: status of success, media type, shape (`None`: an object of any shape, or text). `refuses`:
    the statuses beside those that follow from the rule. `takes`: the shape of the body.
    """

    id: str
    says: str
    gives: tuple[int, str, type[BaseModel] | None]
    refuses: tuple[int, ...] = ()
    takes: type[BaseModel] | None = None
    parameters: Sequence[Mapping[str, Any]] = ()


def _query(name: str, says: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": schema}


_TICKET = {
    "name": "ticket",
    "in": "path",
    "required": True,
    "description": "The tracker's readable id or database id.",
    "schema": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
}
_HEADERS = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "The same order under the same key counts once.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
    },
    {
        "name": "X-Firstline-Actor",
        "in": "header",
        "required": False,
        "description": "Login of the person, percent-encoded. Only a key made with --acts-for-people may.",
        "schema": {"type": "string", "maxLength": 100, "pattern": "^[A-Za-z0-9._@-]+$"},
    },
)
_FILTERS = (
    _query("open", "Only tickets that are, or are not, resolved.", type="boolean"),
    _query("state", "The tracker's own word.", type="string", minLength=1, maxLength=ticket_query.STATE_MOST),
    _query("since", "Changed at this moment or later.", type="string", format="date-time"),
    _query("decision", "What was decided; staff only.", type="string", enum=list(DECISIONS)),
    _query(
        "client",
        "Of one client; a key of one client may name only that.",
        type="string",
        minLength=1,
        maxLength=ticket_query.STATE_MOST,
    ),
    _query(
        "limit",
        "How many at most.",
        type="integer",
        minimum=1,
        maximum=ticket_query.MOST,
        default=ticket_query.DEFAULT,
    ),
    _query(
        "cursor",
        "`next` of the page before.",
        type="string",
        minLength=1,
        maxLength=ticket_query.CURSOR_MOST,
    ),
)
_LINKS = {
    name: {"operationId": name, "parameters": {"ticket": "$response.body#/tickets/0/id"}}
    for name in ("ticket", "decision", "suggestion", "accept", "edit", "dismiss", "undo")
}
_PAGE, _TEXT = (200, "text/html", None), (200, "text/plain", None)


def _given(shape: type[BaseModel], status: int = 200) -> tuple[int, str, type[BaseModel]]:
    return status, _JSON, shape


def _order(name: str, says: str, takes: type[BaseModel] = shapes.OrderIn) -> Entry:
    return Entry(
        name,
        f"{says} Answers with the suggestion as it then stands.",
        _given(shapes.SuggestionOut),
        (400, 404, 409, 413, 422, 503),
        takes,
        (_TICKET, *_HEADERS),
    )


ENTRIES: dict[tuple[str, str], Entry] = {
    ("GET", "/livez"): Entry("livez", "The process lives.", _TEXT),
    ("GET", "/healthz"): Entry("healthz", "The same as /livez.", _TEXT),
    ("GET", "/readyz"): Entry(
        "readyz",
        "Whether tickets can be triaged, and what is known about each part.",
        _given(shapes.Readiness),
        (503,),
    ),
    ("GET", "/metrics"): Entry("metrics", "Prometheus series.", _TEXT),
    ("GET", "/"): Entry("status", "The status page for people.", _PAGE),
    ("GET", "/docs"): Entry("docs", "This document as a page.", _PAGE, (429,)),
    ("GET", "/docs.json"): Entry("docs_json", "The same as /v1/openapi.json.", (200, _JSON, None), (429,)),
    ("GET", "/v1/openapi.json"): Entry("openapi", "This document.", (200, _JSON, None), (429,)),
    ("GET", "/schema.json"): Entry("schema", "BentoML's description for its own client.", (200, _JSON, None)),
    ("GET", "/v1/bundle"): Entry("bundle", "What is served, and what is proven.", _given(shapes.BundleOut)),
    ("POST", "/v1/triage"): Entry(
        "triage",
        "Triage a batch; a bad ticket gets an `error` and the rest goes on.",
        _given(shapes.TriageOut),
        (400, 413, 415, 422, 503),
        shapes.TriageIn,
    ),
    ("POST", "/v1/events/youtrack"): Entry(
        "event",
        "A signed, ids-only event of the tracker; Standard Webhooks headers or the vendor's token.",
        _given(shapes.Received, 202),
        (400, 401, 409, 413, 503),
        shapes.EventIn,
    ),
    ("GET", "/v1/tickets"): Entry(
        "tickets",
        "Tickets, newest first, page by page.",
        _given(shapes.TicketPage),
        (422, 503),
        None,
        _FILTERS,
    ),
    ("GET", "/v1/tickets/{ticket}"): Entry(
        "ticket",
        "One ticket with the latest decision, its effects and its place in the ledger.",
        _given(shapes.TicketOut),
        (404, 422, 503),
        None,
        (_TICKET,),
    ),
    ("GET", "/v1/decisions/{ticket}"): Entry(
        "decision",
        "One decision with its probabilities, thresholds, reason, versions and effects.",
        _given(shapes.DecisionOut),
        (404, 422, 503),
        None,
        (_TICKET,),
    ),
    ("GET", "/v1/tickets/{ticket}/suggestion"): Entry(
        "suggestion",
        "What Firstline proposes on a ticket, and what can be done about it.",
        _given(shapes.SuggestionOut),
        (404, 503),
        None,
        (_TICKET,),
    ),
    ("POST", "/v1/tickets/{ticket}/accept"): _order("accept", "Have the suggestion written."),
    ("POST", "/v1/tickets/{ticket}/edit"): _order("edit", "Have a correction written.", shapes.EditIn),
    ("POST", "/v1/tickets/{ticket}/dismiss"): _order("dismiss", "Turn the suggestion down."),
    ("POST", "/v1/tickets/{ticket}/undo"): _order("undo", "Take back what Firstline wrote."),
}


def document(rules: Sequence[Rule] = RULES) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document. Raises `KeyError` for a rule that has no entry."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in rules:
        entry = ENTRIES[rule.method, rule.path]
        paths.setdefault(rule.path, {})[rule.method.lower()] = _operation(rule, entry)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Firstline",
            "version": version("firstline"),
            "description": "Triage of support tickets. Errors are problem documents (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                _KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `firstline keys create`. None is asked for with access = local.",
                }
            },
        },
    }


def refusals(rule: Rule, entry: Entry) -> list[int]:
    """Return every status beside success that this route answers, sorted."""
    found = {405, *entry.refuses}
    if not rule.free:
        found |= {401, 403, 429, 503}  # 503: whose key it is cannot be looked up
    return sorted(found)


def _operation(rule: Rule, entry: Entry) -> dict[str, Any]:
    roles = "anybody" if rule.free else ", ".join(sorted(rule.roles))
    keys = " that are not one client's" if rule.desk else ""
    found: dict[str, Any] = {
        "operationId": entry.id,
        "summary": entry.says,
        "description": f"For {roles}{keys}.",
        "security": [] if rule.free else [{_KEY: []}],
        "responses": _responses(rule, entry),
    }
    if entry.parameters:
        found["parameters"] = list(entry.parameters)
    if entry.takes is not None:
        content = {_JSON: {"schema": _reference(entry.takes)}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _responses(rule: Rule, entry: Entry) -> dict[str, Any]:
    status, media, shape = entry.gives
    if media != _JSON:
        schema: dict[str, Any] = {"type": "string"}
    else:
        schema = _ANYTHING if shape is None else _reference(shape)
    found: dict[str, Any] = {str(status): {"description": "Done.", "content": {media: {"schema": schema}}}}
    if entry.id == "tickets":
        found[str(status)]["links"] = _LINKS
    problem = {MEDIA_TYPE: {"schema": _reference(shapes.Problem)}}
    for refused in refusals(rule, entry):
        found[str(refused)] = {"description": STATUSES[refused], "content": dict(problem)}
    return found


def _reference(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def _schemas() -> dict[str, Any]:
    shown = [e.gives[2] for e in ENTRIES.values()] + [e.takes for e in ENTRIES.values()]
    models = {s for s in shown if s is not None} | {shapes.Problem, shapes.TicketIn}
    ordered: list[Any] = sorted(models, key=lambda m: m.__name__)
    _, found = models_json_schema([(m, "serialization") for m in ordered], ref_template=_REFERENCE)
    schemas: dict[str, Any] = found["$defs"]
    schemas["TriageIn"]["properties"]["tickets"]["items"] = {"anyOf": [_reference(shapes.TicketIn), {}]}
    return schemas
