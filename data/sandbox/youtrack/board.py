"""The sandbox's own board: a person files a ticket and watches it being handled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from data.clock import from_millis, to_millis
from data.sandbox.geography import countries
from data.sandbox.youtrack.loading import BOARD_LOGIN, SandboxState
from data.sandbox.youtrack.model import Issue, Value
from data.sandbox.youtrack.views import readable_comments

NEWEST = 40
_LONGEST_SUMMARY, _LONGEST_BODY = 500, 100_000
_SHOWN = ("State", "Issue type", "Category", "Priority", "Team", "Client", "Country", "Persona", "Assignee")


def board_routes(state: SandboxState, changed: Callable[[Issue, str], None]) -> list[Route]:
    """Return the board's pages and the fragments that refresh them."""

    async def home(_request: Request) -> Response:
        return _page("home.html", **_home(state))

    async def newest(_request: Request) -> Response:
        return _page("_list.html", tickets=_newest(state))

    async def ticket(request: Request) -> Response:
        issue = state.tracker.find_issue(request.path_params["issue"])
        if issue is None:
            return _page("missing.html", status=404, wanted=request.path_params["issue"])
        fragment = request.query_params.get("part") == "body"
        return _page("_ticket.html" if fragment else "ticket.html", **_detail(state, issue))

    async def file(request: Request) -> Response:
        given = {
            k: v[0].strip() for k, v in parse_qs((await request.body()).decode("utf-8", "replace")).items()
        }
        problems = _problems(state, given)
        if problems:
            return _page("home.html", status=400, **{**_home(state), "problems": problems, "given": given})
        issue = _file(state, given)
        changed(issue, "created")
        return RedirectResponse(f"/issue/{issue.readable_id}", status_code=303)

    return [
        Route("/", home),
        Route("/newest", newest),
        Route("/tickets", file, methods=["POST"]),
        Route("/issue/{issue}", ticket),
    ]


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "pages")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(name).render(**values), status)


def _home(state: SandboxState) -> dict[str, Any]:
    served = {code for client in state.world.clients for code in client.countries}
    names = sorted((countries()[code].name, code) for code in served)
    return {
        "tickets": _newest(state),
        "clients": [(c.key, c.name) for c in state.world.clients],
        "countries": names,
        "problems": [],
        "given": {},
    }


def _newest(state: SandboxState) -> list[dict[str, Any]]:
    issues = list(state.tracker.issues.values())[: -NEWEST - 1 : -1]
    return [_row(issue) for issue in issues]


def _row(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.readable_id,
        "summary": issue.summary or "(no summary)",
        "created": _time(issue.created),
        "state": _text(issue.fields["State"]),
        "type": _text(issue.fields["Issue type"]),
        "priority": _text(issue.fields["Priority"]),
        "team": _text(issue.fields["Team"]),
        "client": _text(issue.fields["Client"]),
    }


def _detail(state: SandboxState, issue: Issue) -> dict[str, Any]:
    viewer = state.tracker.users[BOARD_LOGIN]
    comments = [
        {"author": c.author.full_name, "at": _time(c.created), "text": c.text, "internal": c.internal}
        for c in readable_comments(issue, viewer)
        if not c.deleted
    ]
    return {
        **_row(issue),
        "description": issue.description or "",
        "reporter": issue.reporter.full_name,
        "updated": _time(issue.updated),
        "fields": [(name, _text(issue.fields[name])) for name in _SHOWN],
        "tags": [t.name for t in issue.tags],
        "comments": comments,
    }


def _text(value: Value) -> str:
    if value is None:
        return ""
    return str(getattr(value, "name", None) or getattr(value, "full_name", value))


def _time(millis: int) -> str:
    return f"{from_millis(millis):%Y-%m-%d %H:%M}"


def _problems(state: SandboxState, given: dict[str, str]) -> list[str]:
    found = []
    if not given.get("summary"):
        found.append("Write a summary.")
    if len(given.get("summary", "")) > _LONGEST_SUMMARY or len(given.get("description", "")) > _LONGEST_BODY:
        found.append(f"At most {_LONGEST_SUMMARY} characters of summary, {_LONGEST_BODY:,} of description.")
    fields = state.tracker.project.fields
    found += [
        f"Choose a {name.lower()} from the list."
        for name in ("Client", "Country")
        if given.get(name.lower()) and given[name.lower()] not in fields[name].values
    ]
    return found


def _file(state: SandboxState, given: dict[str, str]) -> Issue:
    tracker = state.tracker
    author = tracker.users[BOARD_LOGIN]
    issue = tracker.create_issue(
        author, given["summary"], given.get("description"), to_millis(state.clock.now())
    )
    for name in ("Client", "Country"):
        if given.get(name.lower()):
            issue.fields[name] = tracker.project.fields[name].values[given[name.lower()]]
    issue.fields["Channel"] = tracker.project.fields["Channel"].values["portal"]
    return issue
