"""The change feed: lists and cursor pages of activities."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import islice

from data.sandbox.youtrack import unverified
from data.sandbox.youtrack.access import reader, reads_comment
from data.sandbox.youtrack.call import MAX_TOP, Call, found, number
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.model import Activity, Comment, Issue, User
from data.sandbox.youtrack.shapes import ActivityPage

_MENTIONS = {"IssueMentionCategory", "CommentMentionCategory"}


def activities(call: Call, issue: Issue | None) -> list[Activity]:
    """Return the asked page of a list, of one issue or of all."""
    params = call.request.query_params
    top = number(params.get("$top"), default=unverified.DEFAULT_PAGE)
    top = MAX_TOP if top < 0 else top  # as other collections answer `-1`
    skip = max(0, number(params.get("$skip"), default=0))
    feed = _feed(call, issue, None)
    return list(islice(feed, skip, skip + min(top, MAX_TOP)))


def _feed(call: Call, issue: Issue | None, cursor: int | None) -> Iterator[Activity]:
    """Yield what the request asks for, in its direction, behind the activity numbered `cursor`."""
    params = call.request.query_params
    if not params.get("categories"):
        raise ApiError(400, "Bad Request", "No requested categories specified as a filter parameter")
    asked = set(params["categories"].split(","))
    wanted = asked | {unverified.FEED_ALIASES[name] for name in asked & set(unverified.FEED_ALIASES)}
    author = params.get("author")
    start, end = _stamp(params.get("start")), _stamp(params.get("end"))
    query = params.get("issueQuery") if issue is None else None
    may_read = reader(call.state, call.caller)
    allowed = {i.id for i in found(call, query)} if query else None
    every = call.state.activities if issue is None else call.state.activities_of[issue.id]
    first = 0 if start is None else bisect_left(every, start, key=lambda a: a.at)
    last = len(every) if end is None else bisect_right(every, end, key=lambda a: a.at)
    for activity in _walk(every, first, last, cursor, params.get("reverse") == "true"):
        if (
            activity.category in wanted
            and (author is None or author in (activity.author.login, activity.author.id))
            and (may_read(activity.issue) if allowed is None else activity.issue.id in allowed)
            and (activity.comment is None or reads_comment(call.caller, activity.comment))
            and (activity.category not in _MENTIONS or _knows(activity, call.caller, may_read))
        ):
            yield activity


def _walk(
    every: list[Activity], first: int, last: int, cursor: int | None, reverse: bool
) -> Iterator[Activity]:
    if cursor is not None:
        behind = bisect_right(every, cursor, key=_number)
        first, last = (first, min(last, behind - 1)) if reverse else (max(first, behind), last)
    # Not a slice: the feed is long, and a page ends early.
    return (every[n] for n in (range(last - 1, first - 1, -1) if reverse else range(first, last)))


def _number(activity: Activity) -> int:
    return int(activity.id.rpartition("-")[2])


def activities_page(call: Call, issue: Issue | None) -> ActivityPage:
    """Return one page with the cursor behind it; stable while activities are added."""
    params = call.request.query_params
    top = min(MAX_TOP, max(1, number(params.get("$top"), default=unverified.FEED_PAGE)))
    cursor, reverse = params.get("cursor"), params.get("reverse") == "true"
    behind = _behind(call, cursor, reverse)
    feed = list(islice(_feed(call, issue, behind), top + 1))
    page = feed[:top]
    has_after = len(feed) > top
    after = None if unverified.LAST_CURSOR_IS_NULL and not has_after else page[-1].id if page else cursor
    return ActivityPage(
        activities=page,
        before=page[0].id if page else cursor,
        after=after,
        has_before=behind is not None,
        has_after=has_after,
        reverse=reverse,
    )


def _behind(call: Call, cursor: str | None, reverse: bool) -> int | None:
    """Return the number behind which the page begins, None for the beginning."""
    if cursor:
        index = call.state.activity_index(cursor)
        if index is None:
            raise bad_request(f"Unknown cursor {cursor}")
        return _number(call.state.activities[index])
    wanted = call.request.query_params.get("activityId")
    if not wanted:
        return None
    index = call.state.activity_index(wanted)
    if index is None:
        raise entity_not_found(wanted)
    number = _number(call.state.activities[index])
    if unverified.ACTIVITY_ID_PAGE == "behind":
        return number
    return number + 1 if reverse else number - 1


def _knows(activity: Activity, user: User, may_read: Callable[[Issue], bool]) -> bool:
    """Tell whether the user may read where an issue is spoken of."""
    source = activity.added[0] if isinstance(activity.added, list) else None
    if isinstance(source, Comment):
        return may_read(source.issue) and reads_comment(user, source)
    return isinstance(source, Issue) and may_read(source)


def _stamp(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.lstrip("-").isdigit():
        message = f"Incorrect timestamp {text}"
        raise ApiError(400, "Bad Request", message, error_developer_message=message)
    return int(text)
