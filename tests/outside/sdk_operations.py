"""Ordinary work with `youtrack-sdk`; run by an interpreter of its own environment (Python 3.12 or newer)."""

import io
import json
import sys
from datetime import UTC, datetime

from youtrack_sdk import Client
from youtrack_sdk import entities as e
from youtrack_sdk.exceptions import YouTrackNotFound, YouTrackUnauthorized
from youtrack_sdk.types import IssueLinkDirection

url, token, project = sys.argv[1:4]
client = Client(base_url=url, token=token, timeout=20)
PAGE = {"offset": 0, "count": 100}


def say(operation, call, check=lambda found: True):
    error, found = None, None
    try:
        found = call()
        if not check(found):
            error = f"unexpected answer: {found!r}"[:600]
    except Exception as wrong:
        error = f"{type(wrong).__name__}: {wrong}"[:600]
    print(json.dumps({"operation": operation, "error": error}), flush=True)
    return found


def refused(kind, call):
    try:
        call()
    except kind:
        return True
    return False


def value(issue_id, name):
    found = {f.name: f.value for f in client.get_issue_custom_fields(issue_id=issue_id, **PAGE)}[name]
    return getattr(found, "login", None) or getattr(found, "name", None)


say("projects", lambda: client.get_projects(**PAGE), lambda p: {"DEMO", "PAY"} <= {x.short_name for x in p})
users = say("users", lambda: client.get_users(**PAGE), lambda u: len(u) > 3)
made = say(
    "create",
    lambda: client.create_issue(
        issue=e.Issue(
            project=e.Project(id=project),
            summary="Made by youtrack-sdk",
            description="Line one\nline two",
            custom_fields=[
                e.SingleEnumIssueCustomField(name="Type", value=e.EnumBundleElement(name="Bug")),
            ],
        )
    ),
    lambda i: i.id_readable.startswith("DEMO-") and i.description == "Line one\nline two",
)
other = client.create_issue(issue=e.Issue(project=e.Project(id=project), summary="The other one"))
say("get", lambda: client.get_issue(issue_id=made.id_readable), lambda i: i.id == made.id)
say(
    "search",
    lambda: client.get_issues(query="project: DEMO summary: Made sort by: created desc", **PAGE),
    lambda found: made.id in [i.id for i in found],
)
say(
    "search page",
    lambda: client.get_issues(query="project: DEMO", offset=0, count=1),
    lambda found: len(found) == 1,
)
say(
    "update summary",
    lambda: client.update_issue(issue_id=made.id, issue=e.Issue(summary="Changed")),
    lambda i: i.summary == "Changed",
)
say(
    "list custom fields",
    lambda: client.get_issue_custom_fields(issue_id=made.id, **PAGE),
    lambda fs: {f.name for f in fs} == {"Type", "Priority", "State", "Assignee"},
)
fields = {f.name: f for f in client.get_issue_custom_fields(issue_id=made.id, **PAGE)}
for name, new in {
    "Priority": e.SingleEnumIssueCustomField(
        id=fields["Priority"].id, value=e.EnumBundleElement(name="Major")
    ),
    "State": e.StateIssueCustomField(id=fields["State"].id, value=e.StateBundleElement(name="Fixed")),
    "Assignee": e.SingleUserIssueCustomField(id=fields["Assignee"].id, value=e.User(login="svc-firstline")),
}.items():
    wanted = new.value.login if name == "Assignee" else new.value.name
    say(
        f"set {name}",
        lambda new=new: client.update_issue_custom_field(issue_id=made.id, field=new),
        lambda f, name=name, wanted=wanted: value(made.id, name) == wanted,
    )
