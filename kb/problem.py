"""What is wrong with a document: file, line, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from data.errors import BadInputError

WRONG, DUE = "wrong", "due"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding. `line` counts from 1. `kind` is `wrong`, or `due` where only the calendar says so."""

    file: str
    line: int
    what: str
    remedy: str
    kind: str = WRONG

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    {self.remedy}"


class DocumentsError(BadInputError):
    """Some documents of the knowledge base cannot be used; `problems` has every reason."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        told = "\n".join(str(p) for p in self.problems)
        super().__init__(
            f"The knowledge base has {count} problem{'s' if count != 1 else ''}:\n{told}",
            remedy="Correct these entries, then run `firstline kb check`.",
        )
