"""Running a bundle over labelled rows, the way the service would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.dataset.load import Dataset
from data.prediction import Prediction
from eval.bundle import ENGINE, TOKENIZER, Bundle
from eval.encoding import encode
from eval.heads import predict
from eval.report import Row, row_of


def evaluate(
    bundle: Bundle, rows: Sequence[Row], *, threads: int = 1, label: str = "Measuring"
) -> list[Prediction]:
    """Return one calibrated prediction per row, in order."""
    texts = [row.text for row in rows]
    embeddings = encode(
        bundle.path / ENGINE,
        bundle.path / TOKENIZER,
        texts,
        max_tokens=bundle.manifest.facts.max_tokens,
        threads=threads,
        label=label,
    )
    return predict(bundle, np.ascontiguousarray(embeddings), texts)


def columns_of(dataset: Dataset) -> dict[str, list[object]]:
    """Return the columns of a dataset that training and measuring read."""
    names = ("ticket_id", "client", "text", "issue_type", "priority", "family", "split", "audited")
    return {name: list(dataset.table[name]) for name in names}


def rows_of(table: Mapping[str, Sequence[object]], split: str) -> list[Row]:
    """Return the audited rows of one split of a dataset's columns, one per family.

    Copies of a text are right or wrong together, so only one of them is evidence.
    """
    names = ("ticket_id", "client", "text", "issue_type", "priority", "family")
    columns = zip(table["split"], table["audited"], *(table[n] for n in names), strict=True)
    first: dict[str, Row] = {}
    copies: Counter[str] = Counter()
    for side, audited, *values in columns:
        row = row_of(values)
        if side != split or not audited:
            continue
        copies[row.family] += 1
        if row.family not in first or row.ticket_id < first[row.family].ticket_id:
            first[row.family] = row
    rows = [replace(row, copies=copies[row.family]) for row in first.values()]
    return sorted(rows, key=lambda r: r.ticket_id)