say("resolved is set", lambda: client.get_issue(issue_id=made.id), lambda i: i.resolved is not None)
comment = say(
    "add comment",
    lambda: client.create_issue_comment(issue_id=made.id, comment=e.IssueComment(text="First")),
    lambda c: c.text == "First" and c.author.login == "svc-firstline",
)
say(
    "edit comment",
    lambda: client.update_issue_comment(
        issue_id=made.id, comment=e.IssueComment(id=comment.id, text="Second")
    ),
    lambda c: c.text == "Second" and c.updated is not None,
)
say("hide comment", lambda: client.hide_issue_comment(issue_id=made.id, comment_id=comment.id))
say(
    "list comments",
    lambda: client.get_issue_comments(issue_id=made.id, **PAGE),
    lambda cs: [(c.id, c.deleted) for c in cs] == [(comment.id, True)],
)
say("delete comment", lambda: client.delete_issue_comment(issue_id=made.id, comment_id=comment.id))
tags = say("tags", lambda: client.get_tags(**PAGE), lambda ts: len(ts) > 0)
say("add tag", lambda: client.add_issue_tag(issue_id=made.id, tag=e.Tag(id=tags[0].id)))
say(
    "tag is there",
    lambda: client.get_issue(issue_id=made.id),
    lambda i: [t.id for t in i.tags] == [tags[0].id],
)
types = say(
    "link types", lambda: client.get_issue_link_types(**PAGE), lambda ts: "Depend" in {t.name for t in ts}
)
depend = next(t for t in types if t.name == "Depend")
say(
    "link",
    lambda: client.link_issues(
        source_issue_id=made.id,
        target_issue_id=other.id,
        link_type_id=depend.id,
        link_direction=IssueLinkDirection.OUTWARD,
    ),
)
say(
    "list links",
    lambda: client.get_issue_links(made.id, **PAGE),
    lambda ls: (
        [(k.id, k.direction, k.issues[0].id) for k in ls if k.issues]
        == [(depend.id + "s", "OUTWARD", other.id)]
    ),
)
say(
    "unlink",
    lambda: client.delete_issue_link(
        source_issue_id=made.id, target_issue_id=other.id, link_type_id=depend.id + "s"
    ),
)
say(
    "attach",
    lambda: client.create_issue_attachments(issue_id=made.id, files={"log.txt": io.BytesIO(b"hello")}),
    lambda a: a[0].name == "log.txt" and a[0].url,
)
say(
    "list attachments",
    lambda: client.get_issue_attachments(issue_id=made.id, **PAGE),
    lambda a: [x.name for x in a] == ["log.txt"],
)
work_types = say("work item types", lambda: client.get_project_work_item_types(project_id=project, **PAGE))
say(
    "log work",
    lambda: client.create_issue_work_item(
        issue_id=made.id,
        issue_work_item=e.IssueWorkItem(
            duration=e.DurationValue(minutes=45), text="Looked", date=datetime(2026, 11, 2, tzinfo=UTC)
        ),
    ),
    lambda w: w.duration.minutes == 45,
)
say(
    "list work",
    lambda: client.get_issue_work_items(issue_id=made.id, **PAGE),
    lambda ws: [w.text for w in ws] == ["Looked"],
)
boards = say("boards", lambda: client.get_agiles(**PAGE), lambda a: len(a) > 0)
say("board", lambda: client.get_agile(agile_id=boards[0].id), lambda a: a.id == boards[0].id)
# A sprint of the helpdesk would hold tickets with SLA timers, and this client refuses those.
board = next(b for b in boards if b.projects[0].short_name == "DEMO")
sprints = say("sprints", lambda: client.get_sprints(agile_id=board.id, **PAGE), lambda s: len(s) > 0)
say(
    "sprint",
    lambda: client.get_sprint(agile_id=board.id, sprint_id=sprints[0].id),
    lambda s: s.id == sprints[0].id,
)
say("delete", lambda: client.delete_issue(issue_id=other.id))
say("gone is 404", lambda: refused(YouTrackNotFound, lambda: client.get_issue(issue_id=other.id)))
wrong = Client(base_url=url, token="perm:wrong", timeout=20)
say("wrong token is 401", lambda: refused(YouTrackUnauthorized, lambda: wrong.get_issue(issue_id=made.id)))
