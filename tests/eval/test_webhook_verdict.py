"""What the benchmark of webhooks concludes from a run."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from data.decision import TriageDecision
from data.store import Store, tickets
from data.ticket import Comment, Ticket, TicketRecord
from eval.benchmarks.row import row
from eval.benchmarks.sightings import Filed, watching
from eval.benchmarks.webhook_verdict import Delays, Effects, Result, delays, judge

AT = datetime(2026, 6, 1, tzinfo=UTC)
NONE_WRONG = Effects(comments=500, writes=700, lost=0, doubled=0, written_twice=0, wrong=0)
GOOD = Result(
    database="sqlite",
    poll_seconds=5.0,
    tickets=500,
    comments=500,
    dropped=300,
    copies=7000,
    repeated=6300,
    accepted=2000,
    known=5000,
    failed=0,
    stored=700,
    told=Delays(700, 700, 0.2, 0.9),
    untold=Delays(300, 300, 0.6, 1.3),
    undecided=0,
    decided_twice=0,
    effects=NONE_WRONG,
    seconds=200.0,
)


@pytest.mark.parametrize(
    "flaw",
    [
        {"dropped": 0},
        {"untold": Delays(0, 0, None, None)},
        {"stored": 699},
        {"stored": 701},
        {"told": Delays(700, 699, 0.2, 0.9)},
        {"told": Delays(700, 700, 0.2, 2.01)},
        {"untold": Delays(300, 299, 0.6, 1.3)},
        {"untold": Delays(300, 300, 0.6, 2.5)},
        {"undecided": 1},
        {"decided_twice": 1},
        {"effects": replace(NONE_WRONG, lost=1)},
        {"effects": replace(NONE_WRONG, doubled=1)},
        {"effects": replace(NONE_WRONG, written_twice=1)},
        {"effects": replace(NONE_WRONG, wrong=1)},
        {"effects": replace(NONE_WRONG, writes=0)},
    ],
)
def test_every_promise_can_be_broken(flaw: dict[str, Any]) -> None:
    assert GOOD.passed
    bad = replace(GOOD, **flaw)
    assert len(bad.problems) == 1
    assert "FAIL" in bad.table()
    assert bad.row().count("|") == 4
    assert "NOT met" in bad.row()


def decided(what: str, priority: str = "suggest") -> TriageDecision:
    facts: dict[str, Any] = {"decision": what, "priority_decision": priority}
    return TriageDecision(
        id="x",
        issue_type="tax_form",
        category="tax",
        priority="major",
        team="Tax",
        probability=0.9,
        top=(),
        priority_probability=0.9,
        reason="",
        bundle="b",
        policy="p",
        **facts,
    )


def shown(id_: str, comments: int = 1, **values: str) -> dict[str, Any]:
    held = {"Issue type": "tax_form", "Category": "tax", "Team": "Tax", "Priority": "Normal"} | values
    fields: list[dict[str, Any]] = [{"name": n, "value": {"name": v}} for n, v in held.items()]
    said = [{"text": "firstline:op=t1", "deleted": False}] * comments
    other = [{"text": "Any news?", "deleted": False}, {"text": "firstline:op=t1", "deleted": True}]
    return {"id": id_, "comments": [*said, *other], "customFields": [*fields, {"name": "Tags", "value": []}]}


def by(login: str, *fields: str) -> list[dict[str, Any]]:
    return [{"author": {"login": login}, "field": {"name": n}} for n in fields]


LABELS = ("Issue type", "Category", "Team")


@pytest.mark.parametrize(
    ("decision", "ticket", "history", "wrong"),
    [
        (decided("apply"), shown("1"), by("svc-firstline", *LABELS), {}),
        (decided("apply"), shown("1"), by("svc-firstline", *LABELS) + by("kim", *LABELS), {}),
        (decided("apply"), shown("1", comments=0), by("svc-firstline", *LABELS), {"lost": 1}),
        (decided("apply"), shown("1", comments=2), by("svc-firstline", *LABELS), {"doubled": 1}),
        (decided("apply"), shown("1"), by("svc-firstline", *LABELS, "Team"), {"written_twice": 1}),
        (decided("apply"), shown("1"), by("svc-firstline", *LABELS[:2]), {"wrong": 1}),
        (decided("apply"), shown("1", Team="Desk"), by("svc-firstline", *LABELS), {"wrong": 1}),
        (decided("apply"), shown("1"), by("svc-firstline", *LABELS, "Priority"), {"wrong": 1}),
        (
            decided("apply", "apply"),
            shown("1", Priority="Major"),
            by("svc-firstline", *LABELS, "Priority"),
            {},
        ),
        (decided("apply", "apply"), shown("1", Priority="Major"), by("svc-firstline", *LABELS), {}),
        (decided("apply", "apply"), shown("1"), by("svc-firstline", *LABELS), {"wrong": 1}),
        (decided("suggest"), shown("1"), [], {}),
        (decided("suggest"), shown("1"), by("svc-firstline", "Team"), {"wrong": 1}),
        (None, shown("1"), [], {}),
        (decided("apply"), shown("2"), [], {"lost": 1}),
    ],
)
def test_the_tracker_is_compared_with_what_was_decided(
    decision: TriageDecision | None, ticket: dict[str, Any], history: list[Any], wrong: dict[str, int]
) -> None:
    found = judge(["1"], {} if decision is None else {"1": decision}, [ticket], lambda _: history)
    counted = {"lost": found.lost, "doubled": found.doubled, "written_twice": found.written_twice}
    counted["wrong"] = found.wrong
    assert {name: n for name, n in counted.items() if n} == wrong


def test_delays_are_counted_in_intervals() -> None:
    filed = [Filed("1", None, 0, 10.0, 12.5), Filed("2", None, 0, 10.0, 20.0), Filed("2", "c", 0, 10.0)]
    assert delays(filed, 5.0) == Delays(filed=3, found=2, median=1.25, worst=2.0)
    assert not delays(filed, 5.0).in_time
    assert delays(filed[:2], 5.0).in_time
    assert delays([], 5.0) == Delays(0, 0, None, None)


def test_a_ticket_and_a_comment_are_seen_when_the_store_has_them(store: Store) -> None:
    comment = Comment("4-1", "jo", "Any news?", AT, internal=False)
    record = TicketRecord(
        Ticket("3-1", "s", "d", client="acme"), "PAY", "PAY-1", "jo", AT, AT, None, "New", *[None] * 4
    )
    with watching(store) as sightings:
        began = time.monotonic()
        sightings.filed(Filed("3-1", None, 0, began))
        sightings.filed(Filed("3-1", "4-1", 0, began))
        sightings.look()
        assert sightings.missing == 2
        with store.write() as conn:
            tickets.upsert(conn, [record], seen_at=AT)
        sightings.look()
        assert [f.comment for f in sightings.all if f.seen is None] == ["4-1"]
        with store.write() as conn:
            tickets.upsert(conn, [replace(record, comments=(comment,))], seen_at=AT)
        while sightings.missing and time.monotonic() < began + 10:
            time.sleep(0.02)
    delay = sightings.all[1].delay
    assert delay is not None
    assert 0 < delay < 10


def test_a_row_has_three_cells_whatever_they_hold() -> None:
    assert row("`x`", "3 | 4", "5", met=True) == "| `x` | 3 / 4 | 5 |"
    assert row("`x`", "3", "5", met=False) == "| `x` | NOT met: 3 | 5 |"
