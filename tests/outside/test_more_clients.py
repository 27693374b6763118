"""More programs that none of us wrote: every noun of the API, and the settings of administrators."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
HERE = Path(__file__).parent


def driven(command: list[str]) -> str:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_youtrack_client(desk: Any, judge: Any, pins: Any, node: str, node_modules: Path) -> None:
    judged = judge("youtrack-client (npm)", pins["npm"]["youtrack-client"])
    driver = [node, str(HERE / "client_operations.cjs")]
    judged.read(driven([*driver, desk.url, desk.token, desk.demo_id, str(node_modules)]))
    judged.check(at_least=101)


def test_generated_client(desk: Any, judge: Any, pins: Any, environment: Any) -> None:
    judged = judge("youtrack-rest-client (PyPI)", pins["pypi"]["youtrack-rest-client"])
    driver = [str(environment("youtrack-rest-client") / "python"), str(HERE / "openapi_operations.py")]
    judged.read(driven([*driver, desk.url, desk.token, desk.demo_id]))
    judged.check(at_least=80)


def test_youtrack_lap(desk: Any, judge: Any, pins: Any, environment: Any) -> None:
    judged = judge("youtrack-lap (PyPI)", pins["pypi"]["youtrack-lap"])
    driver = [str(environment("youtrack-lap") / "python"), str(HERE / "lap_operations.py")]
    judged.read(driven([*driver, desk.url, desk.token, desk.demo_id]))
    judged.check(at_least=12)


def test_jetbrains_youtrack_cli(desk: Any, judge: Any, pins: Any, environment: Any, tmp_path: Path) -> None:
    judged = judge("jetbrains-youtrack-cli (PyPI)", pins["pypi"]["jetbrains-youtrack-cli"])
    env = {**os.environ, "HOME": str(tmp_path)}
    env.pop("PYTHONPATH", None)
    program = [str(environment("jetbrains-youtrack-cli") / "yt"), "--json", "--base-url", desk.url]

    def yt(*words: str) -> Any:
        command = [*program, "--token", desk.token, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
        told = json.loads(done.stdout)
        assert done.returncode == 0 and told["ok"], done.stdout + done.stderr
        return told["data"]

    def shown(key: str) -> dict[str, Any]:
        found = yt("show", key)
        fields = {f["name"]: (f["value"] or {}).get("name") for f in found["customFields"]}
        return {**found, **fields}

    def expect(found: Any, wanted: Any) -> None:
        assert found == wanted, found

    do = judged.try_
    do("status", lambda: expect(yt("status")["login"], "svc-firstline"))
    made = do(
        "create",
        lambda: yt("create", "DEMO", "Made by jetbrains-youtrack-cli", "-d", "Words", "--type", "Bug"),
    )
    other = do("create another", lambda: yt("create", "DEMO", "The other", "--priority", "Major"))
    key, target = made["idReadable"], other["idReadable"]
    do("show", lambda: expect(shown(key)["Type"], "Bug"))
    do("list", lambda: expect(any(i["idReadable"] == key for i in yt("issues", "--all", "-p", "DEMO")), True))
    query = "project: DEMO summary: jetbrains-youtrack-cli"
    do("search", lambda: expect([i["idReadable"] for i in yt("issues", "-q", query)], [key]))
    do("sorted", lambda: yt("issues", "--all", "-p", "DEMO", "--sort", "Priority desc", "-n", "5"))
    do("mine", lambda: yt("issues"))
    do("edit summary", lambda: yt("edit", key, "--summary", "Changed"))
    do("summary is changed", lambda: expect(shown(key)["summary"], "Changed"))
    do("edit state", lambda: yt("edit", key, "--state", "In Progress", "--priority", "Critical"))
    do(
        "state is set",
        lambda: expect((shown(key)["State"], shown(key)["Priority"]), ("In Progress", "Critical")),
    )
    do("edit by command", lambda: yt("edit", key, "-c", "tag by-cli"))
    do("comment", lambda: yt("comment", key, "A word"))
    do("comment is there", lambda: expect(desk.get(f"/issues/{key}/comments", "text")[0]["text"], "A word"))
    do("link", lambda: yt("link", key, "relates_to", target))
    links = "issues(idReadable)"
    do(
        "link is there",
        lambda: expect(
            [i["idReadable"] for k in desk.get(f"/issues/{key}/links", links) for i in k["issues"]], [target]
        ),
    )
    judged.check(at_least=17)
