"""A desk whose fields and values have other names: connect, synchronise, write back."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from data.clock import SystemClock, to_millis
from data.decision import TriageDecision
from data.errors import FirstlineError
from data.mapping_file import load_mapping
from data.settings import Settings
from data.store import open_store, tickets
from data.sync import sync
from data.taxonomy import load_taxonomy
from data.tracker import open_tracker
from data.youtrack.faults import RefusedError
from serving.cli import application
from serving.deliver import plan


def connect(settings: Settings, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str, Any]:
    monkeypatch.setenv("FIRSTLINE_HOME", str(settings.home))
    monkeypatch.setenv("FIRSTLINE_TRACKER_URL", settings.tracker_url)
    result = CliRunner().invoke(application(), ["connect", *options])
    return result.exit_code, result.output, result.exception


def quiet(items: Any, *, label: str, total: int | None = None) -> Any:
    return items


def decision_on(issue_type: str, priority: str) -> TriageDecision:
    taxonomy = load_taxonomy()
    return TriageDecision(
        id="1",
        issue_type=issue_type,
        category=taxonomy.category_of(issue_type),
        priority=priority,
        team=taxonomy.team_of(issue_type),
        probability=0.99,
        top=((issue_type, 0.99),),
        priority_probability=0.9,
        decision="apply",
        priority_decision="apply",
        reason="sure enough",
        bundle="b",
        policy="p",
    )


def test_what_is_proposed_fits_and_is_written_only_when_asked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = connect(settings, monkeypatch, "--json")
    told = json.loads(output)
    assert code == 0 and told["written"] is None and not [p for p in told["problems"] if p["blocking"]]
    assert not (settings.home / "mapping.toml").exists()
    code, output, _ = connect(settings, monkeypatch, "--json", "--write")
    assert code == 0 and json.loads(output)["written"]
    mapping = load_mapping(settings.home)
    assert (mapping.issue_type, mapping.state, mapping.country) == ("Anfrageart", "Status", "Land")
    assert mapping.value_of("priority", "critical") == "Kritisch"
    assert mapping.value_of("team", "payroll-ops") == "Team Payroll Ops"
    assert mapping.resolved_states == {"Gelöst"}
    assert settings.tracker_token not in (settings.home / "mapping.toml").read_text(encoding="utf-8")
    with open_store(settings.database_url) as store, store.read() as conn:
        actions = [row.action for row in conn.exec_driver_sql("SELECT action FROM audit")]
    assert actions == ["mapping.written"]


def test_a_persons_entry_survives_another_look(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(settings, monkeypatch, "--write")
    path = settings.home / "mapping.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('service_accounts = ["', 'service_accounts = ["bot-old", "'), encoding="utf-8"
    )
    assert connect(settings, monkeypatch, "--write")[0] == 0
    assert load_mapping(settings.home).service_accounts == {"bot-old", "svc-firstline"}


def test_tickets_are_read_as_the_keys_and_written_in_the_desks_words(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(settings, monkeypatch, "--write")
    tracker = other_desk.state.tracker
    with open_store(settings.database_url) as store, httpx.Client() as http:
        client = open_tracker(settings, http, SystemClock(), store=store)
        report = sync(client, store, SystemClock(), project="PAY", progress=quiet)
        with store.read() as conn:
            stored = list(tickets.iterate(conn))
        assert report.ledger_complete and report.missing == 0
        assert {r.priority for r in stored} <= {"critical", "major", "normal", "minor"}
        labels = set(load_taxonomy().labels)
        for record in stored:
            behind = tracker.find_issue(record.ticket.id)
            assert record.issue_type == getattr(behind.fields["Issue type"], "name", None)
            assert record.issue_type is None or record.issue_type in labels
        asker = tracker.users[stored[0].reporter]
        issue = tracker.create_issue(asker, "x", "y", to_millis(SystemClock().now()))
        record = client.issue(issue.id)
        decided = decision_on("payslip_missing", "critical")
        values, _, kept = plan(decided, record, record.priority, client.names)
        assert values["Dringlichkeit"] == "Kritisch" and not kept
        client.update_fields(issue.id, values, project="PAY")
        again = client.issue(issue.id)
    assert (again.issue_type, again.priority, again.team) == ("payslip_missing", "critical", decided.team)
    shown = [issue.fields[n].name for n in ("Issue type", "Priority", "Team")]
    assert shown == ["payslip_missing", "Critical", decided.team]


def test_without_a_mapping_every_misfit_is_told_at_once(settings: Settings, other_desk: Any) -> None:
    from data.mapping import TrackerMapping
    from data.youtrack.survey import look_around
    from serving.connect.fit import problems

    with httpx.Client() as http:
        survey = look_around(open_tracker(settings, http, SystemClock()), "PAY")
    found = problems(TrackerMapping(), survey, load_taxonomy())
    assert {"issue_type", "category", "priority", "team", "state", "client"} <= {p.where for p in found}


def test_a_value_taken_away_and_a_wrong_kind_are_told(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(settings, monkeypatch, "--write")
    fields = other_desk.state.tracker.project.fields
    del fields["Priority"].values["Critical"]
    fields["Team"].kind = "user[1]"
    code, output, _ = connect(settings, monkeypatch, "--write", "--no-dry-run")
    assert code == 1
    assert "1 of 4 values missing: critical" in output
    assert load_mapping(settings.home).value_of("priority", "critical") == "Kritisch", "nothing was written"


def test_a_value_removed_mid_run_is_one_clear_refusal(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(settings, monkeypatch, "--write")
    tracker = other_desk.state.tracker
    issue = next(iter(tracker.issues.values()))
    with httpx.Client() as http:
        client = open_tracker(settings, http, SystemClock())
        client.fields_of("PAY")
        before = dict(issue.fields)
        del tracker.project.fields["Priority"].values["Critical"]
        with pytest.raises(RefusedError, match="Value is not allowed"):
            client.update_fields(issue.id, {"Dringlichkeit": "Kritisch"}, project="PAY")
    assert issue.fields == before


def test_states_under_a_state_machine_change_by_the_events_that_the_mapping_names(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(connect(settings, monkeypatch, "--json", "--write")[1])
    (note,) = [p for p in told["problems"] if p["where"] == "state"]
    assert not note["blocking"] and "Gelöst" in note["what"] and "loesen (Lösen)" in note["what"]
    tracker, path = other_desk.state.tracker, settings.home / "mapping.toml"
    asker = tracker.users[next(iter(tracker.issues.values())).reporter.login]
    issue = tracker.create_issue(asker, "x", "y", to_millis(other_desk.state.clock.now()))
    with httpx.Client() as http:
        client = open_tracker(settings, http, SystemClock())
        with pytest.raises(RefusedError, match=r"states|possible now: uebernehmen") as refused:
            client.update_fields(issue.id, {"Status": "Offen"}, project="PAY")
        assert "states.events" in refused.value.remedy and issue.fields["State"].name == "New"
    text = path.read_text(encoding="utf-8")
    events = '[states.events]\n"Offen" = "uebernehmen"\n"Gelöst" = "Lösen"\n\n[duplicates]'
    path.write_text(text.replace("[duplicates]", events), encoding="utf-8")
    told = json.loads(connect(settings, monkeypatch, "--json", "--write")[1])
    assert [p for p in told["problems"] if p["where"] == "state"] == [], "what a person named is kept"
    with httpx.Client() as http:
        client = open_tracker(settings, http, SystemClock())
        wanted = {"Status": "Offen", "Dringlichkeit": "Hoch"}  # one by event, one by value
        assert client.update_fields(issue.id, wanted, project="PAY") == wanted
        assert client.update_fields(issue.id, wanted, project="PAY") == wanted, "again: nothing happens"
        assert client.update_fields(issue.id, {"Status": "Gelöst"}, project="PAY") == {"Status": "Gelöst"}
        record = client.issue(issue.id)
        moves = [a.change for a in client.history(issue.id) if a.change and a.change.field == "Status"]
    assert (record.state, record.resolved is not None, record.priority) == ("Gelöst", True, "major")
    assert [(c.removed, c.added) for c in moves] == [("Neu", "Offen"), ("Offen", "Gelöst")]


def test_what_surrounds_the_project_is_told(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = connect(settings, monkeypatch, "--no-dry-run")
    assert code == 0, output
    assert "YouTrack 2026.3, build 5f1d0c3a, clock" in output and "s from ours" in output
    assert "Account svc-firstline: not the guest, no administrator" in output
    assert "Workflow rules cannot be read" in output
    tracker = other_desk.state.tracker
    tracker.admins.add("svc-firstline")
    must = tracker.project.fields["Channel"]
    must.required = True
    for issue in list(tracker.issues.values())[-3:]:
        issue.fields["Channel"] = None
    told = json.loads(connect(settings, monkeypatch, "--json", "--no-dry-run")[1])
    said = {p["where"]: p["what"] for p in told["problems"]}
    assert told["survey"]["administers"] is True and "may administer" in said["account"]
    assert "Kanal (3 of the newest 20 lack it)" in said["required"]
    assert told["survey"]["server"] == {
        "version": "2026.3",
        "build": "5f1d0c3a",
        "skew": pytest.approx(0, abs=5),
    }


def test_the_duplicate_link_and_state_of_another_desk_are_proposed(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from data.youtrack.survey import look_around
    from serving.connect.propose import propose

    with httpx.Client() as http:
        survey = look_around(open_tracker(settings, http, SystemClock()), "PAY")
    taxonomy = load_taxonomy()
    assert propose(survey, taxonomy).mapping.duplicate_link == "duplicates"
    fields = tuple(
        replace(f, resolved=("Gelöst", "Duplikat")) if f.name == "Status" else f for f in survey.fields
    )
    german = replace(
        survey, fields=fields, relations=("bezieht sich auf", "hat Duplikat", "ist Duplikat von")
    )
    mapping = propose(german, taxonomy).mapping
    assert (mapping.duplicate_link, mapping.duplicate_states) == ("ist Duplikat von", {"Duplikat"})
    kept = propose(german, taxonomy, replace(mapping, duplicate_link="")).mapping
    assert kept.duplicate_link == "", "switched off by a person"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--project", "NOPE"], 4, "sees: PAY"),
        (["--token", "perm:expired"], 4, "Invalid token"),
        (["--url", "ftp://x"], 2, "no web address"),
    ],
)
def test_what_cannot_be_connected_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, words: str
) -> None:
    _, _, error = connect(settings, monkeypatch, *options)
    assert isinstance(error, FirstlineError)
    assert error.exit_code == code and words in error.message and error.remedy


def test_a_misspelt_variable_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_TRACKER_URLL", "x")
    _, output, _ = connect(settings, monkeypatch)
    assert "FIRSTLINE_TRACKER_URLL (did you mean FIRSTLINE_TRACKER_URL?)" in output


def test_what_is_missing_is_created_only_when_told_to(
    settings: Settings, other_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = other_desk.state.tracker.project.fields
    del fields["Team"]
    for issue in other_desk.state.tracker.issues.values():
        del issue.fields["Team"]
    del fields["Issue type"].values["payslip_missing"]
    code, output, _ = connect(settings, monkeypatch, "--no-dry-run")
    assert code == 1 and "1 of 72 values missing: payslip_missing" in output
    assert "Team" not in fields and "payslip_missing" not in fields["Issue type"].values
    code, output, _ = connect(settings, monkeypatch, "--create-missing", "--write", "--no-dry-run")
    assert code == 0, output
    assert set(fields["Team"].values) == set(load_taxonomy().teams)
    assert "payslip_missing" in fields["Issue type"].values
    mapping = load_mapping(settings.home)
    assert mapping.value_of("issue_type", "payslip_missing") in ("payslip_missing", "Payslip missing")
    assert mapping.team
