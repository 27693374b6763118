"""Text families: tickets that are near-duplicates of each other, so that no text is on two sides.

Two masked texts are near-duplicates where the cosine of their TF-IDF vectors (words and word pairs) is at
least `THRESHOLD`; a family is a connected component of that relation. Deterministic and independent of
the order of the texts: a family is named by its alphabetically first masked text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FAMILIES_VERSION = "families-1"
THRESHOLD = 0.75
_BLOCK = 512


def families(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[str]:
    """Return the family id (12 hexadecimal digits) of each masked text, in order.

    `threshold` is a cosine in 0..1. About 1 s per 4,000 different texts; memory grows with the number of
    pairs above the threshold, not with the square.
    """
    unique = sorted(set(texts))
    if not unique:
        return []
    components = _components(unique, threshold)
    first: dict[int, str] = {}
    for text, component in zip(unique, components.tolist(), strict=True):
        first.setdefault(component, text)
    names = {
        t: hashlib.sha256(first[c].encode()).hexdigest()[:12]
        for t, c in zip(unique, components.tolist(), strict=True)
    }
    return [names[t] for t in texts]


def _components(texts: Sequence[str], threshold: float) -> NDArray[np.int32]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import TfidfVectorizer

    n = len(texts)
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=r"(?u)\w+", sublinear_tf=True, dtype=np.float32
    )
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # no text has a word: each is its own family
        return np.arange(n, dtype=np.int32)
    transposed = vectors.T.tocsr()
    rows, columns = [], []
    for start in range(0, n, _BLOCK):
        similar = (vectors[start : start + _BLOCK] @ transposed).tocoo()
        close = similar.data >= threshold
        rows.append(similar.row[close] + start)
        columns.append(similar.col[close])
    left, right = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)
