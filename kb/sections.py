"""The questions that every article answers, as the headings of its sections."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kb.fields import FieldReader

_HEADING = re.compile(r"^##[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_DESK = (
    *("Who it is for", "Recognise it", "Check first", "Steps", "Never", "Hand over", "Reply"),
    "Solved when",
)
_REQUESTER = (
    *("Who it is for", "Is this your case?", "Check first", "What to do", "Please never"),
    *("When the desk takes over", "What we will write", "Solved when"),
)
WANTED: Mapping[str, tuple[str, ...]] = {"agent": _DESK, "requester": _REQUESTER}
THE_RULE = "The rule"
"""The section that a compliance reference has besides."""
EXAMPLE = "Example, not legal advice"
"""What a compliance reference must say of itself."""


def sections_of(body: str) -> dict[str, str]:
    """Return heading -> text of the sections (`## ...`), in order."""
    marks = list(_HEADING.finditer(body))
    ends = [m.start() for m in marks[1:]] + [len(body)]
    return {m.group(1): body[m.end() : end].strip() for m, end in zip(marks, ends, strict=True)}


def check_sections(fields: FieldReader, audience: str, *, compliance: bool) -> None:
    """Note sections that are missing, empty, unknown or twice there."""
    body = fields.document.body
    wanted = [*WANTED[audience], *([THE_RULE] if compliance else [])]
    found = sections_of(body)
    for heading in wanted:
        if heading not in found:
            fields.note_text(
                "", f"section '## {heading}' is missing", "Write it; every article answers this."
            )
        elif not found[heading]:
            fields.note_text(
                f"## {heading}", f"section '## {heading}' is empty", "Answer it, or say why not."
            )
    for heading in found:
        if heading not in wanted:
            fields.note_text(
                f"## {heading}",
                f"section '## {heading}' is not one of this kind",
                f"Use: {', '.join(wanted)}.",
            )
    if len(_HEADING.findall(body)) != len(found):
        fields.note_text("", "a section is there twice", "Join the two.")
    if compliance and EXAMPLE not in body:
        fields.note_text(
            "", "it does not say that it is an example", f"Add the sentence '{EXAMPLE}' with what to verify."
        )
