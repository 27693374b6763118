"""Check that everything in the knowledge base can be used: `python -m kb.check`.

The calendar is left out here: a build must not fail because time passed. `firstline kb check` looks at it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from data.taxonomy import load_taxonomy
from kb.library import ROOT, problems_of, read_library
from kb.problem import DocumentsError


def main(root: Path = ROOT) -> int:
    """Print what was read; return 0, or 3 with every problem on standard error."""
    library = read_library(root, load_taxonomy())
    problems = problems_of(library, None)
    if problems:
        print(DocumentsError(problems).message, file=sys.stderr)
        return DocumentsError.exit_code
    print(f"{len(library.articles)} articles, {len(library.patterns)} patterns: all can be used.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
