"""Embeddings for measuring: the bundle's own engine file, run the way the service runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.progress import progress


def encode(
    graph: Path, tokenizer: Path, texts: Sequence[str], *, max_tokens: int, threads: int = 1, label: str = ""
) -> NDArray[np.float32]:
    """Return unit embeddings (len(texts), d) by ONNX Runtime, in the order of `texts`.

    One text at a time: a quantised graph scales activations over the whole batch, so company would
    change an embedding. `label` names the progress bar; empty draws none.
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
    for i, text in enumerate(progress(texts, label=label) if label else texts):
        ids = np.asarray([words.encode(text).ids], dtype=np.int64)
        out[i] = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]
    return out
