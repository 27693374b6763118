"""A stand-in for the triage service in benchmarks of delivery: the same ticket gets the same decision.

It decides by the ticket's id and reads no text, so whoever knows the id knows what must be written.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from data.taxonomy import Taxonomy, load_taxonomy

_PROOF = {"threshold": 0.5, "errors": 0, "n": 200, "bound": 0.02}


def fields_of(ticket_id: str, taxonomy: Taxonomy) -> dict[str, str]:
    """Return what a ticket's fields must hold in the end, by the names of the sandbox."""
    digest = int(hashlib.sha256(ticket_id.encode()).hexdigest(), 16)
    label = taxonomy.labels[digest % len(taxonomy.labels)]
    return {
        "Issue type": label,
        "Category": taxonomy.category_of(label),
        "Team": taxonomy.team_of(label),
        "Priority": "Major",
    }


@contextmanager
def fixed_decisions() -> Iterator[int]:
    """Serve `/v1/triage` and `/v1/bundle` on a free port and give the port."""
    taxonomy = load_taxonomy()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send({"bundle": "fixed", "certificates": {"category": _PROOF, "priority": _PROOF}})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send({"results": [_decided(t["id"], taxonomy) for t in body["tickets"]]})

        def _send(self, value: dict[str, Any]) -> None:
            content = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def _decided(ticket_id: str, taxonomy: Taxonomy) -> dict[str, Any]:
    values = fields_of(ticket_id, taxonomy)
    label = values["Issue type"]
    return {
        "id": ticket_id,
        "issue_type": label,
        "category": values["Category"],
        "priority": values["Priority"].lower(),
        "team": values["Team"],
        "probability": 0.99,
        "top": [{"issue_type": label, "probability": 0.99}],
        "priority_probability": 0.99,
        "decision": "apply",
        "reason": "a benchmark decided this",
        "bundle": "fixed",
        "priority_decision": "apply",
        "policy": "fixed",
    }
