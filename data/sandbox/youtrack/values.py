"""Custom field entries of a body: checked as strictly as the real server, turned into values."""

from __future__ import annotations

import re
from typing import Any

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import in_team
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.kinds import ELEMENT_TYPES, KINDS, STATE_MACHINE, Kind
from data.sandbox.youtrack.model import Element, Field, Group, Issue, Period, Project, Text, User, Value
from data.sandbox.youtrack.state import TrackerState

DAY_MS = 86_400_000
_UNITS = {"w": 5 * 8 * 60, "d": 8 * 60, "h": 60, "m": 1}
_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "date": (int,),
    "moment": (int,),
}


def issue_type(field: Field) -> str:
    """Return the `$type` that the field has on an issue."""
    return STATE_MACHINE if field.machine else KINDS[field.kind].issue_type


def parse_values(
    state: TrackerState, project: Project, given: Any, issue: Issue | None
) -> list[tuple[Field, Value]]:
    """Return field and value of every entry. `issue` is None while it is being created."""
    if not isinstance(given, list):
        raise bad_request("customFields must be an array")
    return [_parse(state, project, entry, issue) for entry in given]


def _parse(state: TrackerState, project: Project, entry: Any, issue: Issue | None) -> tuple[Field, Value]:
    if not isinstance(entry, dict):
        raise bad_request("A custom field must be an object")
    field = project.fields.get(str(entry.get("name"))) or next(
        (f for f in project.fields.values() if f.id == entry.get("id")), None
    )
    if field is None:
        raise entity_not_found(str(entry.get("id") or entry.get("name")))
    kind = KINDS[field.kind]
    if not _is_excused(kind, entry):
        _check_type(issue_type(field), entry.get("$type"))
    if kind.family == "sla":
        raise ApiError(
            unverified.SLA_WRITE_STATUS, "bad_request", f"The value of {field.name} cannot be changed"
        )
    if field.machine and issue is not None and not unverified.STATE_MACHINE_TAKES_VALUE:
        return field, _after_event(field, issue, entry.get("event"))
    value = entry.get("value")
    if value is None or value == []:
        if not field.can_be_empty:
            raise required(field.name)
        return field, () if kind.many else None
    if kind.many:
        if not isinstance(value, list):
            raise bad_request(f"The value of {field.name} must be an array")
        return field, tuple(dict.fromkeys(_one(state, project, field, kind, v) for v in value))
    return field, _one(state, project, field, kind, value)


def required(name: str) -> ApiError:
    """A field that must not be empty."""
    return ApiError(400, "Field required", f"{name} is required", error_field=name)


def _is_excused(kind: Kind, entry: dict[str, Any]) -> bool:
    value = entry.get("value")
    fits = isinstance(value, dict) and "$type" in value and value["$type"] == ELEMENT_TYPES.get(kind.family)
    named = str(entry.get("$type", "")).endswith("IssueCustomField")
    return unverified.FITTING_VALUE_EXCUSES_FIELD_TYPE and fits and named and not kind.many


def _check_type(expected: str, given: Any) -> None:
    if str(given or "").rpartition(".")[2] != expected:
        raise ApiError(
            unverified.WRONG_FIELD_TYPE_STATUS,
            "bad_request",
            "The value provided for the null property doesn't match the expected format.; "
            f"The API expects {expected}-type values but encountered {given}-type instead.",
        )


def _after_event(field: Field, issue: Issue, event: Any) -> Value:
    wanted = event.get("id") if isinstance(event, dict) else None
    for known in possible_events(field, issue):
        if known.id == wanted:
            return field.values[known.target]
    raise bad_request(f"Event {wanted} is not possible for {field.name}")


def possible_events(field: Field, issue: Issue) -> list[Any]:
    """Return the transitions that the field's present value allows."""
    value = issue.fields[field.name]
    return [e for e in field.machine if isinstance(value, Element) and value.name in e.sources]


def _one(state: TrackerState, project: Project, field: Field, kind: Kind, value: Any) -> Any:
    if kind.family in _PLAIN:
        if not isinstance(value, _PLAIN[kind.family]) or isinstance(value, bool):
            raise bad_request(f"The value of {field.name} has the wrong type")
        return _noon(value) if kind.family == "date" else value
    if not isinstance(value, dict):
        raise bad_request(f"The value of {field.name} must be an object")
    if kind.family == "period":
        return _period(field, value)
    if kind.family == "text":
        if not isinstance(value.get("text"), str):
            raise bad_request(f"The value of {field.name} needs a text")
        return Text(value["text"])
    if kind.family == "user":
        return _user(state, project, field, value)
    if kind.family == "group":
        return _group(state, value)
    return _element(field, kind, value)


