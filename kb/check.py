"""Check that every shipped article and pattern can be read: `python -m kb.check`."""

from __future__ import annotations

import sys
from pathlib import Path

from data.errors import BadInputError
from data.taxonomy import load_taxonomy
from kb.article import ARTICLES, read_articles
from kb.pattern import PATTERNS, read_patterns


def main(articles: Path = ARTICLES, patterns: Path = PATTERNS) -> int:
    """Print what was read; return 0, or 3 with every problem on standard error."""
    taxonomy = load_taxonomy()
    refused = []
    counts = []
    for read, directory, name in (
        (read_articles, articles, "articles"),
        (read_patterns, patterns, "patterns"),
    ):
        try:
            counts.append(f"{len(read(directory, taxonomy))} {name}")
        except BadInputError as error:
            refused.append(error.message)
    if refused:
        print("\n".join(refused), file=sys.stderr)
        return BadInputError.exit_code
    print(f"{', '.join(counts)}: all can be read.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
