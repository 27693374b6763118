"""JSON lines in, JSON lines out: `firstline triage` without the command line around it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, TextIO

from data.decision import TriageDecision
from data.errors import BadInputError
from data.ticket import Ticket
from serving.contract import parse_line, result

MAX_LINE = 8 * 1024 * 1024
BATCH = 64
_Line = tuple[int, bytes | None]
_DONE = None


def triage_lines(
    source: BinaryIO, sink: TextIO, decide_all: Callable[[Sequence[Ticket]], list[TriageDecision]]
) -> tuple[int, int]:
    """Answer every line of `source` with one line on `sink`, in order; return (good, bad).

    Blank lines are no tickets. Lines are taken as they come, up to 64 at a time, so a person typing
    gets an answer at once and a file is read in batches.
    """
    good = bad = 0
    for batch in _batches(source):
        parsed = [_parse(number, line) for number, line in batch]
        decisions = iter(decide_all([t for t in parsed if isinstance(t, Ticket)]))
        for item in parsed:
            if isinstance(item, Ticket):
                good += 1
                sink.write(_dump(result(next(decisions))))
            else:
                bad += 1
                sink.write(_dump(item))
        sink.flush()
    return good, bad


def _parse(number: int, line: bytes | None) -> Ticket | dict[str, Any]:
    if line is None:
        return {"error": f"The line is longer than {MAX_LINE:,} bytes.", "line": number}
    try:
        return parse_line(line, number)
    except BadInputError as error:
        return {"error": error.message, "line": number}


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _batches(source: BinaryIO) -> Iterator[list[_Line]]:
    """Yield what has arrived, never waiting for a batch to fill."""
    arrived: queue.Queue[_Line | BaseException | None] = queue.Queue(maxsize=4 * BATCH)

    def read() -> None:
        try:
            for item in _numbered(source):
                arrived.put(item)
            arrived.put(_DONE)
        except BaseException as error:
            arrived.put(error)

    threading.Thread(target=read, name="reader", daemon=True).start()
    while True:
        batch: list[_Line] = []
        item = arrived.get()
        while isinstance(item, tuple):
            batch.append(item)
            if len(batch) == BATCH or arrived.empty():
                break
            item = arrived.get()
        if batch:
            yield batch
        if isinstance(item, BaseException):
            raise item
        if item is _DONE:
            return


def _numbered(source: BinaryIO) -> Iterator[_Line]:
    """Yield (1-based number, line without its end); `None` for a line over the limit, never held whole."""
    number = 0
    while line := source.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = source.readline(MAX_LINE)
            yield number, None
        elif line.strip():
            yield number, line.rstrip(b"\r\n")
