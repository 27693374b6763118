"""Write the exact lock files from what is installed: `python requirements/freeze.py`.

`core.lock` is the closure of the package's dependencies and of the `train` extra, `dev.lock` what the
`dev` extra adds. Both are installed with `--no-deps`, so that no resolver runs on a user's machine;
torch is left to a step of its own before them (its CPU build is only found that way).
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
BUILD = ["setuptools", "pip"]
OTHERS_STEP = {"torch"}


def closure(wanted: list[str]) -> dict[str, str]:
    """Return canonical name -> version of everything `wanted` needs here, itself included."""
    found: dict[str, str] = {}
    queue = [Requirement(w) for w in wanted]
    seen: set[tuple[str, str]] = set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if (name, ",".join(sorted(requirement.extras))) in seen:
            continue
        seen.add((name, ",".join(sorted(requirement.extras))))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = installed.version
        for text in installed.requires or []:
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                queue.append(needed)
    return found


def main() -> None:
    """Write both files; `dev.lock` holds only what `core.lock` does not."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    core = closure([*project["dependencies"], *extras["train"], *BUILD])
    dev = {n: v for n, v in closure(extras["dev"]).items() if n not in core}
    for file, packages in (("core.lock", core), ("dev.lock", dev)):
        lines = [f"{n}=={v}" for n, v in sorted(packages.items()) if n not in OTHERS_STEP]
        (HERE / file).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
