"""Programs that none of us wrote do their ordinary work against the stand-in.

They are installed by the test run itself, each into an environment of its own under `.outside/`; their
exact versions stand in `pins.toml`. The table at the end says what each of them did.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
HERE = Path(__file__).parent


def driven(command: list[str], **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_youtrack_sdk(desk: Any, judge: Any, pins: Any, sdk_environment: Path | None) -> None:
    if sdk_environment is None:
        pytest.skip("youtrack-sdk needs Python 3.12 or newer, and this machine has none")
    judged = judge("youtrack-sdk (PyPI)", pins["pypi"]["youtrack-sdk"])
    desk.http.post("/api/tags", json={"name": "outside"})
    driver = [str(sdk_environment / "python"), str(HERE / "sdk_operations.py")]
    judged.read(driven([*driver, desk.url, desk.token, desk.demo_id]))
    judged.check(at_least=35)


def test_youtrack_rest_client(desk: Any, judge: Any, pins: Any, node: str, node_modules: Path) -> None:
    judged = judge("youtrack-rest-client (npm)", pins["npm"]["youtrack-rest-client"])
    driver = [node, str(HERE / "rest_client_operations.js")]
    judged.read(driven([*driver, desk.url, desk.token, desk.demo_id, str(node_modules)]))
    judged.check(at_least=24)


def test_youtrack_cli(desk: Any, judge: Any, pins: Any, yt_environment: Path, tmp_path: Path) -> None:
    judged = judge("youtrack-cli (PyPI)", pins["pypi"]["youtrack-cli"])
    env = {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "COLUMNS")},
        "HOME": str(tmp_path),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "YOUTRACK_BASE_URL": desk.url,
        "YOUTRACK_TOKEN": desk.token,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }

    def yt(*words: str) -> str:
        command = [str(yt_environment / "yt"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)
        told = done.stdout + done.stderr
        # It exits with 0 after some failures too, and says so with a cross.
        assert done.returncode == 0 and "❌" not in told, told[-1500:]
        return done.stdout

    def shown(*words: str) -> Any:
        out = yt(*words, "--format", "json")
        return json.loads(out[min(i for i in (out.find("["), out.find("{")) if i >= 0) :])

    def read_issue(issue_id: str) -> dict[str, Any]:
        fields = "summary,customFields(name,value(name,login)),tags(name),comments(id,text),attachments(name)"
        issue: dict[str, Any] = desk.get(f"/issues/{issue_id}", fields)
        issue["fields"] = {
            f["name"]: f["value"] and (f["value"].get("login") or f["value"].get("name"))
            for f in issue["customFields"]
        }
        return issue

    def expect(condition: Any, seen: Any) -> None:
        assert condition, seen

    do = judged.try_
    do("list projects", lambda: expect("DEMO" in yt("projects", "list"), "DEMO"))
    do("list fields", lambda: expect("Priority" in yt("projects", "fields", "DEMO"), "Priority"))
    do("list users", lambda: expect("svc-firstline" in yt("users", "list"), "users"))
    do(
        "create issue",
        lambda: yt("issues", "create", "DEMO", "Made by yt", "-d", "Words", "-t", "Bug", "-p", "Major"),
    )
    newest = desk.get("/issues", "id,idReadable", query="project: DEMO sort by: created desc", **{"$top": 1})[
        0
    ]
    key = newest["idReadable"]
    do("created as asked", lambda: expect(read_issue(key)["fields"]["Type"] == "Bug", read_issue(key)))
    do(
        "search",
        lambda: expect(
            any(i["idReadable"] == key for i in shown("issues", "search", "project: DEMO summary: Made")), key
        ),
    )
    do("list", lambda: expect(key in yt("issues", "list", "-p", "DEMO"), key))
    do("show", lambda: expect("Made by yt" in yt("issues", "show", key), key))
    do("update summary", lambda: yt("issues", "update", key, "-s", "Changed by yt"))
    do("summary is changed", lambda: expect(read_issue(key)["summary"] == "Changed by yt", read_issue(key)))
    do("set priority", lambda: yt("issues", "update", key, "-p", "Critical"))
    do(
        "priority is set",
        lambda: expect(read_issue(key)["fields"]["Priority"] == "Critical", read_issue(key)),
    )
    do("move state", lambda: yt("issues", "move", key, "-s", "In Progress"))
    do("state is set", lambda: expect(read_issue(key)["fields"]["State"] == "In Progress", read_issue(key)))
    do("assign", lambda: yt("issues", "assign", key, "svc-firstline"))
    do(
        "assignee is set",
        lambda: expect(read_issue(key)["fields"]["Assignee"] == "svc-firstline", read_issue(key)),
    )
    do("add comment", lambda: yt("issues", "comments", "add", key, "A word"))
    do("list comments", lambda: expect("A word" in yt("issues", "comments", "list", key), key))
    comment = (read_issue(key)["comments"] or [{"id": "none"}])[0]["id"]
    do("edit comment", lambda: yt("issues", "comments", "update", key, comment, "Another word"))
    do("add tag", lambda: yt("issues", "tag", "add", key, "from-yt", "--create-if-missing"))
    do("list tags", lambda: expect("from-yt" in yt("issues", "tag", "list", key), key))
    yt_other = desk.http.post(
        "/api/issues",
        params={"fields": "idReadable"},
        json={"project": {"id": desk.demo_id}, "summary": "Other"},
    ).json()["idReadable"]
    do("link types", lambda: expect("Relates" in yt("issues", "links", "types"), "Relates"))
    do("link", lambda: yt("issues", "links", "create", key, yt_other, "relates to"))
    do("list links", lambda: expect(yt_other in yt("issues", "links", "list", key), key))
    file = tmp_path / "note.txt"
    file.write_text("hello")
    do("attach", lambda: yt("issues", "attach", "upload", key, str(file)))
    do("list attachments", lambda: expect("note.txt" in yt("issues", "attach", "list", key), key))
    do("log time", lambda: yt("time", "log", key, "1h 30m", "-desc", "Looked"))
    do("list time", lambda: expect(len(shown("time", "list", "--issue", key)) == 1, key))
    do("boards", lambda: yt("boards", "list"))
    _articles(desk, judged, yt, file)
    do("delete issue", lambda: yt("issues", "delete", yt_other, "--force"))
    judged.check(at_least=40)


def _articles(desk: Any, judged: Any, yt: Callable[..., str], file: Path) -> None:
    def newest() -> str:
        rows = desk.get("/admin/projects/DEMO/articles", "idReadable,created", **{"$top": 100})
        return str(max(rows, key=lambda a: a["created"])["idReadable"]) if rows else "DEMO-A-0"

    def contains(text: str, *words: str) -> None:
        out = yt(*words)
        assert text in out, out

    do = judged.try_
    do("create article", lambda: yt("articles", "create", "Paper jam", "-c", "# Open the lid", "-p", "DEMO"))
    parent = newest()
    do(
        "create child article",
        lambda: yt("articles", "create", "Deep jam", "-c", "Pull", "-p", "DEMO", "--parent-id", parent),
    )
    do("list articles", lambda: contains("Paper jam", "articles", "list", "-p", "DEMO"))
    do("article tree", lambda: contains("Deep jam", "articles", "tree", "-p", "DEMO"))
    do("search articles", lambda: contains("Paper jam", "articles", "search", "Paper"))
    do("edit article", lambda: yt("articles", "edit", parent, "-c", "# Open the lid, slowly"))

    def edited() -> None:
        found = desk.get(f"/articles/{parent}", "content,childArticles(summary),hasChildren")
        assert found["content"] == "# Open the lid, slowly" and found["hasChildren"], found

    do("article is edited", edited)
    do("comment article", lambda: yt("articles", "comments", "add", parent, "Helped me"))
    do("list article comments", lambda: contains("Helped me", "articles", "comments", "list", parent))
    do("attach to article", lambda: yt("articles", "attach", "upload", parent, str(file)))
    do("list article attachments", lambda: contains("note.txt", "articles", "attach", "list", parent))
    do("tag article", lambda: yt("articles", "tag", parent, "from-yt"))


def test_youtrack_mcp(
    desk: Any, judge: Any, pins: Any, node: str, node_modules: Path, tmp_path: Path
) -> None:
    sys.path.insert(0, str(HERE))
    from mcp_conversation import Conversation

    name = "@vitalyostanin/youtrack-mcp"
    judged = judge(f"{name} (npm)", pins["npm"][name])
    env = {
        **os.environ,
        "YOUTRACK_URL": desk.url,
        "YOUTRACK_TOKEN": desk.token,
        "YOUTRACK_DEFAULT_PROJECT": "DEMO",
        "YOUTRACK_OUTPUT_DIR": str(tmp_path),
    }
    tool = Conversation([node, str(node_modules / name / "dist/index.js")], env, tmp_path)
    try:
        _converse(tool, judged, tmp_path, desk.demo_id)
    finally:
        tool.close()
    judged.check(at_least=35)


def _converse(tool: Any, judged: Any, folder: Path, demo: str) -> None:
    def do(operation: str, name: str | None = None, /, *, has: str = "", **arguments: Any) -> Any:
        def call() -> Any:
            found = tool(name or operation, **arguments)
            told = json.dumps(found, ensure_ascii=False)
            assert has in told, told[:600]
            return found

        return judged.try_(operation, call)

    def key_of(found: Any, pattern: str = r"DEMO-\d+") -> str:
        hit = re.search(rf'"idReadable": "({pattern})"', json.dumps(found))
        return hit[1] if hit else "DEMO-0"

    do("service_info")
    do("user_current", has="svc-firstline")
    do("user_get", login="svc-firstline", has="svc-firstline")
    do("users_list", has="svc-firstline")
    do("projects_list", has="DEMO")
    do("project_get", shortName="DEMO", has="Demonstration")
    key = key_of(do("issue_create", summary="Made over MCP", description="Words", projectId=demo))
    other = key_of(do("issue_create again", "issue_create", summary="The other", projectId=demo))
    do("issue_lookup", issueId=key, has="Made over MCP")
    do("issue_details", issueId=key, has="Made over MCP")
    do("issues_details", issueIds=[key, other], has="The other")
    do("issue_update", issueId=key, summary="Changed over MCP")
    do("issue_status", issueId=key)
    do("issue_change_state", issueId=key, stateName="In Progress")
    do("issue_change_type", issueId=key, typeName="Bug")
    do("issue_assign", issueId=key, assigneeLogin="svc-firstline")
    do("changes are there", "issue_details", issueId=key, has="Changed over MCP")
    do("issues_search", query="Changed", projects=["DEMO"], has=key)
    do("issues_list", projectIds=["DEMO"], has=key)
    do("issues_count", projectIds=["DEMO"])
    comment = do("issue_comment_create", issueId=key, text="One")
    hit = re.search(r'"id": "(7-\d+)"', json.dumps(comment))
    do("issue_comment_update", issueId=key, commentId=hit[1] if hit else "7-0", text="Two")
    do("issue_comments", issueId=key, has="Two")
    do("issue_link_types", has="Relates")
    do("issue_link_add", sourceId=key, targetId=other, linkType="Relates")
    do("issue_links", issueId=key, has=other)
    file = folder / "seen.txt"
    file.write_text("hello")
    do("issue_attachment_upload", issueId=key, filePaths=[str(file)], has="seen.txt")
    do("issue_attachments_list", issueId=key, has="seen.txt")
    do("issue_activities", issueId=key, has="CustomFieldCategory")
    do("issue_star", issueId=key)
    do("issue_unstar", issueId=key)
    do("workitem_create", issueId=key, date="2026-11-02", minutes=45, summary="Looked")
    do("workitems_list", issueId=key, startDate="2026-11-01", endDate="2026-11-05", has="45")
    article = do("article_create", summary="Toner", content="Shake it", projectId=demo)
    name = key_of(article, r"DEMO-A-\d+")
    do("article_get", articleId=name, has="Shake it")
    do("article_update", articleId=name, content="Shake it gently")
    do("article_list", projectId="DEMO", has="Toner")
    do("articles_search", query="Toner", has="Toner")


def test_youtrack_app_tools(
    desk: Any, judge: Any, pins: Any, node: str, node_modules: Path, tmp_path: Path
) -> None:
    name = "@jetbrains/youtrack-apps-tools"
    judged = judge(f"{name} (npm)", pins["npm"][name])
    app = tmp_path / "outside-app"
    app.mkdir()
    manifest = {"name": "outside-app", "title": "Outside", "description": "A test.", "version": "1.0.0"}
    (app / "manifest.json").write_text(json.dumps(manifest))
    (app / "rule.js").write_text("exports.rule = {};\n")

    def tools(*words: str) -> str:
        script = str(node_modules / name / "bin/youtrack-app")
        command = [node, script, *words, "--host", desk.url, "--token", desk.token]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
        told = done.stdout + done.stderr
        assert done.returncode == 0 and "rror" not in told, told[-1500:]
        return told

    judged.try_("upload", lambda: tools("upload", str(app)))

    def listed() -> None:
        out = tools("list")
        assert "outside-app" in out, out

    judged.try_("list", listed)

    def downloaded() -> None:
        tools("download", "outside-app", "--output", str(tmp_path / "down"))
        found = list((tmp_path / "down").rglob("manifest.json"))
        assert found and json.loads(found[0].read_text()) == manifest, list((tmp_path / "down").rglob("*"))

    judged.try_("download", downloaded)
    judged.check(at_least=3)
