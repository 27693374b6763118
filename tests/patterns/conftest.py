"""The sandbox's client system in process and over HTTP, and people of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from starlette.testclient import TestClient

from data.client_system_calls import ByName
from data.client_system_http import HttpClientSystem
from data.clock import ManualClock
from data.sandbox.payroll.app import create_app
from data.sandbox.payroll.system import SandboxClient, sandbox_systems
from data.sandbox.people import Directory
from data.sandbox.world import WorldConfig, build_directories

TOKEN = "sandbox-client-system-token"
TODAY = datetime(2026, 11, 10, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Reach:
    """One client's system as the product reaches it, and the same from behind."""

    system: ByName
    behind: SandboxClient
    tenant: str
    person: str


@pytest.fixture(scope="session")
def directories() -> Mapping[str, Directory]:
    return build_directories(WorldConfig())


@pytest.fixture
def systems(directories: Mapping[str, Directory]) -> dict[str, SandboxClient]:
    return sandbox_systems(WorldConfig(), ManualClock(TODAY), directories)


@pytest.fixture
def http(systems: dict[str, SandboxClient]) -> Iterator[httpx.Client]:
    with TestClient(create_app(systems, TOKEN)) as client:
        yield client


@pytest.fixture(params=["in process", "http"])
def reach(
    request: pytest.FixtureRequest,
    systems: dict[str, SandboxClient],
    http: httpx.Client,
    directories: Mapping[str, Directory],
) -> Reach:
    """The first client's system, reached both ways, and one of its employees."""
    tenant = sorted(systems)[0]
    person = next(p.email for p in directories[tenant].people if p.role == "employee")
    behind = systems[tenant]
    over = HttpClientSystem(http, "http://testserver", TOKEN, tenant)
    return Reach(behind if request.param == "in process" else over, behind, tenant, person)
