"""F1 per class and its plain mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: `precision`, `recall`, `f1` in 0..1 (0 where undefined), `support` true rows."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def class_scores(predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> list[ClassScore]:
    """Score every label of `labels`, in that order. Raises `ValueError` on unequal lengths."""
    pairs = list(zip(predicted, truth, strict=True))
    scores = []
    for label in labels:
        right = sum(p == t == label for p, t in pairs)
        said = sum(p == label for p, _ in pairs)
        support = sum(t == label for _, t in pairs)
        f1 = 2 * right / (said + support) if said + support else 0.0
        scores.append(
            ClassScore(label, right / said if said else 0.0, right / support if support else 0.0, f1, support)
        )
    return scores


def macro_f1(predicted: Sequence[str], truth: Sequence[str]) -> float:
    """Return the mean F1 over the labels that occur in either sequence (0..1; 0 for no rows)."""
    labels = sorted(set(predicted) | set(truth))
    scores = class_scores(predicted, truth, labels)
    return sum(s.f1 for s in scores) / len(scores) if scores else 0.0
