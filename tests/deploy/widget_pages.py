"""The widget's own page behind a server that adds a stand-in for YouTrack, and Chromium to look at it.

`python tests/deploy/widget_pages.py FOLDER` takes pictures of every state, at both widths, light and dark.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

HERE = Path(__file__).parent
WIDGETS = HERE.parents[1] / "deploy" / "youtrack-app" / "app" / "widgets"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
STATES = [
    "loading",
    "suggestion",
    "applied",
    "abstained",
    "handled",
    "corrected",
    "none",
    "unreachable",
    "forbidden",
    "broken",
]
WIDTHS = {360: 620, 800: 330}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        file = HERE / "widget" / "host.js" if path == "/host.js" else WIDGETS / path.lstrip("/")
        if ".." in path or not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        if file.name == "index.html":
            body = body.replace(b"</head>", b'<script src="/host.js"></script></head>')
        self.send_response(200)
        self.send_header("Content-Type", _TYPES[file.suffix] + "; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


@contextmanager
def pages() -> Iterator[str]:
    """Serve the widget on a free port and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/suggestion/index.html"
        finally:
            server.shutdown()


def chromium(url: str, *flags: str, budget_ms: int = 3000) -> str:
    """Open a page in a fresh Chromium and return what it prints."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--virtual-time-budget={budget_ms}"]
        env = {**os.environ, "TZ": "UTC"}
        done = subprocess.run([*command, *flags, url], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


class Page(HTMLParser):
    """A dumped page: its text, the attributes of its elements, and which buttons it has."""

    def __init__(self, dump: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(dump)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """Everything that can be read, with single spaces."""
        return " ".join(" ".join(self.words).split())

    @property
    def buttons(self) -> list[str]:
        """The actions on offer, in order."""
        return [a["data-action"] for tag, a in self.elements if tag == "button"]

    def one(self, tag: str) -> dict[str, str]:
        """The attributes of the first such element."""
        return next(a for found, a in self.elements if found == tag)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the widget asked the host for."""
        found: list[dict[str, Any]] = json.loads(self.one("html").get("data-calls", "[]"))
        return found


def look(address: str, budget_ms: int = 3000, **query: str) -> Page:
    """Open the widget and return the page as it stands afterwards."""
    return Page(chromium(f"{address}?{urlencode(query)}", "--dump-dom", budget_ms=budget_ms))


def _picture(address: str, target: Path, width: int, query: Mapping[str, str]) -> None:
    size = f"--window-size={width},{WIDTHS[width]}"
    chromium(f"{address}?{urlencode(query)}", f"--screenshot={target}", size)


def main(folder: Path) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    queries = {state: {"state": state} for state in STATES}
    queries["editing"] = {"state": "suggestion", "steps": "edit"}
    queries["failed"] = {"state": "suggestion", "steps": "accept", "fail": "once"}
    with pages() as address:
        for name, query in queries.items():
            for width in WIDTHS:
                for theme in ("light", "dark"):
                    target = folder / f"{name}-{width}-{theme}.png"
                    _picture(address, target, width, {**query, "theme": theme})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
