"""Words and letter groups of a text as numbers, beside the embedding: what a desk's own jargon hangs on.

A small encoder knows "SEPA" and "R-transaction" poorly; a linear model on TF-IDF knows them at once from
a desk's history. Features are hashed, so there is no vocabulary to ship: one weight per bucket.
Pure Python and NumPy; `LEXICAL_VERSION` changes when a text would give other features.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BUCKETS = 1 << 15
LEXICAL_VERSION = "lexical-1"
_WORD = re.compile(r"\w\w+")
_LETTERS = (3, 4, 5)


def terms(text: str) -> list[str]:
    """Return words, pairs of neighbouring words, and groups of 3 to 5 letters within padded words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    words = _WORD.findall(plain)
    found = [f"w {w}" for w in words]
    found += [f"p {a} {b}" for a, b in pairwise(words)]
    for word in plain.split():
        padded = f" {word[:40]} "
        found += [padded[i : i + n] for n in _LETTERS for i in range(len(padded) - n + 1)]
    return found


def counts(texts: Sequence[str]) -> sparse.csr_matrix:
    """Return sublinear counts 1 + ln(n) per hashed term, (len(texts), BUCKETS)."""
    rows: list[int] = [0]
    columns: list[int] = []
    values: list[float] = []
    for text in texts:
        found = Counter(crc32(t.encode()) % BUCKETS for t in terms(text))
        columns += found.keys()
        values += (1 + np.log(np.fromiter(found.values(), np.float64, len(found)))).tolist()
        rows.append(len(columns))
    data = (np.asarray(values), np.asarray(columns, dtype=np.int32), np.asarray(rows, dtype=np.int32))
    return sparse.csr_matrix(data, shape=(len(texts), BUCKETS))


def weighted(found: sparse.csr_matrix, idf: NDArray[np.float32]) -> sparse.csr_matrix:
    """Return rows of `found` times `idf` (BUCKETS,), scaled to length 1 (an empty row stays 0)."""
    scaled = found.multiply(idf.astype(np.float64)[None, :]).tocsr()
    lengths = np.sqrt(scaled.multiply(scaled).sum(axis=1)).A1
    return sparse.diags(1 / np.maximum(lengths, 1e-12)) @ scaled


def scores(
    texts: Sequence[str], idf: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return a linear model's scores (len(texts), k) with `weight` (k, BUCKETS) and `bias` (k,)."""
    found = weighted(counts(texts), idf)
    used = np.unique(found.indices)  # a hundredth of the buckets: the rest of `weight` is not even read
    return np.asarray(found[:, used] @ weight[:, used].T.astype(np.float64) + bias)
