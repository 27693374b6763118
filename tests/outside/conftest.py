"""The stand-in over a port, and programs of other people installed beside it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from data.clock import SystemClock
from data.sandbox.world import WorldConfig, build_world
from data.sandbox.youtrack.app import create_app
from data.sandbox.youtrack.loading import load
from data.sandbox.youtrack.state import build_project
from data.sandbox.youtrack.webhooks import Emitter
from data.settings import SANDBOX_TOKEN

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".outside"
PINS: dict[str, dict[str, str]] = tomllib.loads((HERE / "pins.toml").read_text())
AWAY = re.compile(
    r"name resolution|Connection(Error| refused| reset)|Max retries|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
    r"|ECONNREFUSED|NewConnectionError|ReadTimeout"
)
FIELDS = [
    ("Type", "enum[1]", ["Bug", "Feature", "Task"], "Task"),
    ("Priority", "enum[1]", ["Critical", "Major", "Normal", "Minor"], "Normal"),
    ("State", "state[1]", ["Open", "In Progress", "!Fixed"], "Open"),
    ("Assignee", "user[1]", [], None),
]


@dataclass
class Desk:
    """The served stand-in: the helpdesk project PAY with a history, and the standard project DEMO."""

    url: str
    token: str
    demo_id: str
    http: httpx.Client

    def get(self, path: str, fields: str, **params: Any) -> Any:
        answer = self.http.get(f"/api{path}", params={"fields": fields, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def desk() -> Iterator[Desk]:
    world = build_world(WorldConfig(seed=11, months=1, tickets_per_day=12, live_days=2, live_per_day=15))
    state = load(world)
    tracker = state.tracker
    demo = build_project("DEMO", "Demonstration", FIELDS, number=4, helpdesk=False)
    tracker.add_project(demo)
    demo.team.members.update(tracker.project.team.members)
    emitter = Emitter("", "unused", 0.0, SystemClock(), random.Random(3))
    server = uvicorn.Server(uvicorn.Config(create_app(state, emitter), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20) as http:
        yield Desk(url, SANDBOX_TOKEN, demo.id, http)
    server.should_exit = True
    thread.join(timeout=10)


@dataclass
class Judgement:
    """What one client did: operation -> what went wrong, None where nothing did."""

    client: str
    version: str
    operations: dict[str, str | None] = field(default_factory=dict)

    def read(self, lines: str) -> None:
        """Take the lines `{"operation": ..., "error": ...}` that a driver printed."""
        for line in lines.splitlines():
            if line.startswith('{"operation"'):
                fact = json.loads(line)
                self.operations[fact["operation"]] = fact["error"]

    def try_(self, operation: str, call: Callable[[], Any]) -> Any:
        """Do one operation and note how it went."""
        try:
            found = call()
        except Exception as error:  # whatever another program's driver raises is the finding
            self.operations[operation] = f"{type(error).__name__}: {error}"[:600]
            return None
        self.operations[operation] = None
        return found

    def check(self, at_least: int) -> None:
        """Fail with every operation that went wrong."""
        wrong = {name: error for name, error in self.operations.items() if error is not None}
        assert not wrong, "\n".join(f"{name}: {error}" for name, error in wrong.items())
        assert len(self.operations) >= at_least, sorted(self.operations)


JUDGEMENTS: list[Judgement] = []


@pytest.fixture
def judge() -> Callable[[str, str], Judgement]:
    def start(client: str, version: str) -> Judgement:
        made = Judgement(client, version)
        JUDGEMENTS.append(made)
        return made

    return start


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not JUDGEMENTS:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(f"{'client':34} {'version':18} operations  passed")
    for j in JUDGEMENTS:
        passed = sum(error is None for error in j.operations.values())
        terminalreporter.write_line(f"{j.client:34} {j.version:18} {len(j.operations):10}  {passed:6}")


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run an installation; skip only where the registry cannot be reached."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, **more)
    if done.returncode:
        told = done.stdout + done.stderr
        if AWAY.search(told):
            pytest.skip(f"the package registry cannot be reached: {told.strip().splitlines()[-1][:200]}")
        pytest.fail(f"{' '.join(command)} failed:\n{told[-3000:]}")
    return done


def python_312() -> str | None:
    """Return an interpreter that is 3.12 or newer, or None; pyenv's shims are asked too."""
    names = ["python3.12", "python3.13", "python3.14", "python3"]
    found = [p for p in (shutil.which(n) for n in names) if p]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(p) for p in sorted(pyenv.glob("3.1[2-9]*/bin/python"))]
    for candidate in found:
        code = "import sys; sys.exit(sys.version_info[:2] < (3, 12))"
        if subprocess.run([candidate, "-c", code], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def python_environment(package: str, interpreter: str) -> Path:
    """Return the folder of programs of an environment that has the pinned package."""
    version = PINS["pypi"][package]
    home = CACHE / f"{package}-{version}"
    stamp = home / ".installed"
    if not stamp.exists():
        shutil.rmtree(home, ignore_errors=True)
        run([interpreter, "-m", "venv", str(home)])
        run([str(home / "bin/python"), "-m", "pip", "install", "-q", f"{package}=={version}"])
        stamp.touch()
    return home / "bin"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Return the folder with every pinned npm package."""
    if shutil.which("npm") is None:
        pytest.fail("npm is missing: `apt-get install npm`; it judges the stand-in's API from outside")
    wanted = [f"{name}@{version}" for name, version in PINS["npm"].items()]
    home = CACHE / "npm"
    stamp = home / ".installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(wanted):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text('{"name": "outside", "private": true}')
        run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *wanted], cwd=home)
        stamp.write_text("\n".join(wanted))
    return home / "node_modules"


@pytest.fixture(scope="session")
def node(node_modules: Path) -> str:
    """Return the Node.js that the packages were made for."""
    for candidate in (node_modules / ".bin/node", *node_modules.glob("node-*/bin/node")):
        asked = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith("v22."):
            return str(candidate)
    pytest.fail("the npm package `node` brought no Node.js 22 for this machine")


@pytest.fixture(scope="session")
def pins() -> dict[str, dict[str, str]]:
    return PINS


@pytest.fixture(scope="session")
def environment() -> Callable[[str], Path]:
    """Give the folder of programs of the environment that has a pinned package."""
    return lambda package: python_environment(package, sys.executable)


@pytest.fixture(scope="session")
def yt_environment() -> Path:
    return python_environment("youtrack-cli", sys.executable)


@pytest.fixture(scope="session")
def sdk_environment() -> Path | None:
    """Return the environment of youtrack-sdk, None where no Python 3.12 is to be had."""
    interpreter = python_312()
    return None if interpreter is None else python_environment("youtrack-sdk", interpreter)
