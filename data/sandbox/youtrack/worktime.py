"""Time tracking: work items, on an issue and over all issues."""

from __future__ import annotations

from copy import copy
from typing import Any

from data.sandbox.youtrack.access import reader
from data.sandbox.youtrack.call import Call, found, number
from data.sandbox.youtrack.errors import bad_request, entity_not_found
from data.sandbox.youtrack.model import WORK_ITEM, Issue, User, WorkItem, WorkType
from data.sandbox.youtrack.table import Methods, Table, Told
from data.sandbox.youtrack.values import DAY_MS, parse_minutes
from data.sandbox.youtrack.visibility import entity_id
from data.sandbox.youtrack.writes import check_may_write


def work_table() -> Table:
    """Return the routes."""
    items = "/issues/{issue}/timeTracking/workItems"
    one: Methods = {"get": _one, "post": Told("updated", _update), "delete": Told("updated", _remove)}
    return [
        ("/issues/{issue}/timeTracking", {"get": _tracker}),
        (items, {"get": lambda c: c.page(c.issue().work), "post": Told("updated", _create)}),
        (items + "/{item}", one),
        ("/workItems", {"get": _every}),
        ("/workItems/{item}", {"get": _find}),
    ]


def _tracker(call: Call) -> dict[str, Any]:
    issue = call.issue()
    return {"id": issue.id, "enabled": True, "workItems": list(issue.work), "$type": "IssueTimeTracker"}


def _one(call: Call) -> WorkItem:
    for item in call.issue().work:
        if item.id == call.path("item"):
            return item
    raise entity_not_found(call.path("item"))


def _all(call: Call) -> list[WorkItem]:
    query = call.request.query_params.get("query")
    may_read = reader(call.state, call.caller)
    issues = found(call, query) if query else [i for i in call.state.issues.values() if may_read(i)]
    return sorted((w for i in issues for w in i.work), key=lambda w: (w.date, w.created, w.id))


def _every(call: Call) -> list[Any]:
    params = call.request.query_params
    low, high = number(params.get("start"), default=0), number(params.get("end"), default=1 << 60)
    author, creator = params.get("author"), params.get("creator")
    items = [
        w
        for w in _all(call)
        if low <= w.date <= high
        and author in (None, w.author.login, w.author.id)
        and creator in (None, w.creator.login, w.creator.id)
    ]
    return call.page(items)


def _find(call: Call) -> WorkItem:
    for item in _all(call):
        if item.id == call.path("item"):
            return item
    raise entity_not_found(call.path("item"))


def _create(call: Call) -> tuple[Issue, Any]:
    issue, body = call.issue(), call.object_body()
    check_may_write(call.caller, issue)
    minutes = _minutes(body.get("duration"))
    item = WorkItem(
        call.state.next_id(WORK_ITEM),
        issue,
        _author(call, body),
        call.caller,
        str(body.get("text") or ""),
        minutes,
        _midnight(body.get("date", call.at)),
        call.at,
        _type(call, body),
    )
    call.state.touch(issue)
    issue.work.append(item)
    call.state.record(issue, call.caller, call.at, "WorkItemCategory", added=[item], removed=[], work=item)
    return issue, item


def _update(call: Call) -> tuple[Issue, Any]:
    item, body = _one(call), call.object_body()
    check_may_write(call.caller, item.issue)
    changes: list[tuple[str, str, Any]] = []
    if "duration" in body:
        changes.append(("minutes", "Duration", _minutes(body["duration"])))
    if "text" in body:
        changes.append(("text", "Description", str(body["text"] or "")))
    if "date" in body:
        changes.append(("date", "Date", _midnight(body["date"])))
    if "type" in body:
        changes.append(("type", "Type", _type(call, body)))
    if "author" in body:
        changes.append(("author", "Author", _author(call, body)))
    call.state.touch(item.issue)
    place = item.issue.work.index(item)
    item = item.issue.work[place] = copy(item)  # a refused change must find the old one as it was
    for name, part, value in changes:
        before = getattr(item, name)
        if before is value or before == value:
            continue
        setattr(item, name, value)
        item.updated = call.at
        category = f"WorkItem{part}Category"
        call.state.record(item.issue, call.caller, call.at, category, added=value, removed=before, work=item)
    return item.issue, item


def _remove(call: Call) -> tuple[Issue, Any]:
    item = _one(call)
    check_may_write(call.caller, item.issue)
    call.state.touch(item.issue)
    item.issue.work.remove(item)
    call.state.record(
        item.issue, call.caller, call.at, "WorkItemCategory", added=[], removed=[item], work=item
    )
    return item.issue, None


def _minutes(given: Any) -> int:
    duration = given if isinstance(given, dict) else {}
    minutes = duration.get("minutes")
    if not isinstance(minutes, int) or isinstance(minutes, bool):
        minutes = parse_minutes(str(duration.get("presentation") or ""))
    if minutes is None or minutes <= 0:
        raise bad_request("The duration of a work item is required")
    return minutes


def _midnight(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise bad_request("The date of a work item must be a timestamp")
    return given - given % DAY_MS


def _type(call: Call, body: dict[str, Any]) -> WorkType | None:
    given = body.get("type")
    if given is None:
        return None
    for known in call.state.planning.work_types:
        if isinstance(given, dict) and (known.id == given.get("id") or known.name == given.get("name")):
            return known
    raise entity_not_found(entity_id(given))


def _author(call: Call, body: dict[str, Any]) -> User:
    given = body.get("author")
    if given is None:
        return call.caller
    wanted = str(given.get("login") or entity_id(given)) if isinstance(given, dict) else str(given)
    user = call.state.find_user(wanted)
    if user is None:
        raise entity_not_found(wanted)
    return user
