"""Engines: text in, sentence embeddings out. Heads and thresholds are applied elsewhere, in NumPy.

Two engines keep one contract (tests/serving/test_engine.py): order preserved, unit length, and the
same text gives the same embedding whatever else is in its batch (within 1e-4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError, FirstlineError
from eval.encoding import is_dynamically_quantised, padded

BATCH = 32
Floats = NDArray[np.float32]


class EmbeddingEngine(Protocol):
    """Turns model inputs into embeddings."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return (len(texts), dim) float32 rows of length 1, in the order of `texts`.

        Raises `EngineError` when the engine cannot answer.
        """
        ...


class EngineError(FirstlineError):
    """The engine does not answer, or answers nonsense."""

    title = "Engine not usable"


class InProcessEngine:
    """The bundle's own ONNX graph in this process: `tokenizers` and ONNX Runtime, no torch.

    Inputs are sorted by length so that padding is small. A graph with dynamically quantised
    activations scales them over the whole batch, which would let one ticket change another's
    embedding; such graphs run one text at a time.
    """

    def __init__(self, bundle_dir: Path, *, max_length: int = 256, threads: int = 1) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph, vocabulary = bundle_dir / "engine.onnx", bundle_dir / "encoder" / "tokenizer.json"
        try:
            self._session = onnxruntime.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(vocabulary))
        except Exception as error:  # both libraries raise bare exceptions of their own
            raise BundleError(
                f"The engine of {bundle_dir.name} cannot be loaded: {type(error).__name__}: {error}",
                remedy="Reinstall the bundle with `firstline promote`, or promote another version.",
            ) from None
        self._tokenizer.enable_truncation(max_length)
        self._tokenizer.no_padding()
        self._inputs = tuple(i.name for i in self._session.get_inputs())
        self._pad = self._tokenizer.token_to_id("[PAD]") or 0
        self._batch = 1 if is_dynamically_quantised(graph) else BATCH

    def embed(self, texts: Sequence[str]) -> Floats:
        encodings = self._tokenizer.encode_batch(list(texts))
        ids = [e.ids for e in encodings]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows: list[Floats] = []
        for start in range(0, len(order), self._batch):
            rows.append(self._run([ids[i] for i in order[start : start + self._batch]]))
        if not rows:
            return np.zeros((0, 384), np.float32)
        stacked = np.concatenate(rows)
        result = np.empty_like(stacked)
        result[order] = stacked
        return result

    def _run(self, ids: list[list[int]]) -> Floats:
        tokens, mask = padded(ids, self._pad)
        given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        out = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        out = out.astype(np.float32, copy=False)
        if out.ndim == 3:  # a graph that stops at the last hidden state: mean over real tokens
            weights = mask[..., None].astype(np.float32)
            out = (out * weights).sum(axis=1) / weights.sum(axis=1)
        return _unit(out)


class VllmEngine:
    """A vLLM server that holds the merged encoder (`--runner pooling`), over `/v1/embeddings`.

    `http` carries the time-outs; it is the caller's to close.
    """

    def __init__(self, base_url: str, model: str, http: httpx.Client, *, max_length: int = 256) -> None:
        self._url = base_url.rstrip("/") + "/v1/embeddings"
        self._model, self._http, self._max_length = model, http, max_length

    def embed(self, texts: Sequence[str]) -> Floats:
        rows = [self._post(list(texts[i : i + BATCH])) for i in range(0, len(texts), BATCH)]
        return np.concatenate(rows) if rows else np.zeros((0, 384), np.float32)

    def _post(self, texts: list[str]) -> Floats:
        body = {
            "model": self._model,
            "input": texts,
            "encoding_format": "float",
            "truncate_prompt_tokens": self._max_length,
        }
        try:
            answer = self._http.post(self._url, json=body)
        except httpx.HTTPError as error:
            raise self._failed(f"{type(error).__name__}: {error}") from None
        if answer.status_code != 200:
            raise self._failed(f"HTTP {answer.status_code}: {answer.text[:200]}")
        try:
            data: list[dict[str, Any]] = answer.json()["data"]
            rows = np.asarray(
                [d["embedding"] for d in sorted(data, key=lambda d: int(d["index"]))], np.float32
            )
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            raise self._failed("the answer is not an embeddings response") from None
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise self._failed(f"{len(texts)} texts gave an array of shape {rows.shape}")
        return _unit(rows)

    def _failed(self, why: str) -> EngineError:
        return EngineError(
            f"The embedding engine at {self._url} failed ({why}).",
            remedy=f"Check that vLLM runs there and serves the model {self._model!r}, then try again.",
        )


def _unit(rows: Floats) -> Floats:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(norms, 1e-12)
    return unit
