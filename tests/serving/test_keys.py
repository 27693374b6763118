"""Keys in front of the service: each role on each route, expiry, revocation, rotation."""

from __future__ import annotations

import asyncio
import json
import secrets
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from data import api_key
from data.access import Role
from data.clock import ManualClock, SystemClock
from data.keyring import PEPPER_NAME, WORKER_NAME, Keyring, pepper_of, secret_file
from data.settings import read_settings
from data.store import Store, api_keys, audit, open_store
from serving.access import RULES, Access, principal_of
from serving.cli import application

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ring(store: Store, tmp_path: Path, clock: ManualClock) -> Keyring:
    return Keyring(store, tmp_path, clock)


def made(store: Store, home: Path, role: Role, tenant: str | None = None, **facts: Any) -> str:
    key = api_key.new_key(secrets.token_bytes)
    name = str(api_key.key_id(key))
    stored = api_keys.StoredKey(name, "test", role, tenant, api_key.digest(key, pepper_of(home)), NOW)
    with store.write() as conn:
        api_keys.add(conn, replace(stored, **facts))
    return key


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    caller = principal_of(Request(scope)) if "firstline.principal" in scope else None
    await JSONResponse({"tenant": caller.tenant if caller else None})(scope, receive, send)


def call(ring: Keyring, method: str, path: str, key: str | None) -> httpx.Response:
    settings = replace(read_settings({}), access="keys")
    app = Access(whoami, lambda: SimpleNamespace(settings=settings, keyring=ring))
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=("10.0.0.9", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
            return await http.request(method, path, headers=headers)

    return asyncio.run(asked())


def test_each_role_on_each_route(ring: Keyring, store: Store, tmp_path: Path) -> None:
    keys = {role: made(store, tmp_path, role) for role in Role}
    for rule in RULES:
        path = rule.path.replace("{ticket}", "PAY-1")
        assert call(ring, rule.method, path, None).status_code == (200 if rule.free else 401)
        for role, key in keys.items():
            expected = 200 if rule.free or role in rule.roles else 403
            assert call(ring, rule.method, path, key).status_code == expected, (rule, role)
        own = call(ring, rule.method, path, secret_file(tmp_path / WORKER_NAME)).status_code
        assert own == (200 if rule.free or rule.worker else 403), rule
    assert call(ring, "GET", "/v1/nothing", keys[Role.OPERATOR]).status_code == 404
    assert call(ring, "DELETE", "/v1/triage", keys[Role.OPERATOR]).status_code == 405


def test_one_clients_key_is_that_client_and_not_the_desk(ring: Keyring, store: Store, tmp_path: Path) -> None:
    key = made(store, tmp_path, Role.REVIEWER, "acme")
    assert call(ring, "GET", "/v1/tickets/PAY-1/suggestion", key).json() == {"tenant": "acme"}
    assert call(ring, "GET", "/metrics", key).status_code == 403


def test_only_the_whole_key_in_its_time_is_good(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    key = made(store, tmp_path, Role.OPERATOR, expires_at=NOW + timedelta(minutes=1))
    other = api_key.new_key(secrets.token_bytes)
    forged = key[:12] + other[12:]  # this id with another secret: the checksum is wrong as well
    for wrong in ("", key[:-1], key.swapcase(), other, forged, "\u00e9" * 61):
        assert ring.principal(f"Bearer {wrong}") is None
    assert ring.principal(key) is None
    assert ring.principal(f"Basic {key}") is None
    assert ring.principal(f"Bearer {key}") is not None
    clock.sleep(60)
    assert ring.principal(f"Bearer {key}") is None


def test_a_key_with_another_secret_of_the_same_id_is_refused(
    ring: Keyring, store: Store, tmp_path: Path
) -> None:
    key = made(store, tmp_path, Role.OPERATOR)
    body = key[:12] + "0" * 43
    forged = body + api_key._checksum(body)
    assert api_key.key_id(forged) == api_key.key_id(key)
    assert ring.principal(f"Bearer {forged}") is None


def test_a_revoked_key_is_refused_within_a_minute(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    key = made(store, tmp_path, Role.READ_ONLY)
    name = str(api_key.key_id(key))
    assert ring.principal(f"Bearer {key}") is not None
    with store.write() as conn:
        assert api_keys.revoke(conn, name, NOW)
        assert not api_keys.revoke(conn, name, NOW)
    clock.sleep(59)
    assert ring.principal(f"Bearer {key}") is None
    with store.read() as conn:
        assert api_keys.every(conn)[0].last_used_at == NOW


def test_a_copied_database_opens_nothing(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    key = made(store, tmp_path, Role.OPERATOR)
    elsewhere = Keyring(store, tmp_path / "elsewhere", clock)
    assert elsewhere.principal(f"Bearer {key}") is None
    for name in (PEPPER_NAME, WORKER_NAME):
        assert stat.S_IMODE((tmp_path / "elsewhere" / name).stat().st_mode) == 0o600


def test_create_list_rotate_revoke(tmp_path: Path, database_url: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("FIRSTLINE_DATABASE_URL", database_url)

    def run(*words: str) -> Any:
        return CliRunner().invoke(application(), ["keys", *words])

    refused = run("create", "--name", "portal", "--role", "client")
    assert "--client" in str(refused.exception)
    first = json.loads(
        run("create", "--name", "portal", "--role", "client", "--client", "acme", "--json").stdout
    )
    second = json.loads(run("rotate", first["key_id"], "--hours", "1", "--json").stdout)
    assert (second["client"], second["role"]) == ("acme", "client")
    assert first["key"] != second["key"]
    assert not first["acts_for_people"]
    nobody = run("create", "--name", "x", "--role", "read-only", "--acts-for-people")
    assert "acts for nobody" in str(nobody.exception)
    listed = json.loads(run("list", "--json").stdout)
    assert [(k["key_id"], k["good"]) for k in listed] == [(first["key_id"], True), (second["key_id"], True)]
    assert run("revoke", second["key_id"]).exit_code == 0
    assert "no good key" in str(run("rotate", second["key_id"]).exception)
    shown = run("list").stdout
    assert "revoked" in shown
    assert first["key"] not in shown
    with open_store(database_url) as store, store.read() as conn:
        told = [(r.action, r.subject) for r in audit.newest(conn, limit=10)]
    assert told == [
        ("key.revoked", second["key_id"]),
        ("key.created", second["key_id"]),
        ("key.created", first["key_id"]),
    ]


def test_the_right_to_act_for_people_survives_a_rotation(
    tmp_path: Path, sqlite_url: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FIRSTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("FIRSTLINE_DATABASE_URL", sqlite_url)

    def run(*words: str) -> Any:
        return json.loads(CliRunner().invoke(application(), ["keys", *words, "--json"]).stdout)

    app = run("create", "--name", "app", "--role", "reviewer", "--acts-for-people")
    again = run("rotate", app["key_id"])
    assert (app["acts_for_people"], again["acts_for_people"]) == (True, True)
    with open_store(sqlite_url) as store:
        caller = Keyring(store, tmp_path, SystemClock()).principal(f"Bearer {again['key']}")
    assert caller is not None
    assert caller.acts_for_people


def test_a_service_that_asks_for_keys_lets_its_worker_and_its_friends_in(
    serve: Any, monkeypatch: Any
) -> None:
    from serving.worker import own_key

    running = serve('access = "keys"\n')
    monkeypatch.setenv("FIRSTLINE_HOME", str(running.settings.home))
    made = CliRunner().invoke(
        application(), ["keys", "create", "--name", "x", "--role", "operator", "--json"]
    )
    key = json.loads(made.stdout)["key"]
    body = {"tickets": [{"summary": "reset my password", "description": "I forgot it"}]}
    own = own_key(running.settings)
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {key}"}, 200), (own, 200)):
        answer = httpx.post(f"{running.url}/v1/triage", json=body, headers=headers, timeout=60)
        assert answer.status_code == status
    assert httpx.get(f"{running.url}/metrics", headers=own).status_code == 403
    portal = CliRunner().invoke(
        application(), ["keys", "create", "--name", "p", "--role", "client", "--client", "acme", "--json"]
    )
    headers = {"Authorization": f"Bearer {json.loads(portal.stdout)['key']}"}
    asked = {"tickets": [{**body["tickets"][0], "client": c} for c in (None, "acme", "globex", "nobody")]}
    answer = httpx.post(f"{running.url}/v1/triage", json=asked, headers=headers, timeout=60)
    unnamed, named, foreign, unknown = answer.json()["results"]
    assert {k: v for k, v in named.items() if k != "id"} == {k: v for k, v in unnamed.items() if k != "id"}
    assert named["decision"]
    assert foreign["error"] == unknown["error"]
    assert "not the key's" in foreign["error"]
    assert httpx.get(f"{running.url}/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    log = running.log.read_text()
    assert key not in log
    assert own["Authorization"].removeprefix("Bearer ") not in log
