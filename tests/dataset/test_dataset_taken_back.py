"""A dataset from the store leaves out what closed with a label of ours that a person took back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from data.clock import ManualClock
from data.dataset.build import draft_from_store
from data.store import Store, outbox, tickets, verdicts
from data.taxonomy import load_taxonomy
from data.ticket import Ticket, TicketRecord

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def closed(number: int) -> TicketRecord:
    return TicketRecord(
        Ticket(f"3-{number}", f"No payslip {number}", "Where is my payslip?", client="acme"),
        project="PAY",
        readable_id=f"PAY-{number}",
        reporter="jo",
        created=NOW,
        updated=NOW,
        resolved=NOW,
        state="Resolved",
        issue_type="payslip_missing",
        category=None,
        priority="major",
        team="payments",
        fields=(("Issue type", "payslip_missing"), ("Priority", "Major")),
    )


def test_an_undone_label_is_excluded_with_its_reason(store: Store) -> None:
    def exclusions() -> Any:
        draft = draft_from_store(store, ManualClock(NOW), taxonomy=load_taxonomy(), salt=bytes(32))
        return draft.manifest.exclusions

    with store.write() as conn:
        tickets.upsert(conn, [closed(1), closed(2)], seen_at=NOW)
        values = {"values": {"Issue type": "payslip_missing"}}
        outbox.enqueue(conn, "f1", "acme", "3-1", verdicts.FIELDS, values, NOW)
    assert exclusions() == {}
    with store.write() as conn:
        outbox.enqueue(conn, "u1", "acme", "3-1", verdicts.UNDO, {"of": "f1"}, NOW)
    assert exclusions() == {"taken_back": 1}
