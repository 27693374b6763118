"""Words under which people ask for an issue type, beside the taxonomy's own: search reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.taxonomy import Taxonomy
from kb.document import read_text, yaml_document
from kb.fields import FieldReader
from kb.problem import DocumentsError

TERMS = Path(__file__).parent / "terms.yaml"


def read_terms(path: Path, taxonomy: Taxonomy) -> Mapping[str, str]:
    """Return issue type -> words; empty without a file. Raises `DocumentsError` with every problem."""
    if not path.exists():
        return {}
    fields = FieldReader.of(yaml_document(path, read_text(path)))
    fields.only((), taxonomy.issue_types)
    found = {name: fields.text(name) for name in taxonomy.issue_types if name in fields.raw}
    if fields.problems:
        raise DocumentsError(fields.problems)
    return found
