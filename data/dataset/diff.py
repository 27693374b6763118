"""What changed between two dataset versions. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from data.dataset.canonical import COLUMNS, from_table
from data.dataset.load import Dataset
from data.dataset.rows import Row
from data.dataset.splits import SPLITS

_LABELS = ("issue_type", "priority", "team")


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One ticket whose label differs."""

    ticket_id: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """From version `a` to version `b`; ticket ids are sorted, deltas are b minus a (zero left out)."""

    a: str
    b: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]
    """Ticket id -> columns that differ."""
    labels: tuple[LabelChange, ...]
    answers: dict[str, int]
    """Issue type -> by how many its answers of the desk became more or fewer, or were exchanged (0)."""
    splits: dict[str, int]
    issue_types: dict[str, int]
    exclusions: dict[str, int]
    versions: dict[str, tuple[str, str]]
    """Version name -> before and after, where they differ."""

    @property
    def same(self) -> bool:
        return self.a == self.b


def diff(a: Dataset, b: Dataset) -> Difference:
    """Compare two loaded versions ticket by ticket."""
    before, after = _by_id(a), _by_id(b)
    changed = {
        t: columns
        for t in sorted(before.keys() & after.keys())
        if (columns := tuple(c for c in COLUMNS if getattr(before[t], c) != getattr(after[t], c)))
    }
    labels = [
        LabelChange(t, c, getattr(before[t], c), getattr(after[t], c))
        for t, columns in changed.items()
        for c in _LABELS
        if c in columns
    ]
    old, new = a.manifest, b.manifest
    return Difference(
        a=old.id,
        b=new.id,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=changed,
        labels=tuple(labels),
        answers=_answers(a, b),
        splits={s: d for s in SPLITS if (d := new.counts["splits"][s] - old.counts["splits"][s])},
        issue_types=_delta(old.counts["issue_types"], new.counts["issue_types"]),
        exclusions=_delta(old.exclusions, new.exclusions),
        versions={
            k: (v, new.versions.get(k, "")) for k, v in old.versions.items() if new.versions.get(k, "") != v
        },
    )


def _answers(a: Dataset, b: Dataset) -> dict[str, int]:
    before, after = set(a.answers), set(b.answers)
    changed = {answer.issue_type for answer in before ^ after}
    count = Counter(answer.issue_type for answer in after)
    count.subtract(answer.issue_type for answer in before)
    return {issue_type: count[issue_type] for issue_type in sorted(changed)}


def _by_id(dataset: Dataset) -> dict[str, Row]:
    return {row.ticket_id: row for row in from_table(dataset.table.data.table)}


def _delta(old: Any, new: Any) -> dict[str, int]:
    difference = Counter(new)
    difference.subtract(old)
    return {k: n for k, n in sorted(difference.items()) if n}
