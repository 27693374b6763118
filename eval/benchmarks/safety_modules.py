"""The modules on which safety rests, and the tests that guard each: `tests/safety_modules.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
LIST = Path("tests/safety_modules.toml")


@dataclass(frozen=True, slots=True)
class SafetyModule:
    """One module. `tests` are files or folders of tests; `postgres`: its mutants meet PostgreSQL, too."""

    path: str
    tests: tuple[str, ...]
    postgres: bool = False


def safety_modules(only: Sequence[str] = (), root: Path = ROOT) -> list[SafetyModule]:
    """Return the modules listed under `root`, or those of them whose paths are in `only`.

    Raises `SettingsError` where the list names a file that does not exist, or `only` one that is not listed.
    """
    entries = tomllib.loads((root / LIST).read_text(encoding="utf-8"))["module"]
    found = [SafetyModule(e["path"], tuple(e["tests"]), bool(e.get("postgres", False))) for e in entries]
    gone = [n for m in found for n in (m.path, *m.tests) if not (root / n).exists()]
    if gone:
        raise SettingsError(
            f"{LIST} names what does not exist: {', '.join(gone)}.", remedy="Correct the list."
        )
    if unknown := set(only) - {m.path for m in found}:
        raise SettingsError(
            f"No safety module: {', '.join(sorted(unknown))}.", remedy=f"Name files that {LIST} lists."
        )
    return [m for m in found if not only or m.path in only]
