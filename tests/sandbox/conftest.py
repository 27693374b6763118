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

from data.clock import ManualClock, SystemClock
from data.sandbox.world import World, WorldConfig, build_world
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.model import STANDARD_USER
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


class Bench:
    """The stand-in without a port, as the service account sees it."""

    def __init__(self, world: World) -> None:
        self.state = load(world).tracker
        self.clock = ManualClock(world.end)
        self.http = self._client(SANDBOX_TOKEN)

    def _client(self, token: str) -> TestClient:
        routes = api_routes(self.state, self.clock, lambda issue, kind: None)
        return TestClient(Starlette(routes=routes), headers={"Authorization": f"Bearer {token}"})

    def as_user(self, login: str) -> TestClient:
        """Give the API as another person has it; a new one is a standard user."""
        if login not in self.state.users:
            self.state.add_user(login, login.title(), kind=STANDARD_USER)
        self.state.tokens[f"perm:{login}"] = self.state.users[login]
        return self._client(f"perm:{login}")

    def get(self, path: str, **params: Any) -> Any:
        return _good(self.http.get("/api" + path, params=params))

    def post(self, path: str, body: Any, **params: Any) -> Any:
        return _good(self.http.post("/api" + path, json=body, params=params))

    def delete(self, path: str) -> int:
        return int(self.http.delete("/api" + path).status_code)

    def file(self, project: str, **more: Any) -> str:
        body = {"project": {"id": self.state.find_project(project).id}, "summary": "x", **more}  # type: ignore[union-attr]
        return str(self.post("/issues", body, fields="id")["id"])

    def field(self, project: str, name: str) -> Any:
        fields = "id,field(id,name),bundle(id,values(id,name))"
        found = self.get(f"/admin/projects/{project}/customFields", fields=fields)
        return next(f for f in found if f["field"]["name"] == name)

    def value(self, issue: str, name: str) -> Any:
        found = self.get(f"/issues/{issue}", fields="customFields(name,value(name,login))")["customFields"]
        value = next(f["value"] for f in found if f["name"] == name)
        return value and (value.get("login") or value.get("name"))

    def feed(
        self, issue: str, categories: str, fields: str = "category(id),added,removed", **more: Any
    ) -> Any:
        return self.get(f"/issues/{issue}/activities", categories=categories, fields=fields, **more)


def _good(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


@pytest.fixture
def bench(small_world: World) -> Bench:
    return Bench(small_world)
