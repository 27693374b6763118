"""The shapes of what the service takes and answers, for the OpenAPI document.

Members that a client's key does not get are optional here. What is taken in is checked where it is used,
so that one bad ticket spoils only its own result.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Probability = Annotated[float, Field(ge=0, le=1)]
Action = Literal["apply", "suggest", "abstain"]
PriorityAction = Literal["apply", "suggest"]
Fields = dict[str, str | None]


class Problem(BaseModel):
    """What went wrong (RFC 9457), and what to do."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str | None = None


class TicketIn(BaseModel):
    """A ticket to triage."""

    model_config = ConfigDict(extra="allow")

    summary: str
    description: str
    client: str | None = Field(None, description="Key of the client company.")
    country: str | None = Field(None, description="ISO 3166 alpha-2 code.")
    lang: str | None = Field(None, description="ISO 639-1 code.")
    id: str | int | None = Field(None, description="Returned with the result; default: position from 1.")


# Validated by `parse_ticket`; documented as TicketIn.
AnyTicket = Annotated[Any, WithJsonSchema(TicketIn.model_json_schema())]


class Candidate(BaseModel):
    """One likely issue type."""

    issue_type: str
    probability: Probability


class TriageResult(BaseModel):
    """What was decided on a ticket, or `error` and `line` (position from 1) for one that was bad."""

    id: str | None = None
    issue_type: str | None = None
    category: str | None = None
    priority: str | None = None
    team: str | None = None
    probability: float | None = Field(None, ge=0, le=1, description="Calibrated, of the issue type.")
    top: list[Candidate] | None = Field(None, description="The three best issue types.")
    priority_probability: float | None = Field(None, ge=0, le=1)
    decision: str | None = Field(None, pattern="^(apply|suggest|abstain)$")
    reason: str | None = None
    bundle: str | None = None
    priority_decision: str | None = Field(None, pattern="^(apply|suggest)$")
    policy: str | None = None
    error: str | None = None
    line: int | None = None


class TriageIn(BaseModel):
    """Tickets to triage, at most 512."""

    model_config = ConfigDict(extra="allow")

    tickets: list[Any] = Field(max_length=512, description="Each a TicketIn; a bad one gets an `error`.")


class TriageOut(BaseModel):
    """One result per ticket, in order."""

    results: list[TriageResult]


class TicketLine(BaseModel):
    """A ticket in the list. From `project` on for staff only."""

    id: str = Field(description="The tracker's readable id.")
    key: str = Field(description="The tracker's database id; it survives a move between projects.")
    client: str
    summary: str
    country: str | None
    state: str
    open: bool
    created: datetime
    updated: datetime
    resolved: datetime | None
    issue_type: str | None
    category: str | None
    priority: str | None
    classified_alone: bool = Field(description="Firstline wrote the fields by itself, and nobody undid it.")
    project: str | None = None
    team: str | None = None
    decision: Action | None = None
    decided_at: datetime | None = None
    gone_at: datetime | None = Field(None, description="The tracker does not show it any more.")


class TicketPage(BaseModel):
    """Tickets, newest first. `next` is the cursor of the following page; null on the last."""

    tickets: list[TicketLine]
    next: str | None


class CommentOut(BaseModel):
    """A comment; a client's key gets only what requesters can read."""

    id: str
    created: datetime
    text: str
    author: str | None = None
    internal: bool | None = None


class EffectOut(BaseModel):
    """One effect on the tracker: fields as found before and left after the write, and how it ended."""

    id: str
    kind: str
    state: Literal["new", "sending", "done", "dead"]
    automatic: bool
    attempts: int
    created_at: datetime
    found: Fields | None
    left: Fields | None
    outcome: str | None
    error: str | None


class DecisionOut(BaseModel):
    """The decision on a ticket. `id` is the ticket's database id: there is one decision per ticket.

    A client's key sees only what was written to the ticket, up to `undone_at` and `priority`.
    """

    id: str
    ticket: str
    client: str
    decided_at: datetime
    decision: Action
    issue_type: str
    category: str
    undone_at: datetime | None
    priority: str | None = None
    team: str | None = None
    priority_decision: PriorityAction | None = None
    probability: Probability | None = None
    priority_probability: Probability | None = None
    top: list[Candidate] | None = None
    reason: str | None = None
    bundle: str | None = None
    policy: str | None = None
    thresholds: dict[str, Any] | None = Field(None, description="The certificates it was decided under.")
    undone_by: str | None = None
    effects: list[EffectOut] | None = None


class LedgerRow(BaseModel):
    """Whether the ticket's closing was learnt from, and why not."""

    kind: Literal["resolution", "root_cause"]
    state: Literal["candidate", "rejected", "trained_in"]
    reason: str | None
    dataset: str | None
    model: str | None
    resolved_at: datetime
    recorded_at: datetime


class TicketOut(TicketLine):
    """A ticket with its comments, the latest decision with its effects, and its ledger rows."""

    description: str
    lang: str | None
    comments: list[CommentOut]
    latest_decision: DecisionOut | None
    reporter: str | None = None
    tags: list[str] | None = None
    ledger: list[LedgerRow] | None = None
    ledger_explained: list[str] | None = None


class Answer(BaseModel):
    """What a person did with a suggestion."""

    action: Literal["accept", "edit", "dismiss", "undo"]
    by: str
    at: datetime
    fields: dict[str, str]


class SuggestionOut(BaseModel):
    """What Firstline proposes or wrote, and what can be done about it."""

    ticket: str
    decided_at: datetime
    decision: Action
    priority_decision: PriorityAction
    issue_type: str
    category: str
    priority: str
    team: str
    probability: Probability
    priority_probability: Probability
    top: list[Candidate]
    reason: str
    bundle: str
    policy: str
    written: list[str]
    kept: Fields
    feedback: Answer | None
    undone_at: datetime | None
    undone_by: str | None
    delivery: str | None
    actions: list[str]
    choices: dict[str, list[str]]


class OrderIn(BaseModel):
    """Nothing is needed; other members are ignored."""

    model_config = ConfigDict(extra="allow")


class EditIn(BaseModel):
    """The fields to correct, at least one, with values from `choices` of the suggestion."""

    model_config = ConfigDict(extra="allow")

    fields: dict[Literal["issue_type", "category", "priority", "team"], str] = Field(min_length=1)


class BundleOut(BaseModel):
    """What is served: bundle, policy and the certificates it got."""

    model_config = ConfigDict(extra="allow")

    bundle: str
    policy: str
    suggest_from: Probability
    certificates: dict[str, Any]
    issue_types: list[str]


class EventIn(BaseModel):
    """An event, ids only. The signature is over the raw bytes; the vendor's app sends a readable `id`."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(pattern="^[A-Za-z][A-Za-z0-9_]{0,20}-[0-9]{1,9}$")


class Received(BaseModel):
    """The event is stored."""

    received: bool
    duplicate: bool


class Part(BaseModel):
    """Whether one part works; `retry_at`: when the tracker is asked again after it failed."""

    ok: bool
    state: str
    retry_at: datetime | None = None


class Readiness(BaseModel):
    """Engine and database decide; a tracker that is away stops nothing here."""

    ready: bool
    engine: Part
    database: Part
    tracker: Part
