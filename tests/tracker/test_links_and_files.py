"""Links and the metadata of files arrive in the store, with their history; what is in a file never does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.responses import JSONResponse

from data.clock import SystemClock
from data.settings import SANDBOX_TOKEN
from data.store import Store, tickets
from data.sync import poll, sync
from data.ticket import Link
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import UnavailableError
from data.youtrack.wire import ISSUE_FIELDS


def stored(store: Store, ticket_id: str) -> Any:
    with store.read() as conn:
        return tickets.find(conn, ticket_id)


def test_links_are_kept_with_type_direction_and_target(
    desk: Any, client: YouTrackClient, store: Store, quiet: Any
) -> None:
    one, two, three = desk.file("one"), desk.file("two"), desk.file("three")
    desk.link(one, "Depend", two, outward=True)
    desk.link(one, "Relates", three, outward=True)
    sync(client, store, SystemClock(), project="PAY", progress=quiet)
    assert stored(store, one.id).links == (
        Link("Depend", "outward", "is required for", two.id, two.readable_id),
        Link("Relates", "both", "relates to", three.id, three.readable_id),
    )
    assert stored(store, two.id).links == (Link("Depend", "inward", "depends on", one.id, one.readable_id),)
    desk.link(two, "Subtask", three, outward=False)
    assert set(poll(client, store, SystemClock(), project="PAY")) == {two.id, three.id}
    history = [(c.kind, c.subject, c.added) for c in stored(store, two.id).changes if c.kind == "link"]
    assert history == [("link", "depends on", one.id), ("link", "subtask of", three.id)]


def test_a_file_is_kept_as_name_type_and_size_and_its_contents_are_never_asked_for(
    desk: Any, client: YouTrackClient, store: Store, quiet: Any
) -> None:
    issue = desk.file()
    desk.attach(issue, "payslip.pdf", b"%PDF secret salary", "application/pdf")
    sync(client, store, SystemClock(), project="PAY", progress=quiet)
    (file,) = stored(store, issue.id).attachments
    assert (file.name, file.size, file.mime_type) == ("payslip.pdf", 18, "application/pdf")
    assert file.created is not None
    added = [c.added for c in stored(store, issue.id).changes if c.kind == "attachment"]
    assert added == ["payslip.pdf (application/pdf; 18 bytes)"]
    with store.read() as conn:
        rows = "".join(
            str(tuple(r)) for t in ("tickets", "changes") for r in conn.execute(text(f"SELECT * FROM {t}"))
        )
    assert "secret" not in rows and "sign=" not in rows
    assert not [p for _, p in desk.asked if "/files/" in p]
    issue.attachments[0].removed = True
    desk.state.touch(issue)
    del issue.attachments[0]
    desk.set(issue, "Team", "tax")
    poll(client, store, SystemClock(), project="PAY")
    assert stored(store, issue.id).attachments == ()


@pytest.mark.parametrize("number", [41, 42, 60])
def test_long_lists_come_whole(desk: Any, client: YouTrackClient, number: int) -> None:
    issue = desk.file()
    for n in range(number):
        desk.link(issue, "Relates", desk.file(f"other {n}"), outward=True)
    for n in range(number):
        desk.attach(issue, f"{n}.txt", b"x", "text/plain")
    record = client.issue(issue.id)
    assert len(record.links) == len({k.target_id for k in record.links}) == number
    assert len(record.attachments) == number


def test_lists_that_are_hidden_from_us_are_empty_and_ones_that_are_missing_are_an_error(
    desk: Any, client: YouTrackClient
) -> None:
    issue = desk.file()
    token = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    path = f"/api/issues/{issue.id}"
    raw = httpx.get(f"{desk.url}{path}", params={"fields": ISSUE_FIELDS}, headers=token).json()
    desk.instead = lambda method, asked: JSONResponse(raw) if asked == path else None
    raw |= {"links": None, "attachments": None}
    record = client.issue(issue.id)
    assert (record.links, record.attachments) == ((), ())
    raw |= {"links": [{"id": "106-1s", "direction": "OUTWARD", "linkType": {"name": "X"}, "issues": None}]}
    assert client.issue(issue.id).links == ()
    del raw["attachments"]
    with pytest.raises(UnavailableError, match="attachments"):
        client.issue(issue.id)
