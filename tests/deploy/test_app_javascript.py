"""The app's JavaScript: its own tests in Node, and its linter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / "deploy" / "youtrack-app"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_tests_in_node_pass() -> None:
    files = sorted(str(path.relative_to(HOME)) for path in (HOME / "tests").glob("*.test.mjs"))
    assert len(files) >= 2
    command = ["node", "--test", "--test-reporter=tap", *files]
    env = {**os.environ, "TZ": "UTC"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=HOME, timeout=120, env=env)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.M)
    assert passed and int(passed[1]) >= 20


def test_the_lock_pins_every_tool_and_names_no_registry() -> None:
    tools = json.loads((HOME / "package.json").read_text())["devDependencies"]
    lock = json.loads((HOME / "package-lock.json").read_text())["packages"]
    for name, version in tools.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is not pinned"
        assert lock[f"node_modules/{name}"]["version"] == version
    for name, entry in lock.items():
        assert "resolved" not in entry, name
        assert name == "" or entry["integrity"].startswith("sha512-"), name


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(["make", "app-lint"], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
