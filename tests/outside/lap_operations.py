"""Ordinary work with the PyPI package `youtrack-lap`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from youtrack_lap import Connection, IssueCollection, IssueResource, ProjectsCollection, ProjectsResource

URL, TOKEN, DEMO = sys.argv[1:4]


def say(operation: str, call: Callable[[], Any], check: Callable[[Any], bool] = lambda found: True) -> Any:
    error = found = None
    try:
        found = call()
        if not check(found):
            error = f"unexpected answer: {found!r}"[:600]
    except Exception as wrong:  # whatever another program raises is the finding
        error = f"{type(wrong).__name__}: {wrong}"[:600]
    print(json.dumps({"operation": operation, "error": error}))
    return found


connection = Connection(URL, TOKEN)
issues, projects = IssueCollection(connection), ProjectsCollection(connection)
say("projects", projects.list_projects, lambda found: any(p["shortName"] == "DEMO" for p in found))
demo = ProjectsResource(connection, DEMO)
say("project", demo.get_details, lambda p: p["name"] == "Demonstration")
body = {"project": {"id": DEMO}, "summary": "Made by lap", "description": "Words"}
made = say("create", lambda: issues.create_issue(body, fields="id,idReadable"))
issue = IssueResource(connection, made["idReadable"])
say("read", issue.read, lambda i: i["summary"] == "Made by lap")
say(
    "search",
    lambda: issues.list_issues(fields="id", limit=10, query="project: DEMO summary: lap"),
    lambda found: [i["id"] for i in found] == [made["id"]],
)
say(
    "update",
    lambda: issue.update({"summary": "Changed"}, fields="summary"),
    lambda i: i["summary"] == "Changed",
)
work = say("log work", lambda: issue.add_work_item({"duration": {"minutes": 30}, "text": "Looked"}))
say("list work", issue.list_work_items, lambda found: found[0]["duration"]["minutes"] == 30)
say("one item", lambda: issue.get_work_item(work["id"]), lambda w: w["text"] == "Looked")
say("edit work", lambda: issue.update_work_item(work["id"], {"text": "Looked again"}))
say("delete work", lambda: issue.delete_work_item(work["id"]))
say("delete", issue.delete, lambda found: found["status"] == "deleted")
