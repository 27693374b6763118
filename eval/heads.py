"""The heads: from embeddings to calibrated distributions, in NumPy, the same in every process.

Tensors of `heads.safetensors` (k labels, d = 384, c cues):

- `issue_type.weight` (k, d) unit rows, `issue_type.scale` (1,), `issue_type.bias` (k,):
  a cosine classifier, logits = scale * embedding @ weight.T + bias;
- `priority.weight` (4, d + k + c), `priority.bias` (4,): linear on [embedding, issue-type
  probabilities at temperature 1, cues of the text];
- `lexical-1.idf` (b,), `.weight` (k, b), `.bias` (k,), `.gain` (1,): a linear model on hashed terms of
  the text (`eval.lexical`, b buckets); issue-type logits = cosine logits + gain * its scores. The name
  carries the version of the terms; a bundle may lack all four;
- `centres` (k, d) unit rows: mean training embedding per label, for familiarity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from data.prediction import Distribution, Prediction
from data.tasks.priority_cues import CUES, cues
from data.taxonomy import PRIORITIES
from eval.bundle import EMBEDDING_DIM, Bundle
from eval.calibration import softmax
from eval.lexical import BUCKETS, LEXICAL_VERSION, scores

Heads = Mapping[str, NDArray[np.float32]]
LEXICAL_TENSORS = tuple(f"{LEXICAL_VERSION}.{part}" for part in ("idf", "weight", "bias", "gain"))


def predict(bundle: Bundle, embeddings: NDArray[np.float32], texts: Sequence[str]) -> list[Prediction]:
    """Return one calibrated prediction per row.

    `embeddings` (n, 384): mean-pooled, L2-normalised last hidden states of the bundle's encoder;
    `texts` (n): the rendered texts they come from (`data.tasks.categorize.render`). Raises
    `BundleError` when the heads do not fit the taxonomy, `ValueError` for another shape.
    """
    if embeddings.ndim != 2 or embeddings.shape != (len(texts), EMBEDDING_DIM):
        raise ValueError(f"embeddings must be ({len(texts)}, {EMBEDDING_DIM}), not {embeddings.shape}")
    labels = bundle.taxonomy.labels
    check_shapes(bundle.heads, len(labels))
    cosine = issue_type_logits(bundle.heads, embeddings)
    types = softmax(
        cosine + lexical_logits(bundle.heads, texts, len(labels)), bundle.temperatures["issue_type"]
    )
    priorities = softmax(
        priority_logits(bundle.heads, embeddings, texts, cosine), bundle.temperatures["priority"]
    )
    near = (embeddings @ bundle.heads["centres"].T).max(axis=1) if len(texts) else np.empty(0)
    return [
        Prediction(
            issue_type=Distribution(labels, types[i]),
            priority=Distribution(PRIORITIES, priorities[i]),
            familiarity=float(near[i]),
            chars=len(texts[i]),
            bundle=bundle.id,
        )
        for i in range(len(texts))
    ]


def issue_type_logits(heads: Heads, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine classifier's uncalibrated logits (n, k)."""
    cosine = embeddings.astype(np.float64) @ heads["issue_type.weight"].astype(np.float64).T
    return np.asarray(cosine * float(heads["issue_type.scale"][0]) + heads["issue_type.bias"])


def lexical_logits(heads: Heads, texts: Sequence[str], labels: int) -> NDArray[np.float64]:
    """Return what the terms of the texts add to the issue-type logits (n, labels); 0 without that part."""
    if f"{LEXICAL_VERSION}.weight" not in heads or not texts:
        return np.zeros((len(texts), labels))
    idf, weight, bias, gain = (heads[name] for name in LEXICAL_TENSORS)
    return float(gain[0]) * scores(texts, idf, weight, bias)


def priority_features(
    embeddings: NDArray[np.float32], texts: Sequence[str], type_logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the priority head reads, (n, d + k + c)."""
    found = np.asarray([cues(text) for text in texts], dtype=np.float64).reshape(len(texts), len(CUES))
    return np.concatenate([embeddings.astype(np.float64), softmax(type_logits), found], axis=1)


def priority_logits(
    heads: Heads, embeddings: NDArray[np.float32], texts: Sequence[str], type_logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return uncalibrated priority logits (n, 4)."""
    features = priority_features(embeddings, texts, type_logits)
    return np.asarray(features @ heads["priority.weight"].astype(np.float64).T + heads["priority.bias"])


def check_shapes(heads: Heads, labels: int) -> None:
    """Raise `BundleError` unless every tensor is there in its shape for so many labels."""
    wanted: dict[str, tuple[int, ...]] = {
        "issue_type.weight": (labels, EMBEDDING_DIM),
        "issue_type.scale": (1,),
        "issue_type.bias": (labels,),
        "priority.weight": (len(PRIORITIES), EMBEDDING_DIM + labels + len(CUES)),
        "priority.bias": (len(PRIORITIES),),
        "centres": (labels, EMBEDDING_DIM),
    }
    if any(name in heads for name in LEXICAL_TENSORS):
        shapes = ((BUCKETS,), (labels, BUCKETS), (labels,), (1,))
        wanted |= dict(zip(LEXICAL_TENSORS, shapes, strict=True))
    wrong = [f"{name} is unknown" for name in sorted(set(heads) - set(wanted))]
    wrong += [
        f"{name} is {tuple(heads[name].shape) if name in heads else 'missing'}, wanted {shape}"
        for name, shape in wanted.items()
        if name not in heads or tuple(heads[name].shape) != shape
    ]
    if wrong:
        raise BundleError(
            "The heads do not fit this program:\n  - " + "\n  - ".join(wrong),
            remedy="Train a bundle with this version (firstline train).",
        )
