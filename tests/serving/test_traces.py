"""What OpenTelemetry would export of the service: paths and status, no body, no header, no key.

The service exports nothing by itself: BentoML's exporter is off and its packages are not installed. Here
an exporter is pushed in from outside, with every request sampled, to see what an operator who switches
tracing on would send to a collector.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from planted import EMAIL, IBAN, SENTENCE, WEBHOOK_TOKEN, WRITTEN

from data.api_key import new_key

EXPORTER = """
import os

if os.environ.get("SPANS_FILE"):
    from opentelemetry.sdk import trace
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    plain = trace.TracerProvider.__init__

    def traced(self, *args, **options):
        plain(self, *args, **{**options, "sampler": ALWAYS_ON})
        out = open(os.environ["SPANS_FILE"], "a")
        line = lambda span: span.to_json(indent=None) + "\\n"
        self.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out, formatter=line)))

    trace.TracerProvider.__init__ = traced
"""


@pytest.fixture
def traced(
    tmp_path: Path, bundle_directory: Path, tracker_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, Path]]:
    import runpy

    parts = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
    home, spans = tmp_path / "home", tmp_path / "spans.jsonl"
    shutil.copytree(bundle_directory, home / "bundles" / bundle_directory.name)
    (home / "bundles" / "champion").write_text(bundle_directory.name)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(EXPORTER)
    monkeypatch.setenv("SPANS_FILE", str(spans))
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path / "site"), known])))
    running = parts["start_service"](home, tracker_port)
    yield running, spans
    parts["stop_group"](running.process)


def test_spans_hold_no_secret_and_no_text(traced: tuple[Any, Path], canary_watch: Any) -> None:
    running, spans = traced
    key = new_key(os.urandom)
    headers = {"Authorization": f"Bearer {key}", "X-YouTrack-Token": WEBHOOK_TOKEN, "Cookie": f"who={EMAIL}"}
    ticket = {"summary": f"IBAN {IBAN}", "description": WRITTEN}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as http:
        http.post("/v1/triage", json={"tickets": [ticket]})
        http.post("/v1/triage", content=SENTENCE.encode())
        http.post("/v1/events/youtrack", content=SENTENCE.encode())
        http.get("/v1/tickets/3-1/suggestion")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and spans.read_text().count("/v1/events/youtrack") == 0:
        time.sleep(0.2)
    told = spans.read_text()
    names = {json.loads(line)["name"] for line in told.splitlines() if line.startswith("{")}
    assert any("/v1/triage" in name or "triage" in name for name in names), names
    assert key not in told
    assert [label for label, _ in canary_watch.canaries.within(told)] == []


def test_the_service_exports_nothing_by_itself() -> None:
    from importlib.util import find_spec

    for package in ("otlp", "zipkin", "jaeger"):
        try:
            assert find_spec(f"opentelemetry.exporter.{package}") is None, package
        except ModuleNotFoundError:
            continue
