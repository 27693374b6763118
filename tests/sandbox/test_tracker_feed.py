"""The change feed: every category that the contract names, pages by activity, and who sees what."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

NAMED = (
    *("IssueCreatedCategory", "IssueResolvedCategory", "CustomFieldCategory", "SummaryCategory"),
    *("DescriptionCategory", "CommentsCategory", "CommentTextCategory", "CommentVisibilityCategory"),
    *("AttachmentsCategory", "CommentAttachmentsCategory", "TagsCategory", "LinksCategory"),
    *("SprintCategory", "ProjectCategory", "IssueVisibilityCategory", "WorkItemCategory"),
    *("WorkItemAuthorCategory", "WorkItemDateCategory", "WorkItemDescriptionCategory"),
    *("WorkItemDurationCategory", "WorkItemTypeCategory", "VcsChangeCategory", "VotersCategory"),
    *("TotalVotesCategory", "StarCategory", "IssueMentionCategory", "CommentMentionCategory"),
    *("CommentReactionCategory", "TicketCCEventCategory"),
)
"""Without pull requests and articles' mentions, which nothing here can make."""


def live_through_everything(bench: Any) -> str:
    """Do to one issue whatever can be done to it over the API; returns its id."""
    team = bench.state.find_project("ENG").team.id
    limited = {"$type": "LimitedVisibility", "permittedGroups": [{"id": team}]}
    other = bench.state.add_user("other.dev", "Other Dev", kind="STANDARD_USER")
    issue, second = bench.file("ENG"), bench.file("ENG")
    path = f"/issues/{issue}"
    key = bench.get(path, fields="idReadable")["idReadable"]
    bench.post(path, {"summary": "new", "description": "words"})
    state = {"$type": "StateIssueCustomField", "name": "State", "value": {"name": "Fixed"}}
    bench.post(path, {"customFields": [state]})
    comment = bench.post(path + "/comments", {"text": "One"}, fields="id")["id"]
    bench.post(f"{path}/comments/{comment}", {"text": "Two"})
    bench.post(f"{path}/comments/{comment}", {"visibility": limited})
    bench.post(f"{path}/comments/{comment}/reactions", {"reaction": "thumbs-up"})
    for place in (path, f"{path}/comments/{comment}"):
        answer = bench.http.post(f"/api{place}/attachments", files={"file": ("a.txt", io.BytesIO(b"x"))})
        assert answer.status_code == 200
    tag = bench.post("/tags", {"name": "seen"}, fields="id")["id"]
    bench.post(path + "/tags", {"id": tag})
    bench.post(f"{path}/links/106-0/issues", {"id": second})
    board = next(b for b in bench.get("/agiles", fields="id,projects(shortName)") if len(b["projects"]) == 1)
    project = {"id": bench.state.find_project("ENG").id}
    board = bench.post("/agiles", {"name": "Mine", "projects": [project]}, fields="id,sprints(id)")
    bench.post(f"/agiles/{board['id']}/sprints/{board['sprints'][0]['id']}/issues", {"id": issue})
    assert [s["id"] for s in bench.get(path + "/sprints", fields="id")] == [board["sprints"][0]["id"]]
    items = path + "/timeTracking/workItems"
    work = bench.post(items, {"duration": {"minutes": 5}, "text": "a"}, fields="id")["id"]
    more = {"text": "b", "duration": {"minutes": 9}, "date": 0, "type": {"name": "Support"}}
    bench.post(f"{items}/{work}", {**more, "author": {"login": "other.dev"}})
    bench.post(path + "/vcsChanges", {"text": "fix", "version": "abc"})
    bench.as_user("other.dev").post(f"/api{path}/voters", json={"hasVote": True})
    bench.post(path, {"watchers": {"hasStar": True}})
    bench.post(f"/issues/{second}", {"description": f"see {key}"})
    bench.post(f"/issues/{second}/comments", {"text": f"and again {key}"})
    bench.post(path + "/helpdesk", {"ticketCCUsers": [{"id": other.id}]})
    bench.post(path, {"visibility": limited})
    bench.post(path + "/project", {"id": bench.state.find_project("PAY").id})
    return issue


@pytest.fixture
def lived(bench: Any) -> str:
    return live_through_everything(bench)


def test_every_named_category_is_written(bench: Any, lived: str) -> None:
    rows = bench.feed(lived, ",".join(NAMED), fields="$type,category(id),target(id,$type)", **{"$top": 100})
    assert {r["category"]["id"] for r in rows} == set(NAMED)
    assert all(r["$type"].endswith("ActivityItem") and r["target"] is not None for r in rows)


