"""The engine file: the merged encoder as ONNX, in full precision or in int8, whichever is worth it."""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from eval.encoding import encode
from training.encoder import Encoder, padded
from training.recipe import Export

_LATENCY_TEXTS = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """Which engine was taken and why; accuracies on validation 0..1, latency per text at batch 1."""

    engine: str
    fp32_accuracy: float
    fp32_ms: float
    int8_accuracy: float | None
    int8_ms: float | None
    fp32_from_torch: float

    def as_dict(self) -> dict[str, float | str | None]:
        """Plain values for JSON."""
        return asdict(self)


def export_engine(
    encoder: Encoder,
    bundle: Path,
    texts: Sequence[str],
    truth: Sequence[int],
    weight: NDArray[np.float32],
    *,
    max_tokens: int,
    policy: Export,
) -> Choice:
    """Write `engine.onnx` into `bundle` (which has its `encoder/` already) and say how it was chosen.

    int8 (dynamic, per channel, reduced range) is taken when it is faster at batch 1 and loses at most
    `policy.largest_accuracy_loss` of issue-type accuracy on the validation texts. `weight` (k, d) are
    the issue-type rows. Raises `RuntimeError` when ONNX Runtime and torch disagree.
    """
    tokenizer, engine = bundle / "encoder" / "tokenizer.json", bundle / "engine.onnx"
    full, small = bundle.parent / "fp32.onnx", bundle.parent / "int8.onnx"
    _export(encoder, full)

    def measured(graph: Path) -> tuple[float, float, NDArray[np.float32]]:
        embeddings = encode(graph, tokenizer, texts, max_tokens=max_tokens, label=f"Checking {graph.stem}")
        started = time.perf_counter()
        encode(graph, tokenizer, texts[:_LATENCY_TEXTS], max_tokens=max_tokens, batch=1)
        spent = 1000 * (time.perf_counter() - started) / max(1, len(texts[:_LATENCY_TEXTS]))
        right = (embeddings @ weight.T).argmax(axis=1) == np.asarray(truth)
        return float(right.mean()), spent, embeddings

    accuracy, ms, embeddings = measured(full)
    drift = _drift(encoder, tokenizer, texts[:8], embeddings[:8], max_tokens)
    if policy.int8 == "never":
        shutil.move(full, engine)
        return Choice("fp32", accuracy, ms, None, None, drift)
    _quantize(full, small)
    small_accuracy, small_ms, _ = measured(small)
    take = small_ms < ms and accuracy - small_accuracy <= policy.largest_accuracy_loss + 1e-9
    shutil.move(small if take else full, engine)
    return Choice("int8" if take else "fp32", accuracy, ms, small_accuracy, small_ms, drift)


def _export(encoder: Encoder, path: Path) -> None:
    encoder.eval()
    example = (torch.ones(2, 16, dtype=torch.long), torch.ones(2, 16, dtype=torch.long))
    dimensions = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    # The exporter reports its own progress on several loggers; only a failure concerns a person.
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder,
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_embedding"],
            dynamo=True,
            dynamic_shapes=(dimensions, dimensions),
            external_data=False,
            verbose=False,
        )


def _quantize(full: Path, small: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a pre-processing step that shape inference made needless
    try:
        quantize_dynamic(
            str(full), str(small), per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )
    finally:
        root.setLevel(level)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _drift(
    encoder: Encoder, tokenizer: Path, texts: Sequence[str], embeddings: NDArray[np.float32], max_tokens: int
) -> float:
    """Largest difference between torch and the exported graph; more than 1e-3 is a wrong export."""
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(tokenizer))
    words.enable_truncation(max_tokens)
    words.no_padding()
    ids = [words.encode(text).ids for text in texts]
    difference = float(np.abs(encoder(*padded(ids)).numpy() - embeddings).max()) if ids else 0.0
    if difference > 1e-3:
        raise RuntimeError(f"the exported engine differs from torch by {difference:.4f}")
    return difference
