"""The knowledge base, fit to be run: any problem in it, two patterns that claim one case too, stops here."""

from __future__ import annotations

from pathlib import Path

from data.taxonomy import Taxonomy
from kb.library import Library, problems_of, read_library
from kb.problem import DocumentsError


def load_runnable(root: Path, taxonomy: Taxonomy) -> Library:
    """Read articles and patterns. Raises `DocumentsError` with every problem; what is overdue is none."""
    library = read_library(root, taxonomy)
    problems = problems_of(library, None)
    if problems:
        raise DocumentsError(problems)
    return library
