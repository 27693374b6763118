"""Checking the audit log: the chain itself, its head, and the heads exported outside the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection

from data.audit_heads import ExportedHead
from data.store import Store, audit
from data.store.audit_chain import GENESIS, Row, link

_PAGE = 2000
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `problems` holds the first 20 of `problems_total`."""

    rows: int
    hash: str
    exported_heads: int
    problems: tuple[str, ...]
    problems_total: int

    @property
    def intact(self) -> bool:
        return self.problems_total == 0


def verify(store: Store, heads: Sequence[ExportedHead], *, unreadable: int = 0) -> Verdict:
    """Check every row up to now, in short reads; `unreadable` counts lines of the heads' file.

    Raises `StorageError` where the log cannot be read at all.
    """
    return _judge(store.read, heads, unreadable)


def verify_within(conn: Connection) -> Verdict:
    """Check every row inside the transaction of `conn`, without exported heads."""
    return _judge(lambda: nullcontext(conn), (), 0)


def _judge(
    read: Callable[[], AbstractContextManager[Connection]], heads: Sequence[ExportedHead], unreadable: int
) -> Verdict:
    with read() as conn:
        end, (rows, last) = audit.head(conn), audit.extent(conn)
    walk = _Walk(heads)
    while walk.seq < last:
        with read() as conn:
            page = audit.page(conn, walk.seq, min(_PAGE, last - walk.seq))
        if not page:
            break
        walk.take([r for r in page if r.seq <= last])
    problems = walk.problems
    if (walk.seq, walk.hash) != (end.seq, end.hash):
        problems.append(
            f"the chain ends with row {walk.seq}, the recorded head is row {end.seq}: "
            + ("the end was cut off" if walk.seq < end.seq else "rows were added or changed by hand")
        )
    if rows != end.seq:
        problems.append(f"the head counts {end.seq} rows, there are {rows}")
    problems += _cut_off(heads, walk.seq)
    if unreadable:
        problems.append(f"{unreadable} line(s) of the exported heads cannot be read")
    return Verdict(end.seq, end.hash, len(heads), tuple(problems[:_SHOWN]), len(problems))


class _Walk:
    """Goes along the chain and notes where it breaks."""

    def __init__(self, heads: Iterable[ExportedHead]) -> None:
        self.seq, self.hash = 0, GENESIS
        self.problems: list[str] = []
        self._expected: dict[int, list[ExportedHead]] = defaultdict(list)
        for head in heads:
            self._expected[head.rows].append(head)
        self._compare(0, GENESIS)

    def take(self, page: Iterable[Row]) -> None:
        for row in page:
            if row.seq != self.seq + 1:
                self.problems.append(f"rows {self.seq + 1} to {row.seq - 1} are missing")
            elif link(self.hash, row) != row.hash:
                self.problems.append(
                    f"row {row.seq} does not continue the chain: it, or the one before it, was changed,"
                    " inserted or moved"
                )
            self.seq, self.hash = row.seq, row.hash
            self._compare(row.seq, row.hash)

    def _compare(self, seq: int, found: str) -> None:
        for head in self._expected.get(seq, ()):
            if head.hash != found:
                self.problems.append(
                    f"row {seq} had another hash when it was exported ({head.at.isoformat()}):"
                    " the chain was computed anew"
                )


def _cut_off(heads: Iterable[ExportedHead], last: int) -> list[str]:
    return [
        f"{h.rows} rows were exported ({h.at.isoformat()}), there are {last}: the end was cut off"
        for h in heads
        if h.rows > last
    ]
