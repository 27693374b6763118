"""Work with the PyPI package `youtrack-rest-client`, which was generated from the vendor's own description.

Every list and every entity of its API is read with all the attributes that it asks for by itself, and
parsed into its models; what it can make is made, changed and removed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import youtrack_rest_client.api.default as api
from youtrack_rest_client import AuthenticatedClient
from youtrack_rest_client.models import (
    issue,
    issue_comment,
    issue_tag,
    issue_work_item,
    project,
    saved_query,
)

URL, TOKEN, DEMO = sys.argv[1:4]
CLIENT = AuthenticatedClient(youtrack_base_url=URL + "/api", hub_base_url=URL, token=TOKEN, timeout=30.0)
CATEGORIES = "IssueCreatedCategory,CustomFieldCategory,CommentsCategory"
OFF_LIMITS = (
    "global_settings",  # the server's own settings are not part of the desk
    "database_backup",
    "telemetry",
    "field_defaults",
    "get_commands",  # removed from the API since
    "get_search_assist",
)
KNOWN: dict[str, str] = {}
"""What stands for the ids in paths: `issues_id`, `issue_comment_id`, ..."""


def done(name: str, *ids: str, **more: Any) -> Any:
    """Call one of the package's functions; its answer as the package's model, or as plain data."""
    module = importlib.import_module(f"youtrack_rest_client.api.default.{name}")
    method = name.partition("_")[0].upper()
    answer = httpx.request(method, **module._get_kwargs(*ids, client=CLIENT, **more))
    assert answer.status_code == 200, f"{answer.status_code} {answer.content[:300]!r}"
    if method == "DELETE":
        return None
    try:
        return module._parse_response(response=answer)
    except (KeyError, TypeError) as error:
        # Its models of two generations (tags, fields, most users) cannot read any answer, whoever gives it.
        if "$type" not in error.args and "unexpected keyword" not in str(error):
            raise
        return json.loads(answer.content, object_hook=lambda d: SimpleNamespace(**d))


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


def make_things() -> None:
    body = {
        "$type": "Issue",
        "project": {"id": DEMO, "$type": "Project"},
        "summary": "Made by the generated client",
        "description": "Words",
    }
    made = say("create", lambda: done("post_issues", json_body=issue.Issue.from_dict(body)))
    KNOWN["issues_id"] = KNOWN["issue_id"] = made.id
    changed = issue.Issue(summary="Changed")
    say(
        "update",
        lambda: done("post_issues_id", made.id, json_body=changed),
        lambda i: i.summary == "Changed",
    )
    one = issue_comment.IssueComment(text="One")
    comment = say("comment", lambda: done("post_issues_id_comments", made.id, json_body=one))
    KNOWN["issue_comment_id"] = comment.id
    two = issue_comment.IssueComment(text="Two")
    edit = "post_issues_id_comments_issue_comment_id"
    say("edit comment", lambda: done(edit, made.id, comment.id, json_body=two), lambda c: c.text == "Two")
    work = issue_work_item.IssueWorkItem.from_dict(
        {"$type": "IssueWorkItem", "text": "Looked", "duration": {"minutes": 45, "$type": "DurationValue"}}
    )
    logged = say("log work", lambda: done("post_issues_id_time_tracking_work_items", made.id, json_body=work))
    KNOWN["issue_work_item_id"] = KNOWN["work_items_id"] = logged.id
    tag = issue_tag.IssueTag(name="from the generated client")
    KNOWN["issue_tags_id"] = say("create tag", lambda: done("post_issue_tags", json_body=tag)).id
    query = saved_query.SavedQuery(name="mine", query="#Unresolved")
    KNOWN["saved_queries_id"] = say("save search", lambda: done("post_saved_queries", json_body=query)).id
    fresh = project.Project(name="Generated", short_name="GEN")
    KNOWN["gone"] = say("create project", lambda: done("post_admin_projects", json_body=fresh)).id


def learn() -> None:
    """Find an id for every noun."""
    issue_id = KNOWN["issues_id"]
    KNOWN["admin_projects_id"] = DEMO
    KNOWN["project_custom_field_id"] = done("get_admin_projects_id_custom_fields", DEMO)[0].id
    KNOWN["issue_custom_field_id"] = done("get_issues_id_custom_fields", issue_id)[0].id
    KNOWN["issue_link_id"] = done("get_issues_id_links", issue_id)[0].id
    KNOWN["users_id"] = done("get_users_me").id
    KNOWN["groups_id"] = KNOWN["user_group_id"] = done("get_groups")[0].id
    KNOWN["agiles_id"] = done("get_agiles")[0].id
    KNOWN["sprint_id"] = done("get_agiles_id_sprints", KNOWN["agiles_id"])[0].id
    KNOWN["issue_link_types_id"] = done("get_issue_link_types")[0].id
    KNOWN["work_item_type_id"] = done("get_admin_time_tracking_settings_work_item_types")[0].id
    shared = "admin_custom_field_settings_custom_fields"
    KNOWN[f"{shared}_id"] = done(f"get_{shared}")[0].id
    found = done("get_issues_id_activities", issue_id, categories=CATEGORIES)
    KNOWN["activities_id"] = KNOWN["activity_item_id"] = found[0].id


def ids_of(name: str, wanted: list[str]) -> list[str] | None:
    """Return the ids for a function's path, None where the desk has no such thing."""
    ids = []
    for parameter in wanted:
        noun = parameter if parameter != "id" else name.removeprefix("get_").partition("_id")[0] + "_id"
        if noun not in KNOWN:
            return None
        ids.append(KNOWN[noun])
    return ids


def read_everything() -> None:
    import inspect

    for name in sorted(m.name for m in pkgutil.iter_modules(api.__path__)):
        if not name.startswith("get_") or any(word in name for word in OFF_LIMITS):
            continue
        module = importlib.import_module(f"youtrack_rest_client.api.default.{name}")
        parameters = inspect.signature(module.sync_detailed).parameters
        empty = inspect.Parameter.empty
        wanted = [p for p in parameters if parameters[p].default is empty and p != "client"]
        ids = ids_of(name, wanted)
        more = {"categories": CATEGORIES} if "categories" in parameters else {}
        if ids is not None:
            say(name, lambda n=name, i=ids, m=more: done(n, *i, **m))


def remove_things() -> None:
    issue_id = KNOWN["issues_id"]
    comment, work = KNOWN["issue_comment_id"], KNOWN["issue_work_item_id"]
    say(
        "delete work",
        lambda: done("delete_issues_id_time_tracking_work_items_issue_work_item_id", issue_id, work),
    )
    say("delete comment", lambda: done("delete_issues_id_comments_issue_comment_id", issue_id, comment))
    say("delete tag", lambda: done("delete_issue_tags_id", KNOWN["issue_tags_id"]))
    say("drop search", lambda: done("delete_saved_queries_id", KNOWN["saved_queries_id"]))
    say("delete issue", lambda: done("delete_issues_id", issue_id))
    say("delete project", lambda: done("delete_admin_projects_id", KNOWN["gone"]))


if __name__ == "__main__":
    make_things()
    learn()
    read_everything()
    remove_things()
