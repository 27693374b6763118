"""The knowledge base: tree, visibility, comments, tags, search and its own feed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.clock import ManualClock
from data.sandbox.youtrack.routes import api_routes
from data.sandbox.youtrack.state import TrackerState, build_project

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
STATE = [("State", "state[1]", ["New", "!Resolved"], "New")]
TREE = "id,idReadable,summary,parentArticle(idReadable),childArticles(idReadable),hasChildren,ordinal"


class Desk:
    """A helpdesk with a knowledge base; an agent asks unless `who` says otherwise."""

    def __init__(self) -> None:
        self.state = TrackerState(build_project("PAY", "Payroll Support", STATE))
        for login, team in (("agent", True), ("emp", False)):
            self.state.tokens[login] = self.state.add_user(login, login.title(), team=team)
        self.state.add_project(build_project("DOC", "Documents", STATE, number=4, helpdesk=False))
        self.state.tag("vip")
        self.clock = ManualClock(NOW)
        self.http = TestClient(Starlette(routes=api_routes(self.state, self.clock, lambda i, k: None)))

    def ask(self, method: str, path: str, body: Any = None, who: str | None = "agent", **params: Any) -> Any:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        answer = self.http.request(method, "/api" + path, json=body, params=params, headers=headers)
        return answer.status_code, answer.json() if answer.content else None

    def get(self, path: str, who: str | None = "agent", **params: Any) -> Any:
        status, body = self.ask("GET", path, who=who, **params)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any, **params: Any) -> Any:
        status, found = self.ask("POST", path, body, **params)
        assert status == 200, found
        return found

    def write(self, summary: str, **more: Any) -> dict[str, Any]:
        body = {"project": {"id": "0-3"}, "summary": summary, **more}
        made: dict[str, Any] = self.post("/articles", body, fields="id,idReadable,updated")
        return made

    @property
    def team_only(self) -> dict[str, Any]:
        group = {"id": self.state.project.team_id}
        return {"$type": "LimitedVisibility", "permittedGroups": [group]}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_article_is_made_read_changed_and_deleted(desk: Desk) -> None:
    made = desk.write("Printing", content="# Paper")
    assert made["idReadable"] == "PAY-A-1" and made["$type"] == "Article"
    assert not made["id"].startswith("2-")
    assert desk.get("/articles/PAY-A-1") == {"id": made["id"], "$type": "Article"}
    desk.clock.sleep(5)
    changed = desk.post(
        "/articles/PAY-A-1", {"content": "# Toner"}, fields="content,summary,updated,updatedBy(login)"
    )
    assert (changed["content"], changed["summary"]) == ("# Toner", "Printing")
    assert changed["updated"] == made["updated"] + 5000 and changed["updatedBy"]["login"] == "agent"
    assert desk.post("/articles/PAY-A-1", {"content": ""}, fields="content")["content"] is None
    assert desk.ask("DELETE", "/articles/PAY-A-1") == (200, None)
    assert desk.ask("GET", "/articles/PAY-A-1")[0] == 404
    assert desk.write("Next")["idReadable"] == "PAY-A-2", "numbers are not given twice"


def test_the_tree(desk: Desk) -> None:
    top, other = desk.write("Top"), desk.write("Other")
    child = desk.write("Child", parentArticle={"id": top["id"]})
    below = desk.post(f"/articles/{child['id']}/childArticles", {"summary": "Below"}, fields=TREE)
    assert below["parentArticle"]["idReadable"] == child["idReadable"]
    shown = desk.get(f"/articles/{top['id']}", fields=TREE)
    assert [c["idReadable"] for c in shown["childArticles"]] == [child["idReadable"]] and shown["hasChildren"]
    assert desk.get(f"/articles/{child['id']}/parentArticle", fields="id")["id"] == top["id"]
    assert desk.ask("GET", f"/articles/{top['id']}/parentArticle")[0] == 404
    status, refused = desk.ask("POST", f"/articles/{top['id']}", {"parentArticle": {"id": below["id"]}})
    assert status == 400 and "below itself" in refused["error_description"]
    desk.post(f"/articles/{child['id']}", {"parentArticle": {"id": other["id"]}})
    assert not desk.get(f"/articles/{top['id']}", fields="hasChildren")["hasChildren"]
    found = desk.get("/articles", query=f"parent article: {{{other['idReadable']}}}", fields="id")
    assert [a["id"] for a in found] == [child["id"]]
    desk.post(f"/articles/{child['id']}", {"parentArticle": None})
    assert desk.get(f"/articles/{child['id']}", fields="parentArticle(id)")["parentArticle"] is None
    moved = desk.post(f"/articles/{child['id']}", {"project": {"id": "0-4"}}, fields="id,idReadable")
    assert moved == {"id": child["id"], "idReadable": "DOC-A-1", "$type": "Article"}
    assert desk.get(f"/articles/{below['id']}", fields="idReadable")["idReadable"] == "DOC-A-2"
    assert desk.ask("DELETE", f"/articles/{child['id']}")[0] == 200
    assert desk.ask("GET", f"/articles/{below['id']}")[0] == 404, "what is below goes too"


def test_who_reads_and_who_writes(desk: Desk) -> None:
    public, inner = desk.write("For all"), desk.write("For us", visibility=desk.team_only)
    shown = desk.get(f"/articles/{inner['id']}", fields="visibility($type,permittedGroups(name))")
    assert shown["visibility"]["$type"] == "LimitedVisibility"
    for who in ("emp", None):
        assert [a["id"] for a in desk.get("/articles", who=who, fields="id")] == [public["id"]]
        assert [a["id"] for a in desk.get("/admin/projects/PAY/articles", who=who)] == [public["id"]]
        assert desk.ask("GET", f"/articles/{inner['id']}", who=who)[0] == 404
        assert desk.ask("POST", f"/articles/{public['id']}", {"summary": "x"}, who=who)[0] == 403
    assert desk.ask("POST", "/articles", {"project": {"id": "0-3"}, "summary": "x"}, who="emp")[0] == 403
    desk.state.lost.add(("agent", "PAY"))
    assert desk.ask("GET", f"/articles/{public['id']}")[0] == 404


def test_search(desk: Desk) -> None:
    toner, paper = desk.write("Toner", content="shake gently"), desk.write("Paper")
    desk.post("/articles", {"project": {"id": "0-4"}, "summary": "Toner elsewhere"})

    def ids(query: str) -> list[str]:
        return [a["id"] for a in desk.get("/articles", query=query, fields="id")]

    assert ids("project: {PAY}") == [toner["id"], paper["id"]]
    assert ids("project: {Payroll Support} gently") == [toner["id"]]
    assert ids("project: PAY and summary: Paper") == [paper["id"]]
    assert ids("toner shake") == [toner["id"]]
    assert ids(f"id: {paper['idReadable']}") == [paper["id"]]
    status, refused = desk.ask("GET", "/articles", query="project: NONE")
    assert (status, refused["error"]) == (400, "invalid_query")
    assert len(desk.get("/articles", **{"$top": 2})) == 2


def test_comments_tags_and_the_feed(desk: Desk) -> None:
    article = desk.write("Toner", content="old")
    path = f"/articles/{article['id']}"
    first = desk.post(f"{path}/comments", {"text": "Helped"}, who="emp", fields="id,author(login)")
    inner = desk.post(f"{path}/comments", {"text": "Secret", "visibility": desk.team_only}, fields="id")
    assert [c["text"] for c in desk.get(f"{path}/comments", fields="text")] == ["Helped", "Secret"]
    assert [c["text"] for c in desk.get(f"{path}/comments", who="emp", fields="text")] == ["Helped"]
    assert desk.ask("GET", f"{path}/comments/{inner['id']}", who="emp")[0] == 404
    desk.post(f"{path}/comments/{first['id']}", {"deleted": True})
    tag = desk.state.tag("vip").id
    desk.post(f"{path}/tags", {"id": tag})
    assert [t["name"] for t in desk.get(path, fields="tags(name)")["tags"]] == ["vip"]
    desk.post(path, {"content": "new", "summary": "Toner, gently"})
    categories = "ArticleCreated,ArticleSummary,ArticleDescription,ArticleComments,ArticleTags"
    wanted = ",".join(f"{c}Category" for c in categories.split(","))
    fields = "activities(id,$type,category(id),added(text,name),removed(text)),afterCursor,hasAfter"
    page = desk.get(f"{path}/activitiesPage", categories=wanted, fields=fields, **{"$top": 4})
    kinds = [a["category"]["id"].removeprefix("Article").removesuffix("Category") for a in page["activities"]]
    assert kinds == ["Created", "Comments", "Comments", "Comments"] and page["hasAfter"]
    rest = desk.get(f"{path}/activitiesPage", categories=wanted, fields=fields, cursor=page["afterCursor"])
    assert [a["$type"] for a in rest["activities"]] == [
        "ArticleTagsActivityItem",
        "ArticleSummaryActivityItem",
        "ArticleDescriptionActivityItem",
    ]
    assert (rest["activities"][2]["added"], rest["activities"][2]["removed"]) == ("new", "old")
    seen = desk.get(f"{path}/activitiesPage", who="emp", categories=wanted, fields=fields)
    assert "Secret" not in str(seen)
    desk.ask("DELETE", f"{path}/comments/{inner['id']}")
    seen = desk.get(f"{path}/activitiesPage", who="emp", categories=wanted, fields=fields)
    assert "Secret" not in str(seen), "nor after it is gone"
    assert desk.ask("GET", f"{path}/activities")[0] == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"project": {"id": "0-3"}}, "Summary is required"),
        ({"project": {"id": "0-3"}, "summary": " "}, "Summary is required"),
        ({"project": {"id": "0-3"}, "summary": "x", "content": 5}, "content"),
        ({"project": {"id": "0-3"}, "summary": "x", "parentArticle": {"id": "PAY-A-1"}}, "Invalid structure"),
        ({"project": {"id": "0-3"}, "summary": "x", "colour": 1}, "colour"),
        ({"project": {"id": "0-3"}, "summary": "x", "visibility": {}}, "$type"),
    ],
)
def test_a_wrong_body_changes_nothing(desk: Desk, body: dict[str, Any], words: str) -> None:
    desk.write("Kept", content="kept")
    status, refused = desk.ask("POST", "/articles", body)
    assert status == 400 and words in refused["error_description"]
    assert len(desk.get("/articles")) == 1
    status, _ = desk.ask("POST", "/articles/PAY-A-1", {"content": "lost", "summary": ""})
    assert status == 400 and desk.get("/articles/PAY-A-1", fields="content")["content"] == "kept"


def test_files_are_listed_with_what_is_known_of_them(desk: Desk) -> None:
    path = f"/api/articles/{desk.write('Toner')['id']}/attachments"
    agent = {"Authorization": "Bearer agent"}
    files = {"file": ("note.txt", b"hello", "text/plain")}
    made = desk.http.post(path, files=files, params={"fields": "id,name,size,mimeType"}, headers=agent).json()
    assert [(f["name"], f["size"], f["mimeType"]) for f in made] == [("note.txt", 5, "text/plain")]
    assert desk.http.post(path, content=b"x", headers=agent).status_code == 400
    assert [f["id"] for f in desk.http.get(path, headers=agent).json()] == [made[0]["id"]]
    assert desk.http.delete(f"{path}/{made[0]['id']}", headers=agent).status_code == 200
    assert desk.http.get(path, headers=agent).json() == []


def test_a_board_has_one_sprint_with_what_is_open(desk: Desk) -> None:
    agent = desk.state.users["agent"]
    opened = desk.state.create_issue(agent, "Open", None, 1)
    done = desk.state.create_issue(agent, "Done", None, 2)
    desk.state.set_field(done, agent, 3, "State", desk.state.project.fields["State"].values["Resolved"])
    boards = desk.get("/agiles", fields="id,projects(shortName),sprints(id)")
    board = next(b for b in boards if b["projects"][0]["shortName"] == "PAY")
    (sprint,) = desk.get(f"/agiles/{board['id']}/sprints", fields="id,issues(id),unresolvedIssuesCount")
    assert ([i["id"] for i in sprint["issues"]], sprint["unresolvedIssuesCount"]) == ([opened.id], 1)
    assert desk.get(f"/agiles/{board['id']}/sprints/{sprint['id']}")["id"] == sprint["id"]
    assert desk.ask("GET", "/agiles/113-999")[0] == 404
