"""A ticket: a customer's request, as the tracker holds it and as the model reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a prediction is made from. Everything but the two texts may be unknown.

    `id` is the tracker's database id (it survives a move between projects) or whatever the caller
    uses; `client` is the tenant's key; `country` an ISO 3166 alpha-2 code; `lang` ISO 639-1.
    """

    id: str
    summary: str
    description: str
    client: str | None = None
    country: str | None = None
    lang: str | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. `internal` is true where the requester cannot read it."""

    id: str
    author: str
    text: str
    created: datetime
    internal: bool
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's metadata; what is in it is never read. `size` in bytes, `None` where the tracker hides it.

    `mime_type` is what the tracker says and may be empty.
    """

    id: str
    name: str
    size: int | None
    mime_type: str
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another ticket, seen from this one.

    `type` is the name of the link's type, `direction` one of `outward`, `inward`, `both`, `relation` the
    words for it ("duplicates"); `target_id` the other's database id and `target` its readable one.
    """

    type: str
    direction: str
    relation: str
    target_id: str
    target: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change of a ticket, from the tracker's activity feed (names, `None` for empty).

    `kind` is `field` for a custom field, else what changed: `resolved`, `tags`, `summary`, `description`,
    `comment`, `comment_text`, `comment_visibility`, `attachment`, `link`, `project`, `visibility`,
    `readable_id`; there `field` repeats it. `subject` is the id of the comment that the change is about;
    of a link its words ("duplicates"), where the tracker tells them. Of comments that were added or
    deleted, and of tickets linked, `added` and `removed` hold database ids; of files name, MIME type, size.
    """

    id: str
    author: str
    at: datetime
    field: str
    removed: str | None
    added: str | None
    kind: str = "field"
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """A ticket with the tracker's facts about it: what the store keeps.

    The four triage fields hold taxonomy keys (`issue_type`, `category`, `team`) and a lower-case
    priority, or `None` where the tracker's field is empty. `fields` are all custom fields that have a
    value, under the tracker's names, sorted; several values of one field are joined by `, `.
    """

    ticket: Ticket
    project: str
    readable_id: str
    reporter: str
    created: datetime
    updated: datetime
    resolved: datetime | None
    state: str
    issue_type: str | None
    category: str | None
    priority: str | None
    team: str | None
    tags: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw_hash: str = field(default="", compare=False)

    @property
    def tenant(self) -> str:
        """The client this ticket belongs to; tickets without one are kept under `unassigned`."""
        return self.ticket.client or "unassigned"
