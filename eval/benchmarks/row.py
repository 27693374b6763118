"""The last line of a benchmark: a row for the table in `eval/LOG.md`."""

from __future__ import annotations


def row(what: str, result: str, goal: str, *, met: bool) -> str:
    """Return `| what | result | goal |`; a result that misses its goal says so first.

    A `|` inside a cell would open another one, so it becomes `/`.
    """
    cells = (what, result if met else f"NOT met: {result}", goal)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
