"""One full-size world and one small one for this folder's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import SystemClock
from data.sandbox.world import World, WorldConfig, build_world
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.routes import api_routes
from data.settings import SANDBOX_TOKEN

SMALL = WorldConfig(seed=11, months=1, tickets_per_day=12, live_days=2, live_per_day=15)


@pytest.fixture(scope="session")
def world(canary_watch: Any) -> World:
    """The default world."""
    made = build_world(WorldConfig())
    canary_watch.canaries.plant_people(made)
    return made


@pytest.fixture(scope="session")
def small_world(canary_watch: Any) -> World:
    """A month of a small desk."""
    made = build_world(SMALL)
    canary_watch.canaries.plant_people(made)
    return made


@dataclass
class Tracker:
    """A tracker to which the contract is put: the stand-in, or a real one with a scratch project."""

    http: httpx.Client
    project: str

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        return self.http.request(method, "/api" + path, json=body, params=params)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def file(self) -> dict[str, Any]:
        """File an issue in the scratch project."""
        project = self.get(f"/admin/projects/{self.project}", fields="id")["id"]
        body = {"project": {"id": project}, "summary": "contract: please ignore"}
        answer = self.ask("POST", "/issues", body, fields="id,idReadable")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def tracker(small_world: World) -> Iterator[Tracker]:
    """The stand-in; with `CONTRACT_URL` (service URL), `CONTRACT_TOKEN` and `CONTRACT_PROJECT` a real one.

    Issues are filed, changed and deleted in that project only: use one that nobody needs.
    """
    url = os.environ.get("CONTRACT_URL")
    if url:
        headers = {"Authorization": f"Bearer {os.environ['CONTRACT_TOKEN']}"}
        with httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=30) as http:
            yield Tracker(http, os.environ["CONTRACT_PROJECT"])
        return
    routes = api_routes(load(small_world).tracker, SystemClock(), lambda issue, kind: None)
    with TestClient(
        Starlette(routes=routes), headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    ) as standin:
        yield Tracker(standin, "ENG")
