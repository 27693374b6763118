"""From draft to retired: who may move a document on, and what is then written down. Pure decisions.

`draft` -> `reviewed` -> `approved` -> `retired`; a document that is not approved may be given back to
`draft`. Review and approval are never the author's (four eyes), and approval is bound to the text: its
digest is written down, so a later change is seen and needs a new version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from data.errors import BadInputError
from kb.document import Document
from kb.fields import FieldReader

Status = Literal["draft", "reviewed", "approved", "retired"]
STATUSES: tuple[Status, ...] = ("draft", "reviewed", "approved", "retired")
FIELDS = ("owner", "author", "status", "version", "review_by")
RECORDS = (
    *("reviewed_by", "reviewed_on", "approved_by", "approved_on", "approved_text"),
    *("retired_by", "retired_on", "retired_because"),
)
_NEEDS: Mapping[Status, tuple[str, ...]] = {
    "draft": (),
    "reviewed": ("reviewed_by", "reviewed_on"),
    "approved": ("reviewed_by", "reviewed_on", "approved_by", "approved_on", "approved_text"),
    "retired": ("retired_by", "retired_on", "retired_because"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """Where a document stands and who put it there. Dates are days in UTC."""

    owner: str
    author: str
    status: Status
    version: int
    review_by: date
    reviewed_by: str = ""
    reviewed_on: date | None = None
    approved_by: str = ""
    approved_on: date | None = None
    approved_text: str = ""
    retired_by: str = ""
    retired_on: date | None = None
    retired_because: str = ""


class TransitionError(BadInputError):
    """A document may not be moved on like this."""

    title = "Step refused"


def review(record: Record, *, by: str, on: date) -> dict[str, Any]:
    """Return the entries to write when `by` has reviewed a draft. Raises `TransitionError`."""
    _by_another(record, by, "review")
    _from(record, ("draft",), "reviewed")
    return {"status": "reviewed", "reviewed_by": by, "reviewed_on": on}


def approve(record: Record, *, by: str, on: date, text: str) -> dict[str, Any]:
    """Return the entries to write when `by` approves; `text` is the digest of what is approved."""
    _by_another(record, by, "approval")
    _from(record, ("reviewed",), "approved")
    if record.review_by <= on:
        raise TransitionError(
            f"The next review was due on {record.review_by}.", remedy="Set review_by to a coming day first."
        )
    return {"status": "approved", "approved_by": by, "approved_on": on, "approved_text": text}


def retire(record: Record, *, by: str, on: date, because: str) -> dict[str, Any]:
    """Return the entries to write when a document is taken out of use. Anybody may do it, with a reason."""
    _named(by)
    _from(record, ("draft", "reviewed", "approved"), "retired")
    if not because.strip():
        raise TransitionError("There is no reason.", remedy="Say why with --because.")
    return {"status": "retired", "retired_by": by, "retired_on": on, "retired_because": because.strip()}


def revise(record: Record, *, by: str) -> dict[str, Any]:
    """Return the entries that make the next version a draft of `by`; old reviews and approvals go."""
    _named(by)
    _from(record, ("reviewed", "approved"), "draft")
    gone: dict[str, Any] = dict.fromkeys(RECORDS)
    number = record.version + (1 if record.status == "approved" else 0)
    return {"status": "draft", "version": number, "author": by, **gone}


def read_record(fields: FieldReader) -> Record:
    """Read the lifecycle's entries; problems land in `fields`."""
    status = cast(Status, fields.choice("status", STATUSES))
    for name in _NEEDS[status]:
        if name not in fields.raw:
            fields.note("status", f"status {status} needs {name}", _WAY.get(status, _WAY["approved"]))
    record = Record(
        owner=fields.text("owner"),
        author=fields.text("author"),
        status=status,
        version=fields.whole("version"),
        review_by=fields.day("review_by") or date.min,
        reviewed_by=fields.text("reviewed_by"),
        reviewed_on=fields.day("reviewed_on"),
        approved_by=fields.text("approved_by"),
        approved_on=fields.day("approved_on"),
        approved_text=fields.text("approved_text"),
        retired_by=fields.text("retired_by"),
        retired_on=fields.day("retired_on"),
        retired_because=fields.text("retired_because"),
    )
    for name, person in (("reviewed_by", record.reviewed_by), ("approved_by", record.approved_by)):
        if person and _same(person, record.author):
            fields.note(name, f"{name} is the author", "A second person must do this (four eyes).")
    if status == "approved" and record.approved_text != digest(fields.document):
        fields.note(
            "approved_text",
            "the text has changed since it was approved",
            "Make it a draft again (`firstline kb revise ID --by ...`) and have it approved.",
        )
    return record


def digest(document: Document) -> str:
    """Return 12 hexadecimal digits of everything that approval is about: all but the lifecycle's records."""
    facts = {k: v for k, v in document.raw.items() if k not in (*RECORDS, "status", "review_by")}
    text = json.dumps([facts, document.body], sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_WAY: Mapping[str, str] = {
    "reviewed": "Use `firstline kb review ID --by NAME`; it writes all of them.",
    "approved": "Use `firstline kb approve ID --by NAME`; it writes all of them.",
    "retired": "Use `firstline kb retire ID --by NAME --because WHY`; it writes all of them.",
}


def _from(record: Record, allowed: tuple[Status, ...], to: str) -> None:
    if record.status not in allowed:
        raise TransitionError(
            f"It is {record.status} and cannot become {to}.",
            remedy=f"Only what is {' or '.join(allowed)} can become {to}.",
        )


def _by_another(record: Record, by: str, what: str) -> None:
    _named(by)
    if _same(by, record.author):
        raise TransitionError(
            f"{by} is the author.", remedy=f"The {what} must come from somebody else (four eyes)."
        )


def _named(by: str) -> None:
    if not by.strip():
        raise TransitionError("Nobody is named.", remedy="Say who does it with --by.")


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
