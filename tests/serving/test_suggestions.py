"""Suggestions over HTTP: what an agent sees, what each answer writes, and what others do not see."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from data.access import Principal, Role
from data.clock import ManualClock
from data.decision import TriageDecision
from data.mapping import TrackerMapping
from data.settings import read_settings
from data.store import Store, audit, feedback, open_store, outbox, tickets
from data.taxonomy import load_taxonomy
from data.ticket import Ticket, TicketRecord
from serving.access import Access
from serving.deliver import enqueue
from serving.policy import load_policy
from serving.suggestions import routes

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
TAXONOMY = load_taxonomy()
KEYS = {
    "reviewer": Principal("k1", Role.REVIEWER, None, acts_for_people=True),
    "acme": Principal("k2", Role.REVIEWER, "acme", acts_for_people=True),
    "globex": Principal("k3", Role.REVIEWER, "globex", acts_for_people=True),
    "plain": Principal("k6", Role.REVIEWER, None),
    "reader": Principal("k4", Role.READ_ONLY, None),
    "client": Principal("k5", Role.CLIENT, "acme"),
}
WRITES = {
    "Issue type": "payslip_missing",
    "Category": TAXONOMY.category_of("payslip_missing"),
    "Team": TAXONOMY.team_of("payslip_missing"),
    "Priority": "Major",
}


class Keyring:
    def principal(self, header: str) -> Principal | None:
        return KEYS.get(header.removeprefix("Bearer "))


class Desk:
    """The routes behind the access rules, on a store of either kind."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self._orders = store, ManualClock(NOW), 0
        settings = read_settings({"FIRSTLINE_ACCESS": "keys"})
        model = SimpleNamespace(
            bundle=SimpleNamespace(taxonomy=TAXONOMY), policy=load_policy(settings.policy, TAXONOMY)
        )
        service = SimpleNamespace(
            store=store,
            clock=self.clock,
            settings=settings,
            keyring=Keyring(),
            triage_model=model,
            names=TrackerMapping(),
        )
        self._app = Access(Starlette(routes=routes(lambda: service)), lambda: service)

    def file(self, number: int = 17, kind: str = "suggest", client: str | None = "acme", **seen: Any) -> None:
        """Store a ticket with our decision on it."""
        facts = {"issue_type": None, "category": None, "priority": "normal", "team": None} | seen
        record = TicketRecord(
            Ticket(id=f"3-{number}", summary="Zanzibar", description="Quixote", client=client),
            project="PAY",
            readable_id=f"PAY-{number}",
            reporter="jo",
            created=NOW,
            updated=NOW,
            resolved=None,
            state="New",
            **facts,
        )
        decision: Any = TriageDecision(
            f"3-{number}",
            "payslip_missing",
            WRITES["Category"],
            "major",
            WRITES["Team"],
            0.71,
            (("payslip_missing", 0.71), ("payslip_incorrect", 0.2), ("out_of_scope", 0.05)),
            0.6,
            kind,  # type: ignore[arg-type]
            "suggest",
            "It names a payslip.",
            "b" * 12,
            "p" * 12,
        )
        with self.store.write() as conn:
            tickets.upsert(conn, [record], seen_at=NOW)
            assert enqueue(conn, record, decision, {}, NOW)

    def call(self, method: str, path: str, key: str = "reviewer", **more: Any) -> httpx.Response:
        async def calling() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, f"/v1/tickets/{path}", headers=headers, **more)

        self.clock.advance(timedelta(seconds=1))
        return asyncio.run(calling())

    def look(self, ticket: str = "PAY-17", key: str = "reviewer") -> dict[str, Any]:
        answer = self.call("GET", f"{ticket}/suggestion", key)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def act(self, action: str, fields: Any = None, key: str = "reviewer", **more: Any) -> httpx.Response:
        self._orders += 1
        operation = more.pop("operation", f"op_{self._orders:08}")
        headers = {"Idempotency-Key": operation, "X-Firstline-Actor": "kim"} | more.pop("headers", {})
        body = {} if fields is None else {"fields": fields}
        return self.call("POST", f"{more.pop('ticket', 'PAY-17')}/{action}", key, json=body, headers=headers)

    def effects(self, number: int = 17) -> list[Any]:
        with self.store.read() as conn:
            return [op for op in outbox.of_ticket(conn, "acme", f"3-{number}") if op.kind != "triage"]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_an_agent_sees_the_suggestion_its_evidence_and_what_can_be_done(desk: Desk) -> None:
    desk.file()
    found = desk.look()
    assert found == desk.look("3-17") == desk.look(key="acme") == desk.look(key="reader")
    assert (found["decision"], found["issue_type"], found["probability"]) == (
        "suggest",
        "payslip_missing",
        0.71,
    )
    assert found["top"][0] == {"issue_type": "payslip_missing", "probability": 0.71}
    assert found["reason"] == "It names a payslip."
    assert found["actions"] == ["accept", "edit", "dismiss"]
    assert (found["written"], found["kept"], found["feedback"]) == ([], {}, None)
    assert found["choices"]["issue_type"] == list(TAXONOMY.labels)
    assert "Zanzibar" not in str(found)


