"""The mapping between our keys and a tracker's words: round trips, contradictions, its file."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SettingsError
from data.labels import rules_of
from data.mapping import TRANSLATED, TrackerMapping, as_tables, from_tables
from data.mapping_file import MAPPING_NAME, load_mapping, render, save_mapping
from data.youtrack.wire import parse_issue

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
GERMAN = TrackerMapping(
    issue_type="Anfrageart",
    category="Kategorie",
    priority="Dringlichkeit",
    team="Zuständiges Team",
    state="Status",
    client="Kunde",
    country="",
    language="",
    sla=("Erste Antwort",),
    values={
        "priority": {
            "critical": ("Kritisch", "Notfall"),
            "major": ("Hoch",),
            "normal": ("Mittel",),
            "minor": ("Gering",),
        },
        "issue_type": {"payslip_missing": ("Lohnzettel fehlt",)},
    },
    resolved_states=frozenset({"Gelöst", "Abgelehnt"}),
    state_events={"Gelöst": "loesen"},
    service_accounts=frozenset({"ki"}),
)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@st.composite
def mappings(draw: st.DrawFn) -> TrackerMapping:
    values = {}
    for name in draw(st.sets(st.sampled_from(TRANSLATED))):
        words = draw(st.lists(texts, min_size=1, max_size=8, unique_by=str.casefold))
        keys = draw(st.lists(texts, min_size=1, max_size=len(words), unique=True))
        table: dict[str, tuple[str, ...]] = dict.fromkeys(keys, ())
        for i, word in enumerate(words):
            table[keys[i % len(keys)]] += (word,)
        values[name] = table
    return TrackerMapping(
        values=values,
        sla=tuple(draw(st.lists(texts, max_size=3))),
        resolved_states=frozenset(draw(st.sets(texts, min_size=1, max_size=3))),
        duplicate_link=draw(texts | st.just("")),
        duplicate_states=frozenset(draw(st.sets(texts, max_size=2))),
        state_events=draw(st.dictionaries(texts, texts, max_size=3)),
        service_accounts=frozenset(draw(st.sets(texts, max_size=3))),
    )


@given(mappings())
def test_every_word_is_read_as_the_key_that_it_is_written_for(mapping: TrackerMapping) -> None:
    for name, table in mapping.values.items():
        for key, words in table.items():
            assert mapping.key_of(name, mapping.value_of(name, key)) == key
            assert {mapping.key_of(name, w) for w in words} == {key}


@given(mappings())
def test_the_file_gives_back_what_was_written(mapping: TrackerMapping) -> None:
    read = from_tables(tomllib.loads(render(mapping)))
    assert as_tables(read) == as_tables(mapping)
    assert render(read) == render(mapping)


def test_the_default_is_the_sandbox_desk() -> None:
    default = TrackerMapping()
    assert default.value_of("priority", "critical") == "Critical"
    assert default.key_of("priority", "CRITICAL") == "critical"
    assert default.value_of("issue_type", "payslip_missing") == "payslip_missing"
    assert default.key_of("team", None) is None
    assert rules_of(default).resolved_states == {"Resolved"}


def test_several_words_may_mean_one_key_and_the_first_is_written() -> None:
    assert GERMAN.key_of("priority", "notfall") == "critical"
    assert GERMAN.value_of("priority", "critical") == "Kritisch"
    assert GERMAN.words_of("priority", "critical") == ("Kritisch", "Notfall")


def test_a_ticket_is_read_in_our_keys() -> None:
    def field(name: str, value: str) -> dict[str, Any]:
        return {"name": name, "$type": "FutureIssueCustomField", "value": {"name": value}}

    raw = {
        "id": "9-1", "idReadable": "HR-1", "summary": "x", "description": None, "created": 1, "updated": 2,
        "resolved": None, "project": {"id": "0-1", "shortName": "HR"}, "reporter": None, "tags": [],
        "comments": [], "links": [], "attachments": [],
        "customFields": [
            field("Dringlichkeit", "Notfall"), field("Anfrageart", "Lohnzettel fehlt"),
            field("Kunde", "acme"), field("Status", "Neu"), field("Zuständiges Team", "payroll"),
        ],
    }  # fmt: skip
    record = parse_issue(raw, GERMAN)
    assert (record.priority, record.issue_type, record.team) == ("critical", "payslip_missing", "payroll")
    assert (record.tenant, record.state, record.category) == ("acme", "Neu", None)
    assert record.ticket.country is None


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"fields": {"priority": "State"}}, "used for priority and for state"),
        ({"fields": {"issue_type": ""}}, "issue_type must have a name"),
        ({"fields": {"prio": "x"}}, "unknown key 'fields.prio'"),
        ({"fields": {"team": 3}}, "team must be a text"),
        ({"values": {"priority": {"major": "Hoch", "minor": "hoch"}}}, "'hoch' is used for 'major'"),
        ({"values": {"priority": {"major": 1}}}, "values.priority.major must be"),
        ({"values": {"priority": "Hoch"}}, "values.priority must be a table"),
        ({"states": {"resolved": []}}, "no resolved state"),
        ({"extra": {}}, "unknown key 'extra'"),
        ({"duplicates": {"link": 1}}, "duplicates.link must be a text"),
    ],
)
def test_contradictions_are_named(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        from_tables(tables)
    assert words in refused.value.message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / MAPPING_NAME).write_text('[fields]\nprio = "x"\nteam = 1\n', encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_mapping(tmp_path)
    assert "fields.prio" in refused.value.message and "team must be" in refused.value.message
    assert MAPPING_NAME in refused.value.message


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / MAPPING_NAME).write_text("[fields\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_mapping(tmp_path)


def test_the_former_file_is_kept_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    assert load_mapping(tmp_path) == TrackerMapping()
    assert save_mapping(tmp_path, TrackerMapping(), NOW) is None
    first = save_mapping(tmp_path, GERMAN, NOW)
    assert first is not None and "Issue type" in first.read_text(encoding="utf-8")
    assert load_mapping(tmp_path) == GERMAN
    assert save_mapping(tmp_path, GERMAN, NOW) is None
    second = save_mapping(tmp_path, TrackerMapping(team="Queue"), NOW)
    assert second is not None and second != first
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
