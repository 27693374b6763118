"""The cross-tenant calls in small, against the real routes behind the real keys; and that they find leaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.access import Principal, Role
from data.clock import SystemClock
from data.errors import BundleError
from data.keyring import Keyring
from data.mapping import TrackerMapping
from data.settings import Settings, read_settings
from data.store import Store, listing, tenancy
from data.store.schema import metadata
from data.taxonomy import load_taxonomy
from eval.benchmarks import cross_tenant
from eval.benchmarks.two_clients import OTHER, OWN, checksum, plant
from eval.bundle import Facts
from eval.risk import Certificate
from serving import suggestions, ticket_routes
from serving.access import Access, principal_of
from serving.autonomy import Autonomy
from serving.boundary import Boundary
from serving.policy import load_policy
from serving.site import application

TAXONOMY = load_taxonomy()
DESK = Principal("leak", Role.OPERATOR, None)


@contextmanager
def running(
    store: Store, url: str, home: Path, port: int, leak: Callable[[Any], Route] | None = None
) -> Iterator[Settings]:
    """Serve everything but BentoML's own endpoints; `leak` makes a route that stands before the right one."""
    settings = replace(
        read_settings({}),
        access="keys",
        home=home,
        database_url=url,
        service_port=port,
        rate_key=0,
        rate_client=0,
    )
    unproven = Certificate(None, 0, 0, 1.0, 0.0, 0, 59, 0.05, 0.8)
    facts = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))  # type: ignore[arg-type]
    service = SimpleNamespace(
        store=store,
        settings=settings,
        clock=SystemClock(),
        keyring=Keyring(store, home, SystemClock()),
        names=TrackerMapping(),
        counters=SimpleNamespace(events=SimpleNamespace(labels=lambda _: SimpleNamespace(inc=lambda: None))),
        triage_model=SimpleNamespace(
            bundle=SimpleNamespace(id="b" * 12, manifest=SimpleNamespace(facts=facts), taxonomy=TAXONOMY),
            policy=load_policy(settings.policy, TAXONOMY),
            autonomy=Autonomy(category=unproven, priority=unproven),
        ),
    )
    site = application(lambda: service)
    if leak is not None:
        site.router.routes.insert(0, leak(service))
    config = uvicorn.Config(
        Access(Boundary(site), lambda: service), "127.0.0.1", port, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield settings
    server.should_exit = True
    thread.join(10)


def test_every_table_of_clients_is_planted(store: Store) -> None:
    clients = plant(store, SystemClock().now())
    with store.read() as conn:
        for table in filter(tenancy.belongs_to_tenants, metadata.sorted_tables):
            for tenant, planted in clients.items():
                rows = conn.execute(table.select().where(table.c.tenant == tenant)).all()
                assert rows, table.name
                assert all(planted.canary in repr(row) for row in rows), table.name
        assert set(checksum(conn, OWN)) > {"tickets", "decisions", "audit"}


def test_no_call_reaches_another_client(
    store: Store, database_url: str, tmp_path: Path, free_port: int
) -> None:
    with running(store, database_url, tmp_path, free_port) as settings:
        found = cross_tenant.measure(settings, 700, 7)
    assert cross_tenant.passed(found), cross_tenant.table(found)
    assert found["unanswered"] == 0
    assert found["compared"] > 20
    statuses = {s for counted in found["callers"].values() for s in counted}
    assert {"200", "401", "403", "404", "405"} <= statuses


def _leaky_ticket(service: Any) -> Route:
    async def show(request: Request) -> Response:
        try:
            return JSONResponse(ticket_routes.show_ticket(service.store, DESK, request))
        except ticket_routes.NoneHereError:
            return JSONResponse({}, 404)

    return Route("/v1/tickets/{ticket}", show)


def _leaky_list(service: Any) -> Route:
    async def show(request: Request) -> Response:
        return JSONResponse(ticket_routes.list_tickets(service.store, DESK, request))

    return Route("/v1/tickets", show)


def _leaky_order(service: Any) -> Route:
    async def undo(request: Request) -> Response:
        try:
            suggestions._act(service, request, "undo", b"{}")
        except suggestions.RefusedError:
            return JSONResponse({}, 404)
        return JSONResponse({})

    def blind(request: Request) -> Principal:
        return replace(principal_of(request), tenant=None)

    suggestions.principal_of = blind  # type: ignore[assignment]
    return Route("/v1/tickets/{ticket}/undo", undo, methods=["POST"])


def _telling(service: Any) -> Route:
    async def show(request: Request) -> Response:
        with service.store.read() as conn:
            known = listing.find(conn, None, request.path_params["ticket"])
        return JSONResponse({}, 404 if known is None else 403)

    return Route("/v1/decisions/{ticket}", show)


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (_leaky_ticket, "leaks"),
        (_leaky_list, "leaks"),
        (_leaky_order, "changed"),
        (_telling, "told_apart"),
    ],
)
def test_a_leaky_route_is_found(
    sqlite_url: str, tmp_path: Path, free_port: int, leak: Any, where: str, monkeypatch: Any
) -> None:
    from data.store import open_store

    monkeypatch.setattr(suggestions, "principal_of", principal_of)  # one leak replaces it
    with open_store(sqlite_url) as store, running(store, sqlite_url, tmp_path, free_port, leak) as settings:
        found = cross_tenant.measure(settings, 500, 7)
    assert found[where], cross_tenant.table(found)
    assert not cross_tenant.passed(found)
    assert "LEAK" in cross_tenant.table(found)


def test_a_run_that_saw_nothing_proves_nothing() -> None:
    found = {"leaks": [], "changed": [], "told_apart": [], "errors": [], "compared": 9}
    assert cross_tenant.passed({**found, "control": {OWN: 1, OTHER: 1, "own": 1}})
    assert not cross_tenant.passed({**found, "control": {OWN: 1, OTHER: 0, "own": 1}})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_running_service_in_full(
    bundle_directory: Path, tmp_path: Path, kind: str, monkeypatch: Any
) -> None:
    (tmp_path / "bundles").symlink_to(bundle_directory.parent)
    (bundle_directory.parent / "champion").write_text(bundle_directory.name)
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    assert cross_tenant.main(["--calls", "2500", "--database", kind]) == 0


def test_without_a_bundle_the_command_says_so(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    assert cross_tenant.main(["--calls", "1"]) == BundleError.exit_code
    assert "No bundle is promoted" in capsys.readouterr().err