@pytest.mark.parametrize(
    ("category", "added", "removed"),
    [
        ("IssueCreatedCategory", [], []),
        ("SummaryCategory", "new", "x"),
        ("DescriptionCategory", "words", None),
        ("CommentTextCategory", "Two", "One"),
        ("TotalVotesCategory", 1, 0),
        ("WorkItemDescriptionCategory", "b", "a"),
    ],
)
def test_simple_values_are_scalars(bench: Any, lived: str, category: str, added: Any, removed: Any) -> None:
    (row,) = bench.feed(lived, category)
    assert (row["added"], row["removed"]) == (added, removed)


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("TagsCategory", "Tag"),
        ("LinksCategory", "Issue"),
        ("SprintCategory", "Sprint"),
        ("VotersCategory", "User"),
        ("StarCategory", "User"),
        ("AttachmentsCategory", "IssueAttachment"),
        ("CommentAttachmentsCategory", "IssueAttachment"),
        ("CommentsCategory", "IssueComment"),
        ("WorkItemCategory", "IssueWorkItem"),
        ("VcsChangeCategory", "VcsChange"),
        ("ProjectCategory", "Project"),
        ("IssueVisibilityCategory", "ProjectTeam"),
        ("CommentVisibilityCategory", "ProjectTeam"),
        ("IssueMentionCategory", "Issue"),
        ("CommentMentionCategory", "IssueComment"),
        ("CommentReactionCategory", "Reaction"),
        ("TicketCCEventCategory", "User"),
    ],
)
def test_entities_come_in_lists(bench: Any, lived: str, category: str, kind: str) -> None:
    (row,) = bench.feed(lived, category, fields="added($type,id),removed($type,id)")
    assert [e["$type"] for e in row["added"]] == [kind] and row["removed"] == (
        [] if category != "ProjectCategory" else row["removed"]
    )


def test_reopening_is_a_removed_moment(bench: Any) -> None:
    issue = bench.file("ENG")
    for state in ("Fixed", "In Progress"):
        value = {"$type": "StateIssueCustomField", "name": "State", "value": {"name": state}}
        bench.post(f"/issues/{issue}", {"customFields": [value]})
        bench.clock.advance(timedelta(minutes=1))
    done, undone = bench.feed(issue, "IssueResolvedCategory")
    assert done["removed"] is None and undone == {**undone, "added": None, "removed": done["added"]}


def test_a_page_by_activity_contains_it(bench: Any, lived: str) -> None:
    wanted = ",".join(NAMED)
    every = [r["id"] for r in bench.feed(lived, wanted, fields="id", **{"$top": 100})]
    for reverse in ("false", "true"):
        page = bench.get(
            f"/issues/{lived}/activitiesPage",
            categories=wanted,
            activityId=every[5],
            reverse=reverse,
            fields="activities(id),hasBefore,hasAfter,afterCursor",
            **{"$top": 3},
        )
        expected = every[5:8] if reverse == "false" else every[5:2:-1]
        assert [a["id"] for a in page["activities"]] == expected
        assert (page["hasBefore"], page["hasAfter"]) == (True, True)
    missing = bench.http.get(
        f"/api/issues/{lived}/activitiesPage", params={"categories": wanted, "activityId": "14-999999"}
    )
    assert missing.status_code == 404


def test_the_other_name_of_a_category_finds_the_same(bench: Any, lived: str) -> None:
    one, two = (bench.feed(lived, name) for name in ("IssueVisibilityCategory", "PermittedGroupCategory"))
    assert one == two != []


def test_a_mention_is_no_change_and_is_for_those_who_read_where(bench: Any) -> None:
    issue = bench.file("ENG")
    key, before = bench.get(f"/issues/{issue}", fields="idReadable")["idReadable"], None
    before = bench.get(f"/issues/{issue}", fields="updated")
    bench.clock.advance(timedelta(hours=1))
    hidden = bench.post(
        "/issues/PAY-3/comments",
        {"text": f"as in {key}", "visibility": {"$type": "UnlimitedVisibility"}},
        fields="id",
    )
    assert hidden and bench.get(f"/issues/{issue}", fields="updated") == before
    assert len(bench.feed(issue, "CommentMentionCategory")) == 1
    developer = bench.as_user("other.dev")
    params = {"categories": "CommentMentionCategory", "fields": "id"}
    assert developer.get(f"/api/issues/{issue}", params={"fields": "id"}).status_code == 200
    assert developer.get(f"/api/issues/{issue}/activities", params=params).json() == []


def test_votes_and_stars_come_and_go(bench: Any) -> None:
    issue = bench.file("ENG")
    assert bench.http.post(f"/api/issues/{issue}/voters", json={"hasVote": True}).status_code == 403, (
        "own issue"
    )
    voter = bench.as_user("other.dev")
    for command in ("vote", "star", "star", "unvote", "unstar"):
        body = {"query": command, "issues": [{"id": issue}]}
        assert voter.post("/api/commands", json=body).status_code == 200, command
    rows = bench.feed(issue, "VotersCategory,StarCategory", fields="category(id),added(login),removed(login)")
    assert [(r["category"]["id"][:5], len(r["added"]), len(r["removed"])) for r in rows] == [
        ("Voter", 1, 0),
        ("StarC", 1, 0),
        ("Voter", 0, 1),
        ("StarC", 0, 1),
    ]
