"""Drafts: seen by nobody else, published once; boards and sprints; pinned comments."""

from __future__ import annotations

from typing import Any

PRIORITY = {"$type": "SingleEnumIssueCustomField", "name": "Priority"}


def test_an_issue_is_written_little_by_little_and_published_once(bench: Any) -> None:
    project = {"id": bench.state.find_project("ENG").id}
    count = len(bench.state.issues)
    draft = bench.post(
        "/users/me/drafts", {"project": project, "summary": "Half"}, fields="id,isDraft,idReadable"
    )
    assert (draft["isDraft"], draft["idReadable"]) == (True, None)
    path = f"/users/me/drafts/{draft['id']}"
    bench.post(path, {"customFields": [{**PRIORITY, "value": {"name": "Major"}}]})
    shown = bench.post(path, {"description": "Whole"}, fields="summary,description,draftOwner(login)")
    assert (shown["summary"], shown["draftOwner"]["login"]) == ("Half", "svc-firstline")
    assert len(bench.state.issues) == count, "no issue yet"
    stranger = bench.as_user("other.dev")
    assert stranger.get("/api" + path).status_code == 404
    assert stranger.post(f"/api/issues?draftId={draft['id']}", json={}).status_code == 404
    made = bench.post(
        "/issues", {"summary": "All of it"}, draftId=draft["id"], fields="id,summary,description,isDraft"
    )
    assert (made["summary"], made["description"], made["isDraft"]) == ("All of it", "Whole", False)
    assert bench.value(made["id"], "Priority") == "Major"
    assert bench.get("/users/me/drafts", fields="id") == []
    again = bench.http.post(f"/api/issues?draftId={draft['id']}", json={"summary": "x", "project": project})
    assert again.status_code == 404


def test_a_refused_publication_keeps_the_draft(bench: Any) -> None:
    draft = bench.post("/users/me/drafts", {"project": {"shortName": "ENG"}}, fields="id")["id"]
    assert bench.http.post(f"/api/issues?draftId={draft}", json={}).status_code == 400, "no summary"
    assert [d["id"] for d in bench.get("/users/me/drafts", fields="id")] == [draft]
    assert bench.delete(f"/users/me/drafts/{draft}") == 200
    assert bench.get("/users/me/drafts") == []


def test_a_comment_is_drafted_and_published(bench: Any) -> None:
    issue = bench.file("ENG")
    path = f"/issues/{issue}/draftComment"
    assert bench.get(path) is None
    draft = bench.post(path, {"text": "One"}, fields="id")["id"]
    assert bench.post(path, {"text": "Two"}, fields="id,text") | {"$type": ""} == {
        "id": draft,
        "text": "Two",
        "$type": "",
    }
    assert bench.as_user("other.dev").get("/api" + path).content == b""
    assert bench.get(f"/issues/{issue}/comments") == []
    bench.post(f"/issues/{issue}/comments", {}, draftId=draft)
    assert [c["text"] for c in bench.get(f"/issues/{issue}/comments", fields="text")] == ["Two"]
    assert bench.get(path) is None


def test_an_article_is_drafted_and_published(bench: Any) -> None:
    project = {"id": bench.state.find_project("ENG").id}
    draft = bench.post("/users/me/articleDrafts", {"summary": "How to", "project": project}, fields="id")[
        "id"
    ]
    bench.post(f"/users/me/articleDrafts/{draft}", {"content": "Like this"})
    count = len(bench.get("/admin/projects/ENG/articles"))
    made = bench.post("/articles", {}, draftId=draft, fields="summary,content,idReadable")
    assert (made["summary"], made["content"]) == ("How to", "Like this")
    assert len(bench.get("/admin/projects/ENG/articles")) == count + 1
    assert bench.get("/users/me/articleDrafts") == []


def test_a_sprint_holds_what_was_put_there(bench: Any) -> None:
    project = {"id": bench.state.find_project("ENG").id}
    board = bench.post("/agiles", {"name": "Mine", "projects": [project]}, fields="id")["id"]
    path = f"/agiles/{board}/sprints"
    sprint = bench.post(path, {"name": "Week 1", "start": 1, "finish": 2}, fields="id,start,finish")
    assert (sprint["start"], sprint["finish"]) == (1, 2)
    issue = bench.file("ENG")
    bench.post(f"{path}/{sprint['id']}/issues", {"id": issue})
    bench.post(f"{path}/{sprint['id']}/issues", {"id": issue})
    assert [i["id"] for i in bench.get(f"{path}/{sprint['id']}/issues", fields="id")] == [issue]
    assert bench.http.post(f"/api{path}/{sprint['id']}/issues", json={"id": "PAY-3"}).status_code == 400
    foreign = bench.get("/issues/PAY-3", fields="id")["id"]
    assert bench.http.post(f"/api{path}/{sprint['id']}/issues", json={"id": foreign}).status_code == 400
    assert bench.delete(f"{path}/{sprint['id']}/issues/{issue}") == 200
    rows = bench.feed(issue, "SprintCategory")
    assert [(len(r["added"]), len(r["removed"])) for r in rows] == [(1, 0), (0, 1)]
    assert bench.as_user("other.dev").delete(f"/api/agiles/{board}").status_code == 403
    assert bench.delete(f"/agiles/{board}") == 200


def test_a_pinned_comment(bench: Any) -> None:
    issue = bench.file("ENG")
    comment = bench.post(f"/issues/{issue}/comments", {"text": "Look"}, fields="id")["id"]
    bench.post(f"/issues/{issue}/comments/{comment}", {"pinned": True})
    pinned = bench.get(f"/issues/{issue}", fields="pinnedComments(id)")["pinnedComments"]
    assert [c["id"] for c in pinned] == [comment]
