"""Settings of time tracking: kinds of work, hours of a working day; for all projects and for one."""

from __future__ import annotations

from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.model import WORK_TYPE, WorkType
from data.sandbox.youtrack.settings import administrators_only, named
from data.sandbox.youtrack.shapes import ProjectFieldView
from data.sandbox.youtrack.table import Table


def work_settings_table() -> Table:
    """Return the routes."""
    whole, project = "/admin/timeTrackingSettings", "/admin/projects/{project}/timeTrackingSettings"
    table: Table = [
        (whole, {"get": _whole}),
        (whole + "/workTimeSettings", {"get": _hours, "post": _set_hours}),
        (project, {"get": _of_project, "post": _set_project}),
    ]
    # One list for all projects; the second spelling is that of a client in the wild (unverified).
    for path in (whole + "/workItemTypes", project + "/workItemTypes", project + "/workItems"):
        table.append((path, {"get": lambda c: c.page(_types(c)), "post": _add}))
        table.append((path + "/{type}", {"get": _type, "post": _rename, "delete": _remove}))
    return table


def _types(call: Call) -> list[WorkType]:
    if "project" in call.request.path_params:
        call.project()
    return list(call.state.planning.work_types)


def _type(call: Call) -> WorkType:
    for known in _types(call):
        if known.id == call.path("type"):
            return known
    raise entity_not_found(call.path("type"))


def _add(call: Call) -> WorkType:
    administrators_only(call)
    body, known = call.object_body(), _types(call)
    if "id" in body and "name" not in body:  # a kind that there is, taken into a project
        return next((t for t in known if t.id == body["id"]), None) or _missing(str(body["id"]))
    name = named(body)
    if any(t.name.casefold() == name.casefold() for t in known):
        raise ApiError(400, "Bad Request", f"The type {name} already exists", error_field="name")
    made = WorkType(call.state.next_id(WORK_TYPE), name)
    call.state.planning.work_types.append(made)
    return made


def _missing(wanted: str) -> WorkType:
    raise entity_not_found(wanted)


def _rename(call: Call) -> WorkType:
    administrators_only(call)
    known = _type(call)
    known.name = named(call.object_body())
    return known


def _remove(call: Call) -> None:
    administrators_only(call)
    gone = _type(call)
    if any(w.type is gone for i in call.state.issues.values() for w in i.work):
        raise bad_request("The type is used by work items")
    call.state.planning.work_types.remove(gone)


def _whole(call: Call) -> dict[str, Any]:
    return {
        "id": "0-1",
        "workItemTypes": _types(call),
        "workTimeSettings": _hours(call),
        "$type": "GlobalTimeTrackingSettings",
    }


def _hours(call: Call) -> dict[str, Any]:
    plan = call.state.planning
    return {
        "id": "0-1",
        "minutesADay": plan.hours_a_day * 60,
        "workDays": list(range(1, plan.days_a_week + 1)),
        "firstDayOfWeek": 1,
        "daysAWeek": plan.days_a_week,
        "$type": "WorkTimeSettings",
    }


def _set_hours(call: Call) -> dict[str, Any]:
    administrators_only(call)
    minutes, days = call.object_body().get("minutesADay"), call.object_body().get("workDays")
    if minutes is not None:
        if not isinstance(minutes, int) or not 0 < minutes <= 24 * 60:
            raise bad_request("minutesADay must be between 1 and 1440")
        call.state.planning.hours_a_day = max(1, minutes // 60)
    if days is not None:
        if not isinstance(days, list) or not 0 < len(days) <= 7:
            raise bad_request("workDays must name days")
        call.state.planning.days_a_week = len(days)
    return _hours(call)


def _of_project(call: Call) -> dict[str, Any]:
    project = call.project()
    periods = [ProjectFieldView(f) for f in project.fields.values() if f.kind == "period"]
    return {
        **({"estimate": periods[0]} if periods else {}),
        "id": project.id,
        "enabled": project.tracks_time,
        "workItemTypes": _types(call),
        "project": project,
        "$type": "ProjectTimeTrackingSettings",
    }


def _set_project(call: Call) -> dict[str, Any]:
    administrators_only(call)
    project, wanted = call.project(), call.object_body().get("enabled")
    if not isinstance(wanted, bool | None):
        raise bad_request("enabled must be true or false")
    project.tracks_time = project.tracks_time if wanted is None else wanted
    return _of_project(call)
