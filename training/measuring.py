"""From a tuned encoder and its heads to calibrated figures and evidence. Uses the engine file only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.prediction import Prediction
from data.taxonomy import PRIORITIES, Taxonomy
from eval.bundle import ENGINE, TOKENIZER, Bundle, Evidence, Facts, Manifest
from eval.calibration import fit_temperature
from eval.encoding import encode
from eval.heads import issue_type_logits, lexical_logits, predict, priority_logits
from eval.report import Row, Scored, report, scored
from eval.risk import Certificate, certify

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Measurement:
    """What the audited rows say. `types` are the test rows' issue types, for the pictures."""

    temperatures: Mapping[str, float]
    evidence: Mapping[str, Evidence]
    metrics: Mapping[str, Any]
    certificate: Certificate
    types: Scored


def embedded(bundle: Path, rows: Sequence[Row], max_tokens: int, *, threads: int = 1) -> NDArray[np.float32]:
    """Embed rows (n, d) by the very file that will serve, not by the torch model it came from."""
    texts = [r.text for r in rows]
    return encode(
        bundle / ENGINE, bundle / TOKENIZER, texts, max_tokens=max_tokens, threads=threads, label="Measuring"
    )


def measure(
    bundle: Path,
    facts: Facts,
    heads: Tensors,
    calibration: Sequence[Row],
    test: Sequence[Row],
    taxonomy: Taxonomy,
    rng: np.random.Generator,
) -> Measurement:
    """Fit temperatures, measure on `test`, and collect evidence from both audited sides.

    Both hold audited rows, one per family. Figures and evidence are cross-fitted: each side is scored
    with the temperature fitted on the other, so that no row helped to set the scale of its own score.
    What is served uses the temperature of both sides together, the best estimate of that one number.
    """
    at_calibration = embedded(bundle, calibration, facts.max_tokens)
    at_test = embedded(bundle, test, facts.max_tokens)
    temperatures = _temperatures(heads, at_calibration, calibration, taxonomy)
    others = _temperatures(heads, at_test, test, taxonomy)
    both = np.concatenate([at_calibration, at_test])
    served = _temperatures(heads, both, [*calibration, *test], taxonomy)

    def predicted(
        rows: Sequence[Row], embeddings: NDArray[np.float32], scale: Mapping[str, float]
    ) -> list[Prediction]:
        manifest = Manifest(id="unsealed", facts=facts, files={})
        unsealed = Bundle(manifest, bundle, taxonomy, heads, scale, {}, {})
        return predict(unsealed, embeddings, [r.text for r in rows])

    on_test = predicted(test, at_test, temperatures)
    evidence = _evidence(
        [*predicted(calibration, at_calibration, others), *on_test], [*calibration, *test], taxonomy
    )
    return Measurement(
        served,
        evidence,
        report(on_test, test, taxonomy, rng),
        certify(evidence["issue_type"].scores, evidence["issue_type"].correct),
        scored([p.issue_type for p in on_test], [r.issue_type for r in test]),
    )


def _temperatures(
    heads: Tensors, embeddings: NDArray[np.float32], rows: Sequence[Row], taxonomy: Taxonomy
) -> dict[str, float]:
    """Fit one temperature per head on audited rows, each as often as the desk saw its text.

    Probabilities are promised for the stream of tickets, where frequent texts are frequent.
    """
    weights = [r.copies for r in rows]
    texts, cosine = [r.text for r in rows], issue_type_logits(heads, embeddings)
    types = cosine + lexical_logits(heads, texts, len(taxonomy.labels))
    priorities = priority_logits(heads, embeddings, texts, cosine)
    return {
        "issue_type": fit_temperature(types, [taxonomy.labels.index(r.issue_type) for r in rows], weights),
        "priority": fit_temperature(priorities, [PRIORITIES.index(r.priority) for r in rows], weights),
    }


def _evidence(
    predictions: Sequence[Prediction], rows: Sequence[Row], taxonomy: Taxonomy
) -> dict[str, Evidence]:
    clients = tuple(r.client for r in rows)
    fields = {
        "issue_type": scored([p.issue_type for p in predictions], [r.issue_type for r in rows]),
        "priority": scored([p.priority for p in predictions], [r.priority for r in rows]),
    }
    found = {k: Evidence(s.scores, s.correct, s.predicted, s.truth, clients) for k, s in fields.items()}
    category = taxonomy.category_of
    said = tuple(category(label) for label in found["issue_type"].predicted)
    true = tuple(category(r.issue_type) for r in rows)
    right = np.asarray([a == b for a, b in zip(said, true, strict=True)], dtype=bool)
    return {**found, "category": Evidence(found["issue_type"].scores, right, said, true, clients)}
