"""What people ask for becomes operations, with an audit row; undo walks back, and only what is ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data.decision import TriageDecision
from data.errors import BadInputError
from data.store import Store, audit, decisions, outbox, tickets
from data.store.outbox import Operation
from data.ticket import Ticket, TicketRecord
from serving.deliver import enqueue, operation_id
from serving.effects import (
    drop,
    enqueue_fields,
    request_undo,
    restoration,
    standing,
    undone_text,
)

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def ticket(number: int = 1, **more: Any) -> TicketRecord:
    facts: dict[str, Any] = {
        "project": "PAY",
        "readable_id": f"PAY-{number}",
        "reporter": "jo",
        "created": NOW,
        "updated": NOW,
        "resolved": None,
        "state": "New",
        "issue_type": None,
        "category": None,
        "priority": "normal",
        "team": None,
    }
    return TicketRecord(Ticket(f"3-{number}", "s", "d", client="acme"), **(facts | more))


@pytest.fixture
def here(store: Store) -> Store:
    with store.write() as conn:
        tickets.upsert(conn, [ticket(), ticket(2)], seen_at=NOW)
    return store


def operation(store: Store, op_id: str) -> Operation:
    with store.read() as conn:
        found = outbox.get(conn, op_id)
    assert found is not None
    return found


def ask(store: Store, values: dict[str, str | None], at: datetime = NOW, number: int = 1) -> str:
    with store.write() as conn:
        return enqueue_fields(conn, "acme", f"3-{number}", values, actor="tracker:kim", now=at)


def undo(store: Store, at: datetime = NOW, number: int = 1) -> str:
    with store.write() as conn:
        return request_undo(conn, "acme", f"3-{number}", actor="tracker:kim", now=at)


def finish(store: Store, op_id: str, **facts: Any) -> None:
    with store.write() as conn:
        for claimed in outbox.claim(conn, "w", NOW + timedelta(hours=1), 60, 9):
            if claimed.op_id == op_id:
                found = {"Team": None} if facts.pop("wrote", True) else {}
                outbox.may_write(conn, claimed, NOW, found=found, says=False)
                outbox.complete(conn, op_id, claimed.fence, NOW, **facts)


def audited(store: Store) -> list[tuple[str, str, str, str | None, str]]:
    with store.read() as conn:
        rows = audit.newest(conn)
    return [
        (r.actor, r.action, r.subject, r.tenant, json.loads(r.facts)["operation"]) for r in reversed(rows)
    ]


def test_an_order_becomes_an_operation_with_its_audit_row(here: Store) -> None:
    op_id = ask(here, {"Team": "payments", "Category": None})
    kept = operation(here, op_id)
    assert (kept.kind, kept.state, kept.tenant, kept.ticket_id) == ("fields", "new", "acme", "3-1")
    assert kept.payload == {
        "values": {"Team": "payments", "Category": None},
        "project": "PAY",
        "by": "tracker:kim",
    }
    assert (kept.project, kept.automatic, kept.created_at) == ("PAY", False, NOW)
    assert audited(here) == [("tracker:kim", "fields.requested", "3-1", "acme", op_id)]


def test_the_same_order_at_the_same_moment_is_one_and_any_other_is_another(here: Store) -> None:
    wanted = {"Team": "payments", "Category": "x"}
    first = ask(here, wanted)
    assert ask(here, dict(reversed(wanted.items()))) == first
    assert len(audited(here)) == 1, "what was known already is not audited twice"
    others = {
        ask(here, {"Team": "payments"}),
        ask(here, {**wanted, "Team": "x"}),
        ask(here, wanted, NOW + timedelta(seconds=1)),
        ask(here, wanted, number=2),
    }
    assert len(others - {first}) == 4
    assert all(len(o) == 13 and o[0] == "f" for o in others)


def test_a_ticket_that_the_tenant_does_not_have_is_refused(here: Store) -> None:
    with here.write() as conn:
        for tenant, number in (("acme", "3-9"), ("globex", "3-1")):
            with pytest.raises(BadInputError, match="no such ticket"):
                enqueue_fields(conn, tenant, number, {}, actor="cli", now=NOW)
            with pytest.raises(BadInputError, match="no such ticket"):
                request_undo(conn, tenant, number, actor="cli", now=NOW)


def test_where_nothing_was_delivered_there_is_nothing_to_undo(here: Store) -> None:
    with pytest.raises(BadInputError, match="delivered nothing"):
        undo(here)


OURS: Any = TriageDecision(
    "3-1",
    "payslip_missing",
    "payslips",
    "major",
    "payments",
    0.9,
    (("payslip_missing", 0.9),),
    0.8,
    "apply",
    "apply",
    "It names a payslip.",
    "b" * 12,
    "p" * 12,
)


def decide(store: Store) -> str:
    with store.write() as conn:
        assert enqueue(conn, ticket(), OURS, {}, NOW)
    return operation_id("3-1")


def test_undo_names_what_it_takes_back_and_marks_the_decision(here: Store) -> None:
    ours = decide(here)
    finish(here, ours, left={"Team": "payments"}, remote_id="4-1", outcome="delivered")
    later = NOW + timedelta(minutes=5)
    op_id = undo(here, later)
    kept = operation(here, op_id)
    assert (kept.kind, kept.ticket_id, kept.tenant, kept.project) == ("undo", "3-1", "acme", "PAY")
    assert (kept.automatic, kept.created_at, kept.state) == (False, later, "new")
    assert kept.payload == {"of": ours, "project": "PAY", "by": "tracker:kim"}
    assert (op_id[0], len(op_id)) == ("u", 13)
    with here.read() as conn:
        stored = decisions.get(conn, "acme", "3-1")
    assert stored is not None
    assert (stored.undone_at, stored.undone_by) == (later, "tracker:kim")
    assert audited(here) == [("tracker:kim", "undo.requested", "3-1", "acme", op_id)]


def test_undo_walks_back_one_delivery_at_a_time(here: Store) -> None:
    first = ask(here, {"Team": "payments"})
    second = ask(here, {"Team": "identity-access"}, NOW + timedelta(seconds=1))
    for op_id in (first, second):
        finish(here, op_id, left={"Team": "x"})
    backs = [undo(here, NOW + timedelta(minutes=n)) for n in (1, 2)]
    assert [operation(here, b).payload["of"] for b in backs] == [second, first]
    assert undo(here, NOW + timedelta(minutes=3)) == backs[-1], "nothing stands: nothing changes"
    assert len(audited(here)) == 4


def test_undo_passes_over_what_left_no_trace(here: Store) -> None:
    first = ask(here, {"Team": "payments"})
    finish(here, first, left={"Team": "payments"})
    idle = ask(here, {"Team": "payments"}, NOW + timedelta(seconds=1))
    finish(here, idle, wrote=False, left={"Team": "payments"}, outcome="held already")
    assert operation(here, undo(here)).payload["of"] == first


def test_a_comment_alone_can_be_taken_back(here: Store) -> None:
    ours = decide(here)
    finish(here, ours, wrote=False, left={}, remote_id="4-1")
    assert operation(here, undo(here)).payload["of"] == ours


def test_what_waits_is_withdrawn_and_stays_so(here: Store) -> None:
    op_id = ask(here, {"Team": "payments"})
    later = NOW + timedelta(minutes=1)
    undo(here, later)
    ended = operation(here, op_id)
    assert (ended.state, ended.outcome) == ("done", "withdrawn")


def test_what_is_being_sent_is_undone_after_it(here: Store) -> None:
    op_id = ask(here, {"Team": "payments"})
    with here.write() as conn:
        (claimed,) = outbox.claim(conn, "w", NOW, 60, 9)
    back = undo(here)
    assert operation(here, op_id).state == "sending"
    with here.write() as conn:
        assert outbox.claim(conn, "w", NOW + timedelta(seconds=1), 60, 9) == [], "in the ticket's order"
        outbox.complete(conn, op_id, claimed.fence, NOW)
        assert [o.op_id for o in outbox.claim(conn, "w", NOW + timedelta(seconds=1), 60, 9)] == [back]


def test_standing_are_deliveries_that_left_something_and_were_not_taken_back(here: Store) -> None:
    ops = [ask(here, {"Team": str(n)}, NOW + timedelta(seconds=n)) for n in range(3)]
    finish(here, ops[0], left={"Team": "0"})
    finish(here, ops[1], wrote=False)

    def left() -> list[str]:
        with here.read() as conn:
            return [o.op_id for o in standing(outbox.of_ticket(conn, "acme", "3-1"))]

    assert left() == [ops[0], ops[2]]
    undo(here, NOW + timedelta(minutes=1))
    assert left() == [ops[0]]
    undo(here, NOW + timedelta(minutes=2))
    assert left() == []


def test_what_is_done_cannot_be_dropped(here: Store) -> None:
    op_id = ask(here, {"Team": "payments"})
    finish(here, op_id)
    with here.write() as conn:
        done = outbox.get(conn, op_id)
        assert done is not None
        assert not drop(conn, done, NOW)
    assert operation(here, op_id).outcome is None


def done(found: dict[str, str | None] | None, left: dict[str, str | None] | None) -> Operation:
    return Operation("t1", "acme", "3-1", "triage", {}, 1, 1, NOW, "done", None, None, found=found, left=left)


@pytest.mark.parametrize(
    ("found", "left", "now", "restored", "kept"),
    [
        ({"A": None}, {"A": "x"}, {"A": "x"}, {"A": None}, {}),
        ({"A": "w"}, {"A": "x"}, {"A": "x"}, {"A": "w"}, {}),
        ({"A": "w"}, {"A": "x"}, {"A": "w"}, {}, {}),  # a person put it back
        ({"A": "w"}, {"A": "x"}, {"A": "y"}, {}, {"A": "y"}),
        ({"A": "w"}, {"A": "x"}, {"A": None}, {}, {"A": None}),
        ({"A": "w"}, {"A": "x"}, {}, {}, {"A": None}),
        ({"A": "w"}, {}, {"A": None}, {}, {"A": None}),  # nobody knows what we left
        ({"A": "w", "B": "w"}, {"A": "x", "B": "x"}, {"A": "w", "B": "x"}, {"B": "w"}, {}),
        ({"A": "w", "B": "w"}, {"A": "x", "B": "x"}, {"A": "y", "B": "x"}, {"B": "w"}, {"A": "y"}),
        (None, {"A": "x"}, {"A": "x"}, {}, {}),
        ({"A": "w"}, None, {"A": "x"}, {}, {"A": "x"}),
    ],
)
def test_what_goes_back_is_what_still_holds_ours(
    found: Any, left: Any, now: Any, restored: Any, kept: Any
) -> None:
    assert restoration(done(found, left), now) == (restored, kept)


def test_the_comment_tells_who_took_it_back_once() -> None:
    marked = undone_text("Ours.", "tracker:kim", "u1", ["Team", "Category"], ["Priority"])
    assert marked == (
        "**Undone by kim.** Put back: Team, Category. Left as they are, because changed since: Priority. "
        "`firstline:undo=u1`\n\nOurs."
    )
    assert undone_text(marked, "tracker:jo", "u1", [], []) == marked
    again = undone_text(marked, "cli", "u2", [], [])
    assert again == f"**Undone by cli.** No field was changed. `firstline:undo=u2`\n\n{marked}"
    assert undone_text("x", "key:k:1", "u3", [], []).startswith("**Undone by k:1.**")
