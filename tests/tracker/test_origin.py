"""The token goes to the tracker and nowhere else, whatever the tracker answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from data.clock import SystemClock
from data.settings import SANDBOX_TOKEN
from data.sync import sync
from data.taxonomy import load_taxonomy
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import NotFoundError, RefusedError
from data.youtrack.origin import address
from serving.connect.create import Lacking, create

BASE = "https://desk.example/youtrack"


@pytest.fixture
def elsewhere(unused_port: int) -> Iterator[tuple[str, list[str]]]:
    """Another server, and what it was sent."""
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(f"{scope['path']} {dict(scope['headers'])}")
        await JSONResponse({"id": "1-2", "login": "svc-firstline", "guest": False})(scope, receive, send)

    config = uvicorn.Config(app, "127.0.0.1", unused_port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{unused_port}", heard
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_refused_for_reads_and_writes(
    desk: Any, client: YouTrackClient, elsewhere: tuple[str, list[str]], status: int
) -> None:
    issue = desk.file()
    client.fields_of("PAY")
    client.issue(issue.id)
    url, heard = elsewhere
    desk.instead = lambda method, path: RedirectResponse(f"{url}{path}", status)
    with pytest.raises(RefusedError, match="has moved"):
        client.check()
    with pytest.raises(RefusedError, match="has moved"):
        client.update_fields(issue.id, {"Team": "tax"}, project="PAY")
    assert heard == [] and desk.shown(issue, "Team") is None


def test_addresses_in_answers_are_not_followed(
    desk: Any, client: YouTrackClient, one_store: Any, quiet: Any, elsewhere: tuple[str, list[str]]
) -> None:
    url, heard = elsewhere
    issue = desk.file()
    desk.attach(issue, "payslip.pdf", b"%PDF", "application/pdf")
    raw = httpx.get(
        f"{desk.url}/api/issues/{issue.id}",
        params={"fields": ISSUE},
        headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"},
    ).json()
    raw["attachments"][0] |= {"url": f"{url}/steal", "thumbnailURL": f"//{urlsplit(url).netloc}/steal"}
    links = {"Link": f'<{url}/next>; rel="next"', "Location": f"{url}/other"}

    def instead(method: str, path: str) -> Response | None:
        return JSONResponse([raw], headers=links) if path == "/api/issues" else None

    desk.instead = instead
    sync(client, one_store, SystemClock(), project="PAY", progress=quiet)
    assert len(client.issues("project: PAY", 5)[0].attachments) == 1
    assert heard == [] and set(desk.tokens) == {f"Bearer {SANDBOX_TOKEN}"}


def test_an_id_that_is_an_address_stays_one_part_of_a_path(
    desk: Any, client: YouTrackClient, elsewhere: tuple[str, list[str]]
) -> None:
    url, heard = elsewhere
    for odd in (f"{url}/x", f"//{urlsplit(url).netloc}/x", "../../hub", "@127.0.0.1"):
        with pytest.raises(RefusedError):
            client.issue(odd)
        with pytest.raises(RefusedError):
            create(client, "PAY", [Lacking("Team", "enum", odd, ("x",))])
    assert heard == []
    assert all(p.startswith("/api/") for _, p in desk.asked)
    assert load_taxonomy().labels  # the taxonomy is not touched by any of it


@pytest.mark.parametrize(
    "named",
    [
        "https://evil.example/youtrack/api/users/me",
        "//evil.example/youtrack/api/users/me",
        "/\\evil.example/api",
        "http://desk.example/youtrack/api/users/me",
        "https://desk.example:8443/youtrack/api/users/me",
        "https://desk.example@evil.example/youtrack/api/users/me",
        "https://user:secret@desk.example/youtrack/api/users/me",
        "https://desk.example/hub/api/rest/users",
        "/../../hub/api/rest",
        "https://desk.example.evil.example/youtrack/api/x",
        "file:///etc/passwd",
    ],
)
def test_another_origin_or_another_application_is_refused(named: str) -> None:
    with pytest.raises(RefusedError, match="not its own API"):
        address(BASE, named)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("/issues/3-1", f"{BASE}/api/issues/3-1"),
        (
            "https://desk.example:443/youtrack/api/issues/3-1",
            "https://desk.example:443/youtrack/api/issues/3-1",
        ),
        ("HTTPS://DESK.example/youtrack/api/x", None),
        ("issues/3-1?$top=1", f"{BASE}/api/issues/3-1?$top=1"),
    ],
)
def test_its_own_addresses_are_good(named: str, found: str | None) -> None:
    assert address(BASE, named) == (found or address(BASE, named))


@given(
    st.text(max_size=40), st.sampled_from(["", "/", "//", "http://", "https://desk.example", "\\\\", "../"])
)
def test_whatever_is_named_the_origin_is_ours_or_it_is_refused(words: str, start: str) -> None:
    try:
        where = httpx.URL(address(BASE, start + words))  # as the HTTP library reads it
    except (RefusedError, ValueError, httpx.InvalidURL):
        return  # nothing is sent
    assert (where.scheme, where.host, where.port) == ("https", "desk.example", None)
    assert where.path.startswith("/youtrack/api/")


def test_a_refused_address_is_no_missing_ticket() -> None:
    with pytest.raises(RefusedError) as refused:
        address(BASE, "https://evil.example/x")
    assert not isinstance(refused.value, NotFoundError) and refused.value.remedy


ISSUE = (
    "id,idReadable,summary,description,created,updated,resolved,project(id,shortName),reporter(login),"
    "tags(id,name),customFields($type,id,name,value(id,name)),comments(id),links(id),"
    "attachments(id,name,size,mimeType,created,url)"
)