def test_accept_has_the_suggestion_written_once(desk: Desk) -> None:
    desk.file()
    first = desk.act("accept", operation="op_accept1")
    assert first.status_code == 200, first.text
    assert first.json()["feedback"]["by"] == "tracker:kim"
    assert first.json()["actions"] == ["edit", "undo"]
    again = desk.act("accept", operation="op_accept1")
    assert (again.status_code, again.json()) == (200, first.json())
    (effect,) = desk.effects()
    assert effect.payload["values"] == WRITES
    assert effect.payload["by"] == "tracker:kim"
    assert desk.act("accept").status_code == 409
    assert len(desk.effects()) == 1


def test_what_a_person_filled_in_stays_when_the_rest_is_accepted(desk: Desk) -> None:
    desk.file(team="payments", priority="critical")
    assert desk.look()["kept"] == {"team": "payments", "priority": "Critical"}
    assert desk.act("accept").status_code == 200
    (effect,) = desk.effects()
    assert effect.payload["values"] == {n: WRITES[n] for n in ("Issue type", "Category")}


def test_edit_writes_the_correction_and_the_rest_as_shown(desk: Desk) -> None:
    desk.file()
    other = next(t for t in TAXONOMY.issue_types if TAXONOMY.category_of(t) != WRITES["Category"])
    answer = desk.act("edit", {"issue_type": other})
    assert answer.json()["feedback"]["fields"] == {
        "issue_type": other,
        "category": TAXONOMY.category_of(other),
    }
    (effect,) = desk.effects()
    assert effect.payload["values"] == WRITES | {
        "Issue type": other,
        "Category": TAXONOMY.category_of(other),
    }
    assert desk.act("edit", {"priority": "minor"}).status_code == 200
    assert desk.effects()[1].payload["values"] == {"Priority": "Minor"}


def test_dismiss_writes_nothing_and_can_be_reconsidered(desk: Desk) -> None:
    desk.file()
    assert desk.act("dismiss").json()["feedback"]["action"] == "dismiss"
    assert desk.effects() == []
    assert desk.act("dismiss").status_code == 409
    assert desk.act("accept").status_code == 200
    assert len(desk.effects()) == 1


def test_an_abstention_can_be_classified_but_not_accepted(desk: Desk) -> None:
    desk.file(kind="abstain")
    assert desk.look()["actions"] == ["edit", "dismiss"]
    assert desk.act("accept").status_code == 409
    assert desk.act("edit", {"priority": "minor"}).status_code == 200
    (effect,) = desk.effects()
    assert effect.payload["values"] == {"Priority": "Minor"}


def test_undo_is_asked_for_once_and_ends_the_matter(desk: Desk) -> None:
    desk.file(kind="apply")
    assert desk.look()["actions"] == ["accept", "edit", "undo"]
    answer = desk.act("undo", operation="op_undo_1")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["undone_by"], answer.json()["actions"]) == ("tracker:kim", [])
    assert desk.act("undo", operation="op_undo_1").json() == answer.json()
    assert [op.kind for op in desk.effects()] == ["undo"]
    for action, fields in (("undo", None), ("accept", None), ("edit", {"priority": "minor"})):
        refused = desk.act(action, fields)
        assert (refused.status_code, refused.json()["detail"]) == (409, "It was taken back already.")


