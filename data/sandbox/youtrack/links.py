"""Links between issues: each is kept on both ends and shown in the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.model import LINK_TYPE, Issue, Link, LinkType, User

if TYPE_CHECKING:
    from data.sandbox.youtrack.state import TrackerState


_LINK_TYPES = (
    ("Relates", "relates to", ""),
    ("Depend", "is required for", "depends on"),
    ("Duplicate", "is duplicated by", "duplicates"),
    ("Subtask", "parent for", "subtask of"),
)


def standard_types() -> list[LinkType]:
    """Return the link types that every tracker begins with."""
    return [LinkType(f"{LINK_TYPE}-{n}", *parts) for n, parts in enumerate(_LINK_TYPES)]


def link(state: TrackerState, issue: Issue, author: User, at: int, wanted: Link) -> None:
    """Link `issue` as `wanted` says; doing so twice changes nothing."""
    if any(_same(known, wanted) for known in issue.links):
        return
    state.touch(issue)
    state.touch(wanted.issue)
    issue.links.append(wanted)
    wanted.issue.links.append(_other_end(issue, wanted))
    ends = [(issue, wanted)]
    if unverified.LINKS_ON_BOTH_ENDS:
        ends.append((wanted.issue, _other_end(issue, wanted)))
    for holder, end in ends:
        words = _words(end)
        state.record(holder, author, at, "LinksCategory", added=[end.issue], removed=[], relation=words)


def unlink(state: TrackerState, issue: Issue, author: User, at: int, gone: Link) -> None:
    """Remove a link from both ends."""
    state.touch(issue)
    state.touch(gone.issue)
    for holder, end in ((issue, gone), (gone.issue, _other_end(issue, gone))):
        kept = [known for known in holder.links if not _same(known, end)]
        if len(kept) < len(holder.links):
            holder.links[:] = kept
            words = _words(end)
            state.record(holder, author, at, "LinksCategory", added=[], removed=[end.issue], relation=words)


def _other_end(issue: Issue, link: Link) -> Link:
    return Link(link.type, not link.outward and link.type.directed, issue)


def _words(link: Link) -> str:
    return link.type.outward if link.outward or not link.type.directed else link.type.inward


def _same(one: Link, two: Link) -> bool:
    return (one.type, one.outward, one.issue) == (two.type, two.outward, two.issue)
