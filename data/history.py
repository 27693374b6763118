"""A ticket as it stood at any moment, from its record and its history. Pure.

The present is what the tracker shows and the history leads to it, so the past is the present with later
changes undone: what never changed need not be in the history. Of comments deleted since, only the place
is left, in the past as well: their words were taken away on purpose. Files are those of today that were
there already; one that was removed since is in the history, not among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from data.clock import from_millis
from data.mapping import TrackerMapping
from data.ticket import Comment, FieldChange, Link, TicketRecord
from data.youtrack.wire import id_order, with_fields


def as_of(record: TicketRecord, moment: datetime, names: TrackerMapping | None = None) -> TicketRecord | None:
    """Return the ticket as it stood at `moment`, changes of that moment included; `None` before it was.

    `names` are the tracker's names of the fields that the record's attributes come from.
    """
    if moment < record.created:
        return None
    state = _State.of(record)
    for change in reversed(_ordered(record.changes)):
        if change.at > moment:
            state.move(change, change.added, change.removed)
    return state.record(record, moment, names or TrackerMapping())


def replayed(
    record: TicketRecord, moment: datetime, names: TrackerMapping | None = None
) -> TicketRecord | None:
    """Return the same going forward from the ticket's birth; it equals `as_of` where the history is whole."""
    if moment < record.created:
        return None
    state = _State.of(record)
    ordered = _ordered(record.changes)
    for change in reversed(ordered):
        state.move(change, change.added, change.removed)
    for change in ordered:
        if change.at <= moment:
            state.move(change, change.removed, change.added)
    return state.record(record, moment, names or TrackerMapping())


def _ordered(changes: Iterable[FieldChange]) -> list[FieldChange]:
    return sorted(changes, key=lambda c: (c.at, id_order(c.id), c.id))


_End = tuple[str, str]
"""A link's words and the other ticket's database id."""


@dataclass(slots=True)
class _State:
    """What changes of a ticket act upon."""

    texts: dict[str, str]
    resolved: datetime | None
    fields: dict[str, str]
    tags: set[str]
    comments: dict[str, Comment]
    links: dict[_End, Link]
    known: dict[_End, Link]
    withheld: frozenset[str]

    @classmethod
    def of(cls, record: TicketRecord) -> _State:
        ticket = record.ticket
        links = {(k.relation, k.target_id): k for k in record.links}
        return cls(
            texts={
                "summary": ticket.summary,
                "description": ticket.description,
                "project": record.project,
                "readable_id": record.readable_id,
            },
            resolved=record.resolved,
            fields=dict(record.fields),
            tags=set(record.tags),
            comments={c.id: c for c in record.comments},
            links=links,
            known=dict(links),
            withheld=frozenset(c.id for c in record.comments if c.deleted),
        )

    def move(self, change: FieldChange, old: str | None, new: str | None) -> None:
        """Put `new` in the place of `old`: onwards, or backwards with the change's sides exchanged."""
        if change.kind in self.texts:
            self.texts[change.kind] = new or ""
        elif change.kind == "field":
            value = _exchanged(self.fields.pop(change.field, None), old, new)
            if value is not None:
                self.fields[change.field] = value
        elif change.kind == "resolved":
            self.resolved = None if new is None else from_millis(int(new))
        elif change.kind == "tags":
            self.tags = self.tags - set(_values(old)) | set(_values(new))
        elif change.kind == "link" and change.subject is not None:
            for target in _values(old):
                self.links.pop((change.subject, target), None)
            for target in _values(new):
                self._link((change.subject, target))
        elif change.kind == "comment":
            self._comments(_values(old), deleted=True)
            self._comments(_values(new), deleted=False)
        elif change.subject in self.comments and change.subject not in self.withheld:
            self._comment(change.kind, self.comments[change.subject], new)

    def _link(self, end: _End) -> None:
        # Of a link that is gone only its words and its target are known.
        self.links[end] = self.known.get(end) or Link("", "", *end, "")

    def _comments(self, ids: Iterable[str], *, deleted: bool) -> None:
        for i in ids:
            if i in self.comments and i not in self.withheld:
                self.comments[i] = replace(self.comments[i], deleted=deleted)

    def _comment(self, kind: str, comment: Comment, new: str | None) -> None:
        if kind == "comment_text":
            self.comments[comment.id] = replace(comment, text=new or "")
        elif kind == "comment_visibility":
            self.comments[comment.id] = replace(comment, internal=new is not None)

    def record(self, record: TicketRecord, moment: datetime, names: TrackerMapping) -> TicketRecord:
        """Return the state as a record of that moment."""
        changes = tuple(c for c in record.changes if c.at <= moment)
        said = [c for c in self.comments.values() if c.created <= moment]
        summary, description = self.texts["summary"], self.texts["description"]
        stood = replace(
            record,
            ticket=replace(record.ticket, summary=summary, description=description),
            project=self.texts["project"],
            readable_id=self.texts["readable_id"],
            updated=_updated(record, moment, changes),
            resolved=self.resolved,
            tags=tuple(sorted(self.tags)),
            links=tuple(sorted(self.links.values(), key=lambda k: (k.relation, id_order(k.target_id)))),
            attachments=tuple(a for a in record.attachments if a.created is None or a.created <= moment),
            comments=tuple(replace(c, text="") if c.deleted else c for c in said),
            changes=changes,
        )
        return with_fields(stood, self.fields, names)


def _updated(record: TicketRecord, moment: datetime, changes: Iterable[FieldChange]) -> datetime:
    if moment >= record.updated:
        return record.updated
    return max([record.created, *(c.at for c in changes)])


def _exchanged(now: str | None, old: str | None, new: str | None) -> str | None:
    """Return a field's value after a change; the sides of a field with several values are differences."""
    if now == old:
        return new
    left = [v for v in _values(now) if v not in set(_values(old))]
    return ", ".join([*left, *(v for v in _values(new) if v not in left)]) or None


def _values(text: str | None) -> list[str]:
    return text.split(", ") if text else []
