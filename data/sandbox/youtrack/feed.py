"""The change feed: lists and cursor pages of activities."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from data.sandbox.youtrack import views
from data.sandbox.youtrack.access import reader, reads_comment
from data.sandbox.youtrack.call import Call, found, number
from data.sandbox.youtrack.errors import ApiError, bad_request
from data.sandbox.youtrack.model import Activity, Issue


def activities(call: Call, issue: Issue | None) -> list[Activity]:
    """Return what the request asks for, of one issue or of all."""
    feed = list(_feed(call, issue, 0))
    return feed[::-1] if call.request.query_params.get("reverse") == "true" else feed


def _feed(call: Call, issue: Issue | None, first: int) -> Iterator[Activity]:
    """Yield what the request asks for, oldest first, from position `first` of the whole feed."""
    params = call.request.query_params
    if not params.get("categories"):
        raise ApiError(400, "Bad Request", "No requested categories specified as a filter parameter")
    wanted = set(params["categories"].split(","))
    may_read = reader(call.state, call.caller)
    start, end = _stamp(params.get("start")), _stamp(params.get("end"))
    query = params.get("issueQuery") if issue is None else None
    allowed = {i.id for i in found(call, query)} if query else None
    if start is not None:
        first = max(first, call.state.activities_from(start))
    for activity in islice(call.state.activities, first, None):
        if (
            activity.category in wanted
            and (issue is None or activity.issue is issue)
            and (allowed is None or activity.issue.id in allowed)
            and (end is None or activity.at <= end)
            and may_read(activity.issue)
            and (activity.comment is None or reads_comment(call.caller, activity.comment))
        ):
            yield activity


def activities_page(call: Call, issue: Issue | None) -> views.ActivityPage:
    """Return one page with the cursor behind it; stable while activities are added."""
    params = call.request.query_params
    top = max(1, number(params.get("$top"), default=views.PAGE))
    cursor, first = params.get("cursor"), 0
    if cursor:
        index = call.state.activity_index(cursor)
        if index is None:
            raise bad_request(f"Unknown cursor {cursor}")
        first = index + 1
    if params.get("reverse") == "true":
        feed = activities(call, issue)
    else:
        feed = list(islice(_feed(call, issue, first), top + 1))
    page = feed[:top]
    return views.ActivityPage(
        activities=page,
        before=page[0].id if page else cursor,
        after=page[-1].id if page else cursor,
        has_before=first > 0,
        has_after=len(feed) > top,
    )


def _stamp(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.lstrip("-").isdigit():
        message = f"Incorrect timestamp {text}"
        raise ApiError(400, "Bad Request", message, error_developer_message=message)
    return int(text)
