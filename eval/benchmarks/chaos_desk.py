"""The sandbox desk as benchmarks use it: a process of its own, seen from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from data.settings import SANDBOX_TOKEN


@dataclass(frozen=True, slots=True)
class Filed:
    """A ticket as it was filed: its ids and what its fields hold, by name."""

    id: str
    readable_id: str
    held: Mapping[str, str]


class Desk:
    """A sandbox desk as a process, seen from outside."""

    def __init__(self, environ: Mapping[str, str], port: int, *options: str) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self._auth = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
        command = [
            sys.executable,
            _firstline(),
            "sandbox",
            "serve",
            "--months",
            "1",
            "--tickets-per-day",
            "1",
        ]
        command += options
        self._process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        self._ready()

    def _ready(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._http.get("/sandbox/health").is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise RuntimeError("the sandbox desk did not start")

    def file(self, count: int) -> list[str]:
        """File `count` tickets and return their ids."""
        found = []
        for n in range(count):
            body = {"project": {"shortName": "PAY"}, "summary": f"Ticket {n} of the benchmark"}
            answer = self._http.post("/api/issues", params={"fields": "id"}, json=body, headers=self._auth)
            answer.raise_for_status()
            found.append(str(answer.json()["id"]))
        return found

    def file_text(self, summary: str, description: str) -> Filed:
        """File one ticket and return what it holds."""
        body = {"project": {"shortName": "PAY"}, "summary": summary, "description": description}
        fields = "id,idReadable,customFields(name,value(name))"
        answer = self._http.post("/api/issues", params={"fields": fields}, json=body, headers=self._auth)
        answer.raise_for_status()
        shown = answer.json()
        held = {f["name"]: f["value"]["name"] for f in shown["customFields"] if isinstance(f["value"], dict)}
        return Filed(shown["id"], shown["idReadable"], held)

    def spoil(self, script: Mapping[str, Any], seed: int) -> None:
        """From now on answer by this script."""
        self._http.post("/sandbox/faults", json={"seed": seed, **script}).raise_for_status()

    def faults(self) -> dict[str, Any]:
        """Return how many requests came since, and how many were spoilt."""
        return dict(self._http.get("/sandbox/faults").json())

    def heal(self) -> None:
        """Answer as it should again."""
        self._http.delete("/sandbox/faults").raise_for_status()

    def tickets(self) -> Iterator[dict[str, Any]]:
        """Give every ticket with its comments and fields."""
        skip = 0
        fields = "id,comments(id,text,deleted),customFields(name,value(name))"
        while True:
            params: dict[str, str | int] = {"query": "project: PAY", "fields": fields}
            params |= {"$top": 100, "$skip": skip}
            page = self._http.get("/api/issues", params=params, headers=self._auth).json()
            yield from page
            if len(page) < 100:
                return
            skip += len(page)

    def activities(self, issue: str) -> list[dict[str, Any]]:
        """Return who changed which field of a ticket, oldest first."""
        fields = "id,author(login),field(name)"
        params: dict[str, str | int] = {"categories": "CustomFieldCategory", "fields": fields, "$top": 1000}
        answer = self._http.get(f"/api/issues/{issue}/activities", params=params, headers=self._auth)
        answer.raise_for_status()
        return list(answer.json())

    def changes(self) -> dict[str, dict[str, list[str | None]]]:
        """Return what every field was changed to, in order, by ticket and name of the field."""
        found: dict[str, dict[str, list[str | None]]] = {}
        params: dict[str, str | int] = {
            "categories": "CustomFieldCategory",
            "issueQuery": "project: PAY",
            "reverse": "false",
            "$top": 500,
            "fields": "hasAfter,afterCursor,activities(id,target(id),field(name),added(name))",
        }
        while True:
            page = self._http.get("/api/activitiesPage", params=params, headers=self._auth).json()
            for change in page["activities"]:
                added = change["added"]
                now = added[0]["name"] if isinstance(added, list) and added else None
                of = found.setdefault(change["target"]["id"], {})
                of.setdefault(change["field"]["name"], []).append(now)
            if not page["hasAfter"]:
                return found
            params["cursor"] = page["afterCursor"]

    def close(self) -> None:
        """Stop the process."""
        self._http.close()
        self._process.terminate()
        self._process.wait(20)


def _firstline() -> str:
    return str(Path(sys.executable).with_name("firstline"))
