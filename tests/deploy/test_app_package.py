"""The package for upload, and that its rules never fail a user's change."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "deploy" / "youtrack-app"


def test_the_package_is_the_same_every_time(tmp_path: Path) -> None:
    pack = runpy.run_path(str(HOME / "pack.py"))["pack"]
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert pack(first) == pack(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as package:
        assert {"manifest.json", "settings.json", "on-change.js", "events.js", "hmac.js"} <= set(
            package.namelist()
        )
        settings = json.loads(package.read("settings.json"))
    assert settings["properties"]["apiKey"]["format"] == "secret"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_no_failure_reaches_the_users_transaction() -> None:
    script = """
    const Module = require("node:module"), load = Module._load, sent = [];
    let broken = false;
    class Connection {
      addHeader() {}
      postAsync(path, query, body) { if (broken) throw new Error("no"); sent.push(JSON.parse(body)); }
    }
    const api = {http: {Connection}, entities: {Issue: {onChange: (rule) => rule}}};
    Module._load = (n, ...r) => n.startsWith("@jetbrains/") ? api[n.split("/").pop()] : load(n, ...r);
    console.error = console.warn = () => {};
    const {rule} = require("./on-change.js");
    const issue = {id: "PAY-1", project: {key: "PAY"}, isReported: true, becomesReported: true};
    const settings = {serviceUrl: "https://x", signingKey: "k".repeat(32), serviceLogin: "svc"};
    const ctx = (over) => ({issue, settings, currentUser: {login: "kim"}, ...over});
    const guards = [ctx({}), ctx({currentUser: {login: "svc"}}), ctx({issue: null}), {},
                    ctx({settings: {...settings, sendEvents: false}})].map((c) => rule.guard(c));
    rule.action(ctx({}));
    rule.action(ctx({settings: {...settings, signingKey: "secret"}}));
    broken = true;
    rule.action(ctx({}));
    rule.asyncFunctions.afterSending({});
    console.log(JSON.stringify({guards, sent}));
    """
    done = subprocess.run(["node", "-e", script], capture_output=True, cwd=HOME / "app", timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["guards"] == [True, False, False, False, False]
    (event,) = found["sent"]
    assert (event["issue"], event["project"], event["kinds"]) == ("PAY-1", "PAY", {"created": True})
    assert set(event) == {"v", "issue", "project", "at", "kinds"}


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_only_an_event_that_did_not_arrive_is_warned_of() -> None:
    script = """
    const Module = require("node:module"), load = Module._load, said = [];
    Module._load = (n, ...r) => n.startsWith("@jetbrains/") ? {} : load(n, ...r);
    console.warn = (line) => said.push(line);
    const {afterSending} = require("./events.js");
    for (const response of [{code: 202, isSuccess: true}, {code: 409, isSuccess: false},
                            {code: 401, isSuccess: false}, {code: 503, isSuccess: false}, null]) {
      afterSending({response});
    }
    console.log(JSON.stringify(said));
    """
    done = subprocess.run(["node", "-e", script], capture_output=True, cwd=HOME / "app", timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert [line.rpartition(" ")[2] for line in json.loads(done.stdout)] == ["401", "503", "answer"]
