"""What administrators make, change and remove: projects, fields, sets of values, links, kinds of work."""

from __future__ import annotations

from typing import Any

import pytest

SETTINGS = "/admin/customFieldSettings"


def test_a_project_is_made_used_rekeyed_and_removed(bench: Any) -> None:
    made = bench.post(
        "/admin/projects", {"name": "Onboarding", "shortName": "ONB"}, fields="id,leader(login)"
    )
    assert made["leader"]["login"] == "svc-firstline"
    path = f"/admin/projects/{made['id']}"
    filed = bench.post(path + "/issues", {"summary": "First"}, fields="id,idReadable")
    assert filed["idReadable"] == "ONB-1"
    assert bench.http.post("/api/admin/projects", json={"name": "x", "shortName": "ONB"}).status_code == 400
    bench.post(path, {"shortName": "NEW", "description": "For all", "archived": True})
    assert bench.get(f"/issues/{filed['id']}", fields="idReadable")["idReadable"] == "NEW-1"
    assert bench.get(path, fields="description,archived") | {"$type": ""} == {
        "description": "For all",
        "archived": True,
        "$type": "",
    }
    assert bench.delete(path) == 200
    assert bench.http.get(f"/api/issues/{filed['id']}").status_code == 404
    assert bench.http.get("/api" + path).status_code == 404


def test_the_settings_are_for_administrators(bench: Any) -> None:
    someone = bench.as_user("quiet.person")
    for path, body in (
        ("/admin/projects", {"name": "x", "shortName": "X"}),
        (SETTINGS + "/bundles/enum", {"name": "x"}),
        (SETTINGS + "/customFields", {"name": "x", "fieldType": {"id": "string"}}),
        ("/issueLinkTypes", {"name": "x", "sourceToTarget": "y"}),
        ("/admin/timeTrackingSettings/workItemTypes", {"name": "x"}),
    ):
        assert someone.post("/api" + path, json=body).status_code == 403, path


def test_a_value_is_renamed_archived_and_seen_so_on_issues(bench: Any) -> None:
    field = bench.field("ENG", "Type")
    values = f"{SETTINGS}/bundles/enum/{field['bundle']['id']}/values"
    bug = next(v for v in bench.get(values, fields="id,name") if v["name"] == "Bug")
    issue = bench.file("ENG")
    assert bench.value(issue, "Type") == "Bug"
    bench.post(f"{values}/{bug['id']}", {"name": "Defect", "archived": True})
    assert bench.value(issue, "Type") == "Defect"
    body = {
        "customFields": [{"name": "Type", "$type": "SingleEnumIssueCustomField", "value": {"name": "Defect"}}]
    }
    assert bench.http.post(f"/api/issues/{issue}", json=body).status_code == 400, (
        "archived: not for new values"
    )
    assert bench.http.post("/api" + values, json={"name": "defect"}).status_code == 400, "names are unique"


def test_a_shared_field_is_renamed_everywhere(bench: Any) -> None:
    shared = bench.field("ENG", "Priority")["field"]["id"]
    places = bench.get(f"{SETTINGS}/customFields/{shared}/instances", fields="id")
    assert len(places) == 2, "both projects have it"
    issue = bench.file("ENG")
    bench.post(f"{SETTINGS}/customFields/{shared}", {"name": "Urgency"})
    assert bench.value(issue, "Urgency") == "Normal"
    found = bench.get("/issues", query="project: ENG Urgency: Normal", fields="id", **{"$top": 10})
    assert [i["id"] for i in found] == [issue]
    taken = bench.http.post(f"/api{SETTINGS}/customFields/{shared}", json={"name": "State"})
    assert taken.status_code == 400


