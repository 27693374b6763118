"""Which event brings a state-machine field to a value."""

from __future__ import annotations

import httpx
import pytest

from data.clock import ManualClock
from data.mapping import TrackerMapping
from data.youtrack.client import YouTrackClient
from data.youtrack.faults import RefusedError
from data.youtrack.machine import machines, step

FIELDS = [
    {
        "$type": "x.StateMachineIssueCustomField",
        "id": "112-4",
        "name": "Status",
        "value": {"name": "Neu"},
        "possibleEvents": [
            {"id": "start", "presentation": "In Arbeit"},
            {"id": "loesen", "presentation": "Fertig"},
        ],
    },
    {"$type": "SlaIssueCustomField", "id": "140-2", "name": "First reply", "value": 17},
]


def test_fields_of_unknown_types_are_let_through() -> None:
    assert machines([*FIELDS, {"$type": "FutureIssueCustomField", "name": "x"}, {"name": "y"}]) == {"Status"}


@pytest.mark.parametrize(
    ("wanted", "events", "event"),
    [("In Arbeit", {}, "start"), ("START", {}, "start"), ("Gelöst", {"Gelöst": "loesen"}, "loesen")],
)
def test_the_event_is_found_by_presentation_id_or_mapping(
    wanted: str, events: dict[str, str], event: str
) -> None:
    found = step(FIELDS, "Status", wanted, events)
    assert found is not None and found[0] == "112-4"
    assert found[1]["event"] == {"id": event, "$type": "Event"} and "value" not in found[1]


def test_a_value_that_is_there_needs_no_event() -> None:
    assert step(FIELDS, "Status", "Neu", {}) is None


@pytest.mark.parametrize("wanted", ["Gelöst", None])
def test_where_no_event_leads_there_the_possible_ones_are_named(wanted: str | None) -> None:
    with pytest.raises(RefusedError, match="start, loesen") as refused:
        step(FIELDS, "Status", wanted, {})
    assert "states.events" in refused.value.remedy


def test_a_field_that_is_gone() -> None:
    with pytest.raises(RefusedError, match="no field 'State'"):
        step(FIELDS, "State", "Open", {})


def test_the_client_posts_the_event_and_reads_what_came_of_it(clock: ManualClock) -> None:
    """The tracker answers as the contract's example does; nothing is written by value."""
    posted: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST":
            posted.append((path, request.content))
            return httpx.Response(200, json={"id": "112-4"})
        if path.endswith("/issues/3-1/customFields"):
            return httpx.Response(200, json=FIELDS)
        if path.endswith("/admin/projects/HR/customFields"):
            field = {"name": "Status", "fieldType": {"id": "state[1]"}}
            values = [{"name": "Neu"}, {"name": "Gelöst"}]
            return httpx.Response(
                200, json=[{"id": "92-1", "field": field, "bundle": {"id": "1", "values": values}}]
            )
        done = [{**FIELDS[0], "value": {"name": "Gelöst"}}]
        return httpx.Response(200, json={"id": "3-1", "customFields": done})

    names = TrackerMapping(state="Status", state_events={"Gelöst": "loesen"})
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = YouTrackClient(http, "http://desk/youtrack", "perm:x", clock, names=names)
        assert client.update_fields("3-1", {"Status": "Gelöst"}, project="HR") == {"Status": "Gelöst"}
    assert [p for p, _ in posted] == ["/youtrack/api/issues/3-1/customFields/112-4"]
    assert b"loesen" in posted[0][1]
