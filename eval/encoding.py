"""Embeddings for measuring: the bundle's own engine file, run the way the service runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.progress import progress

BATCH = 16


def encode(
    graph: Path,
    tokenizer: Path,
    texts: Sequence[str],
    *,
    max_tokens: int,
    threads: int = 1,
    batch: int = BATCH,
    label: str = "",
) -> NDArray[np.float32]:
    """Return unit embeddings (len(texts), d) by ONNX Runtime, in the order of `texts`.

    Texts of like length go together, at most `batch`, except through a quantised graph: it scales
    activations over the whole batch, so company would change an embedding. `label` names the progress
    bar; empty draws none.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    words = Tokenizer.from_file(str(tokenizer))
    words.enable_truncation(max_tokens)
    words.no_padding()
    width = session.get_outputs()[0].shape[-1]
    out = np.empty((len(texts), width if isinstance(width, int) else 0), dtype=np.float32)
    ids = [e.ids for e in words.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    size = 1 if is_dynamically_quantised(graph) else batch
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    for some in progress(batches, label=label) if label else batches:
        tokens, mask = padded([ids[i] for i in some])
        out[some] = session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
    return out


def is_dynamically_quantised(graph: Path) -> bool:
    """Tell by the operator's name, which ONNX stores as plain text in the file."""
    return b"DynamicQuantizeLinear" in graph.read_bytes()


def padded(ids: Sequence[Sequence[int]], pad: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids, filled up with `pad`, and mask, (n, longest)."""
    longest = max(len(row) for row in ids)
    tokens = np.full((len(ids), longest), pad, dtype=np.int64)
    mask = np.zeros_like(tokens)
    for i, row in enumerate(ids):
        tokens[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return tokens, mask