def test_people_of_a_field(bench: Any) -> None:
    bundle = bench.field("ENG", "Assignee")["bundle"]
    assert bundle["$type"] == "UserBundle" and "values" not in bundle
    path = f"{SETTINGS}/bundles/user/{bundle['id']}"
    outsider = bench.state.add_user("outsider", "Out Sider", kind="STANDARD_USER")
    issue = bench.file("ENG")
    body = {"$type": "SingleUserIssueCustomField", "name": "Assignee", "value": {"login": "outsider"}}
    refused = bench.http.post(f"/api/issues/{issue}", json={"customFields": [body]})
    assert (refused.status_code, "Value is not allowed" in refused.text) == (400, True)
    bench.post(path + "/individuals", {"id": outsider.id})
    assert "outsider" in [
        u["login"] for u in bench.get(path + "/aggregatedUsers", fields="login", **{"$top": -1})
    ]
    bench.post(f"/issues/{issue}", {"customFields": [body]})
    assert bench.delete(f"{path}/individuals/{outsider.id}") == 200


def test_a_group_joins_a_team(bench: Any) -> None:
    from data.sandbox.youtrack.model import Group

    group = bench.state.groups["5-77"] = Group("5-77", "Second line", {"outsider"})
    bench.state.add_user("outsider", "Out Sider", kind="AGENT")
    outsider = bench.as_user("outsider")
    assert outsider.get("/api/issues/PAY-3").status_code == 404
    bench.post("/admin/projects/PAY/team/groups", {"id": group.id})
    assert outsider.get("/api/issues/PAY-3").status_code == 200
    assert bench.delete(f"/admin/projects/PAY/team/groups/{group.id}") == 200
    assert outsider.get("/api/issues/PAY-3").status_code == 404


def test_a_link_type_and_the_links_of_it(bench: Any) -> None:
    body = {"name": "Cause", "sourceToTarget": "causes", "targetToSource": "is caused by", "directed": True}
    made = bench.post("/issueLinkTypes", body, fields="id,directed")
    assert made["directed"] is True
    one, two = bench.file("ENG"), bench.file("ENG")
    bench.post(f"/issues/{one}/links/{made['id']}s/issues", {"id": two})
    assert bench.http.post(f"/api/issueLinkTypes/{made['id']}", json={"directed": False}).status_code == 400
    assert bench.http.post("/api/issueLinkTypes", json=body).status_code == 400
    assert bench.delete(f"/issueLinkTypes/{made['id']}") == 200
    links = bench.get(f"/issues/{two}/links", fields="linkType(name)")
    assert "Cause" not in [k["linkType"]["name"] for k in links]


def test_kinds_of_work_and_working_time(bench: Any) -> None:
    path = "/admin/timeTrackingSettings/workItemTypes"
    made = bench.post(path, {"name": "Waiting"}, fields="id,name")
    work = {"duration": {"minutes": 5}, "type": {"id": made["id"]}}
    issue = bench.file("ENG")
    item = bench.post(f"/issues/{issue}/timeTracking/workItems", work, fields="id,type(name)")
    assert item["type"]["name"] == "Waiting"
    assert bench.http.delete(f"/api{path}/{made['id']}").status_code == 400, "in use"
    assert bench.delete(f"/issues/{issue}/timeTracking/workItems/{item['id']}") == 200
    assert bench.delete(f"{path}/{made['id']}") == 200
    hours = bench.get("/admin/timeTrackingSettings/workTimeSettings", fields="minutesADay,daysAWeek")
    assert (hours["minutesADay"], hours["daysAWeek"]) == (480, 5)


@pytest.mark.parametrize("name", ["created", "comments", "idReadable"])
def test_what_can_only_be_read_is_overlooked_in_a_body(bench: Any, name: str) -> None:
    issue = bench.file("ENG")
    before = bench.get(f"/issues/{issue}", fields=f"{name},summary")
    bench.post(f"/issues/{issue}", {name: None, "summary": "Changed"})
    assert bench.get(f"/issues/{issue}", fields=f"{name},summary") == {**before, "summary": "Changed"}
    assert bench.http.post(f"/api/issues/{issue}", json={"no_such": 1}).status_code == 400
