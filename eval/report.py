"""What a bundle is worth on labelled rows: every figure with its n and its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.prediction import Distribution, Prediction
from data.taxonomy import OUT_OF_SCOPE, PRIORITIES, Taxonomy
from eval.metrics.accuracy import accuracy
from eval.metrics.ece import ece, ece_null
from eval.metrics.macro_f1 import class_scores, macro_f1
from eval.metrics.risk_coverage import risk_coverage


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled ticket: `text` as rendered, `family` its near-duplicate group.

    `copies`: how many audited tickets of the family the row stands for (at least 1).
    """

    ticket_id: str
    client: str
    text: str
    issue_type: str
    priority: str
    family: str
    copies: int = 1


def row_of(values: Iterable[object]) -> Row:
    """Build a row from the columns ticket_id, client, text, issue_type, priority, family, in this order."""
    ticket_id, client, text, issue_type, priority, family = map(str, values)
    return Row(ticket_id, client, text, issue_type, priority, family)


@dataclass(frozen=True)
class Scored:
    """Predicted labels (n), their calibrated probabilities (n,) and whether they are right (n,)."""

    predicted: tuple[str, ...]
    truth: tuple[str, ...]
    scores: NDArray[np.float64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.asarray([p == t for p, t in zip(self.predicted, self.truth, strict=True)], dtype=bool)


def scored(distributions: Sequence[Distribution], truth: Sequence[str]) -> Scored:
    """Pair predictions of one field with the truth. Raises `ValueError` on unequal lengths."""
    if len(distributions) != len(truth):
        raise ValueError(f"{len(distributions)} predictions for {len(truth)} rows")
    best = [d.best for d in distributions]
    return Scored(tuple(b[0] for b in best), tuple(truth), np.asarray([b[1] for b in best], dtype=np.float64))


def one_per_family(rows: Sequence[Row]) -> list[int]:
    """Return the index of one row per family: the first by ticket id, so it is always the same.

    Copies of one text are right or wrong together; intervals and guarantees count texts, not copies.
    """
    first: dict[str, int] = {}
    for i in sorted(range(len(rows)), key=lambda i: rows[i].ticket_id):
        first.setdefault(rows[i].family, i)
    return sorted(first.values())


def report(
    predictions: Sequence[Prediction], rows: Sequence[Row], taxonomy: Taxonomy, rng: np.random.Generator
) -> dict[str, Any]:
    """Measure `predictions` on `rows` of one order; plain numbers, ready for JSON.

    Accuracy of issue type, category and priority with exact 95 % intervals, macro F1, ECE beside its
    95 % null value, and the coverage at 95 % precision chosen with hindsight.
    """
    types = scored([p.issue_type for p in predictions], [r.issue_type for r in rows])
    priority = scored([p.priority for p in predictions], [r.priority for r in rows])
    said = [_category(t, taxonomy) for t in types.predicted]
    true = [_category(t, taxonomy) for t in types.truth]
    curve = risk_coverage(types.scores, types.correct)
    return {
        "n": len(rows),
        "families": len({r.family for r in rows}),
        "issue_type_accuracy": accuracy(types.predicted, types.truth).as_dict(),
        "category_accuracy": accuracy(said, true).as_dict(),
        "priority_accuracy": accuracy(priority.predicted, priority.truth).as_dict(),
        "issue_type_macro_f1": macro_f1(types.predicted, types.truth),
        "priority_macro_f1": macro_f1(priority.predicted, priority.truth),
        "ece": ece(types.scores, types.correct),
        "ece_null": ece_null(types.scores, rng=rng),
        "priority_ece": ece(priority.scores, priority.correct),
        "priority_ece_null": ece_null(priority.scores, rng=rng),
        "coverage_at_95_hindsight": curve.coverage_at(0.95),
        "priority_classes": [asdict(c) for c in class_scores(priority.predicted, priority.truth, PRIORITIES)],
        "issue_type_classes": [
            asdict(c) for c in class_scores(types.predicted, types.truth, taxonomy.labels) if c.support
        ],
    }


def _category(issue_type: str, taxonomy: Taxonomy) -> str:
    known = issue_type == OUT_OF_SCOPE or issue_type in taxonomy.issue_types
    return taxonomy.category_of(issue_type) if known else issue_type