def _noon(at: Any) -> int:
    return int(at) - int(at) % DAY_MS + DAY_MS // 2


def _element(field: Field, kind: Kind, value: dict[str, Any]) -> Element:
    if "$type" in value:
        _check_type(ELEMENT_TYPES[kind.family], value["$type"])
    for element in field.values.values():
        named = value.get("name") == element.name or value.get("id") == element.id
        if named and not element.archived:
            return element
    raise not_allowed(field, value.get("name") or value.get("id"))


def not_allowed(field: Field, value: object) -> ApiError:
    """A value that the field does not take."""
    return bad_request(f"Value is not allowed: {value} for {field.name}")


def _user(state: TrackerState, project: Project, field: Field, value: dict[str, Any]) -> User:
    found = state.users.get(str(value.get("login")))
    if found is None and "id" in value:
        if not re.fullmatch(r"\d+-\d+", str(value["id"])):
            raise bad_request(f"Invalid structure of entity id: {value['id']}")
        found = state.find_user(str(value["id"]))
    if found is None:
        raise entity_not_found(str(value.get("login") or value.get("id")))
    if not (in_team(found, project) or found in field.individuals) or found.banned:
        raise not_allowed(field, found.login)
    return found


def _group(state: TrackerState, value: dict[str, Any]) -> Group:
    for group in state.groups.values():
        if group.id == value.get("id") or group.name == value.get("name"):
            return group
    raise entity_not_found(str(value.get("id") or value.get("name")))


def _period(field: Field, value: dict[str, Any]) -> Period:
    minutes = value.get("minutes")
    if isinstance(minutes, int) and not isinstance(minutes, bool) and minutes >= 0:
        return Period(minutes)
    text = str(value.get("presentation") or value.get("id") or "")
    found = parse_minutes(text)
    if found is None:
        raise not_allowed(field, text)
    return Period(found)


def parse_minutes(text: str) -> int | None:
    """Return the minutes of `1w 2d 3h 4m` or `PT10H`; a day has 8 hours, a week 5 days."""
    parts = re.findall(r"(\d+)([wdhm])", text.lower().removeprefix("p").replace("t", ""))
    if not parts or "".join(n + u for n, u in parts) != re.sub(r"[pt\s]", "", text.lower()):
        return None
    return sum(int(n) * _UNITS[u] for n, u in parts)


def present(minutes: int) -> str:
    """Return `1d 2h` for 600 minutes."""
    found, rest = [], minutes
    for unit, size in _UNITS.items():
        if rest >= size:
            found.append(f"{rest // size}{unit}")
            rest %= size
    return " ".join(found) or "0m"


def shown_value(value: Any) -> Any:
    """Return a value as JSON or as entities that the projection shows."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Period):
        return period_json(value.minutes)
    if isinstance(value, Text):
        return {"text": value.text, "markdownText": value.text, "$type": "TextFieldValue"}
    return value


def period_json(minutes: int) -> dict[str, Any]:
    """Return a duration as the API shows it."""
    hours, rest = divmod(minutes, 60)
    iso = "PT" + (f"{hours}H" if hours else "") + (f"{rest}M" if rest or not hours else "")
    return {"id": iso, "minutes": minutes, "presentation": present(minutes), "$type": "PeriodValue"}


def check_conditions(issue: Issue, changed: list[Field]) -> None:
    """Refuse values of fields that the issue does not show."""
    for field in changed:
        if not is_shown(issue, field) and field.shown_when:
            name, value = field.shown_when
            text = (
                f"You can only update the value for the {field.name} field "
                f"when the value for the {name} field is {value}"
            )
            child = {"error": "Issue-is-invalid", "error_description": text, "error_developer_message": text}
            raise ApiError(400, "invalid_properties", text, error_children=[child])


def is_shown(issue: Issue, field: Field) -> bool:
    """Tell whether the issue has the field at present."""
    if field.shown_when is None:
        return True
    value = issue.fields.get(field.shown_when[0])
    return isinstance(value, Element) and value.name == field.shown_when[1]


def check_required(issue: Issue) -> None:
    """Refuse an issue that lacks a value it must have."""
    for field in issue.project.fields.values():
        if field.required and issue.fields[field.name] in (None, ()) and is_shown(issue, field):
            raise required(field.name)
