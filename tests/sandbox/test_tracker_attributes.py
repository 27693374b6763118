"""Every attribute that the contract names for an entity comes back under its name when asked for."""

from __future__ import annotations

from typing import Any

import pytest

USER = "id,login,fullName,name,email,ringId,guest,banned,online,avatarUrl,userType"
ISSUE = (
    "id,idReadable,numberInProject,summary,description,wikifiedDescription,usesMarkdown,created,updated,"
    "resolved,project,reporter,updater,customFields,fields,comments,commentsCount,pinnedComments,attachments,"
    "tags,links,parent,subtasks,visibility,votes,voters,watchers,isDraft,draftOwner,externalIssue"
)
ASKED = {
    "/users/me": USER,
    "/users/svc-firstline": USER,
    "/issues/{issue}": ISSUE,
    "/issues/{issue}/comments/{comment}": "id,text,textPreview,author,created,updated,deleted,pinned,"
    "attachments,reactions,visibility,issue,usesMarkdown,hasEmail,canUpdateVisibility",
    "/issues/{issue}/attachments/{file}": "name,author,created,updated,size,extension,charset,mimeType,"
    "metaData,draft,removed,url,thumbnailURL,visibility,issue,comment",
    "/issues/{issue}/timeTracking/workItems/{work}": "id,author,creator,text,textPreview,type,created,"
    "updated,duration,date,attributes",
    "/issues/{issue}/links/106-0": "id,direction,linkType,issues",
    "/issueLinkTypes/106-1": "id,name,directed,sourceToTarget,targetToSource",
    "/tags/{tag}": "id,name,owner,visibleFor,color,untagOnResolve",
    "/savedQueries/{query}": "id,name,query,owner,visibleFor,updateableBy,issues",
    "/admin/projects/PAY": "id,shortName,name,archived,leader,plugins,description,team,customFields,iconUrl",
    "/admin/projects/PAY/team": "id,name,ringId,users,ownUsers,groups",
    "/admin/projects/ENG/customFields/Priority": "id,canBeEmpty,emptyFieldText,isPublic,field,bundle,"
    "defaultValues,project",
    "/articles/{article}": "id,idReadable,summary,content,project,parentArticle,childArticles,hasChildren,"
    "ordinal,reporter,updatedBy,created,updated,attachments,comments,tags,visibility,externalArticle,hasStar,"
    "pinnedComments",
}


@pytest.fixture
def places(bench: Any) -> dict[str, str]:
    issue = bench.file("ENG")
    path = f"/issues/{issue}"
    comment = bench.post(path + "/comments", {"text": "One"}, fields="id")["id"]
    bench.http.post(f"/api{path}/attachments", files={"file": ("a.txt", b"x")})
    article = bench.post("/articles", {"project": {"shortName": "ENG"}, "summary": "How"}, fields="id")["id"]
    work = bench.post(path + "/timeTracking/workItems", {"duration": {"minutes": 5}}, fields="id")["id"]
    return {
        "issue": issue,
        "comment": comment,
        "file": bench.get(path + "/attachments", fields="id")[0]["id"],
        "work": work,
        "tag": bench.post("/tags", {"name": "seen"}, fields="id")["id"],
        "query": bench.post("/savedQueries", {"name": "mine", "query": "project: ENG"}, fields="id")["id"],
        "article": article,
    }


@pytest.mark.parametrize("path", ASKED)
def test_no_attribute_is_dropped(bench: Any, places: dict[str, str], path: str) -> None:
    found = bench.get(path.format(**places), fields=ASKED[path])
    assert set(found) == {*ASKED[path].split(","), "$type"}
