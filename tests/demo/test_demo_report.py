"""The demo's report: figures against hand-counted ones, and the shape other programs read."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from serving.demo.report import LiveTicket, quality, table

RIGHT = LiveTicket(
    id="1",
    kind="plain",
    true_issue_type="payslip_missing",
    true_category="payslips_documents",
    true_priority="normal",
    issue_type="payslip_missing",
    category="payslips_documents",
    priority="normal",
    probability=0.9,
    decision="apply",
    priority_decision="apply",
    written=frozenset({"issue_type", "category", "team"}),
    commented=True,
)
NEIGHBOUR = replace(RIGHT, id="2", issue_type="payslip_pdf_error", decision="suggest", written=frozenset())
UNHANDLED = replace(RIGHT, id="3", decision=None, commented=False, written=frozenset())


def test_figures_are_the_hand_counted_ones() -> None:
    report = quality([RIGHT, NEIGHBOUR, UNHANDLED])
    assert report["tickets"] == 3
    assert report["handled"] == {"value": 0.6667, "n": 3, "interval": report["handled"]["interval"]}
    assert report["applied_share"]["value"] == 0.3333
    assert report["issue_type_accuracy"]["value"] == 0.5
    assert report["category_accuracy"]["value"] == 1.0
    assert report["applied_accuracy"] == {"value": 1.0, "n": 1, "interval": [0.025, 1.0]}


def test_a_decision_without_a_comment_on_the_ticket_is_not_handled() -> None:
    assert quality([replace(RIGHT, commented=False)])["handled"]["value"] == 0.0


def test_no_tickets_give_a_report_and_not_an_error() -> None:
    report = quality([])
    assert report["handled"] == {"value": 0.0, "n": 0, "interval": [0.0, 1.0]}


@given(st.lists(st.sampled_from([RIGHT, NEIGHBOUR, UNHANDLED]), max_size=40))
def test_every_share_lies_within_its_interval(tickets: list[LiveTicket]) -> None:
    report = quality(tickets)
    for share in (v for v in report.values() if isinstance(v, dict)):
        low, high = share["interval"]
        assert low <= share["value"] <= high or share["n"] == 0


def test_table_fits_a_terminal_and_names_every_figure() -> None:
    report = {
        **quality([RIGHT, NEIGHBOUR]),
        "seconds": {"sync": 1.0},
        "peak_rss_mib": {"total": 10.0},
        "dataset": "abc",
        "bundle": "def",
        "urls": {"board": "http://127.0.0.1:8801"},
    }
    text = table(report)
    assert max(len(line) for line in text.splitlines()) <= 100
    for word in ("handled", "issue type right", "category right", "priority right", "ECE", "abc", "def"):
        assert word in text