def test_a_key_belongs_to_one_order(desk: Desk) -> None:
    desk.file()
    desk.file(18)
    assert desk.act("dismiss", operation="op_once_1").status_code == 200
    assert desk.act("accept", operation="op_once_1").status_code == 422
    assert desk.act("dismiss", operation="op_once_1", ticket="PAY-18").status_code == 422
    assert desk.effects() == []
    assert desk.look("PAY-18")["feedback"] is None


def test_anothers_ticket_is_no_ticket(desk: Desk) -> None:
    desk.file()
    for action in ("accept", "dismiss", "undo"):
        foreign, missing = (desk.act(action, key="globex", ticket=t) for t in ("PAY-17", "PAY-99"))
        assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
        assert foreign.status_code == 404
    foreign, missing = (desk.call("GET", f"{t}/suggestion", "globex") for t in ("3-17", "3-99"))
    assert (
        (foreign.status_code, foreign.content)
        == (missing.status_code, missing.content)
        == (404, foreign.content)
    )
    assert foreign.headers["content-type"] == "application/problem+json"
    with desk.store.read() as conn:
        assert feedback.of_ticket(conn, "acme", "3-17") == []
    assert desk.act("dismiss", key="acme").status_code == 200


@pytest.mark.parametrize(
    ("key", "method", "status"),
    [
        ("reader", "POST", 403),
        ("client", "POST", 403),
        ("client", "GET", 403),
        ("nobody", "GET", 401),
    ],
)
def test_who_may_not(desk: Desk, key: str, method: str, status: int) -> None:
    desk.file()
    answer = desk.call(method, "PAY-17/accept" if method == "POST" else "PAY-17/suggestion", key)
    assert answer.status_code == status


def test_only_the_apps_key_may_name_the_person(desk: Desk) -> None:
    desk.file()
    refused = desk.act("accept", key="plain")
    assert (refused.status_code, refused.json()["detail"]) == (403, "This key may not act for a person.")
    assert desk.effects() == []
    answer = desk.act("accept", key="plain", headers={"X-Firstline-Actor": ""})
    assert answer.json()["feedback"]["by"] == "key:k6"


@pytest.mark.parametrize(
    ("action", "more", "status"),
    [
        ("accept", {"headers": {"Idempotency-Key": "short"}}, 400),
        ("accept", {"headers": {"Idempotency-Key": "has spaces in it"}}, 400),
        ("accept", {"headers": {"X-Firstline-Actor": "a%0Ab"}}, 400),
        ("accept", {"headers": {"X-Firstline-Actor": "a" * 101}}, 400),
        ("edit", {}, 422),
        ("edit", {"fields": {}}, 422),
        ("edit", {"fields": {"issue_type": "no_such_type"}}, 422),
        ("edit", {"fields": {"issue_type": ["payslip_missing"]}}, 422),
        ("edit", {"fields": {"colour": "red"}}, 422),
        ("edit", {"fields": {"issue_type": "payslip_missing", "category": "out_of_scope"}}, 422),
        ("edit", {"fields": {"team": "x" * 20_000}}, 413),
    ],
)
def test_wrong_orders_change_nothing(desk: Desk, action: str, more: dict[str, Any], status: int) -> None:
    desk.file()
    answer = desk.act(action, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]
    assert desk.effects() == []
    assert desk.look()["feedback"] is None


def test_the_audit_log_says_who_did_it_with_which_key(desk: Desk) -> None:
    desk.file()
    desk.act("accept", key="acme")
    with desk.store.read() as conn:
        (row,) = audit.newest(conn, action="suggestion.accepted")
    assert (row.actor, row.subject, row.tenant) == ("tracker:kim", "3-17", "acme")
    assert '"key":"k2"' in str(row.facts).replace(" ", "").replace("'", '"')


def test_the_running_service_has_the_routes(service: Any) -> None:
    with open_store(service.settings.database_url) as store:
        Desk(store).file(930017, client=None)
    url = f"{service.url}/v1/tickets/PAY-930017"
    assert httpx.get(f"{url}/suggestion").json()["ticket"] == "PAY-930017"
    headers = {"Idempotency-Key": f"op_{time.time_ns()}"}
    answer = httpx.post(f"{url}/dismiss", headers=headers)
    assert answer.json()["feedback"]["by"] == "local"
    assert httpx.get(f"{service.url}/v1/tickets/PAY-930018/suggestion").status_code == 404
