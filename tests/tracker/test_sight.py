"""Tickets that the stand-in hides from our account, as a changed permission does."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from data.clock import SystemClock
from data.reconcile import sweep
from data.removals import FEW, VANISHED
from data.sandbox.youtrack.model import Visibility
from data.settings import Settings
from data.store import absence, alerts, open_store
from data.sync import poll, sync
from data.youtrack.client import YouTrackClient
from serving.cli import application
from serving.doctor import examine


def test_hidden_tickets_stay_and_doctor_says_what_to_do(
    desk: Any, client: YouTrackClient, settings: Settings, quiet: Any
) -> None:
    import httpx

    issues = [desk.file(f"No payslip {n}") for n in range(FEW + 5)]
    kim = Visibility(users=(desk.state.users["kim"],))
    with open_store(settings.database_url) as store:
        sync(client, store, SystemClock(), project="PAY", progress=quiet)
        for issue in issues[: FEW + 1]:
            issue.visibility = kim
        desk.state.version += 1
        assert sweep(client, store, SystemClock(), "PAY").held == FEW + 1
        with httpx.Client() as http:
            (told,) = [f for f in examine(settings, http, SystemClock()) if f.check == "alerts"]
        assert VANISHED in told.found and "--accept-removals" in told.remedy
        poll(client, store, SystemClock(), project="PAY")
        for issue in issues:
            issue.visibility = None
        desk.state.version += 1
        assert sweep(client, store, SystemClock(), "PAY").held == 0
        with store.read() as conn:
            assert alerts.find(conn) == [] and absence.buried(conn) == []


def test_a_ticket_is_shown_with_its_links_and_files(
    desk: Any, client: YouTrackClient, settings: Settings, quiet: Any
) -> None:
    one, two = desk.file("one"), desk.file("two")
    desk.duplicate(two, one)
    desk.attach(two, "scan.png", b"x" * 1234, "image/png")
    with open_store(settings.database_url) as store:
        sync(client, store, SystemClock(), project="PAY", progress=quiet)
    environ = {"FIRSTLINE_HOME": str(settings.home), "FIRSTLINE_TRACKER_URL": settings.tracker_url}
    shown = CliRunner().invoke(application(), ["ticket", "show", two.readable_id], env=environ).output
    assert f"duplicates: {one.readable_id}" in shown
    assert "file: scan.png (image/png, 1,234 bytes)" in shown
    assert f"link duplicates: (empty) -> {one.id}" in shown
