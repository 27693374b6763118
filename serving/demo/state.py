"""What an interrupted demo has already done, so that the next run continues there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import SettingsError


@dataclass
class DemoState:
    """Finished stages with their seconds and results. `world` is the simulated desk they belong to."""

    path: Path
    world: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    complete: bool = False

    def save(self) -> None:
        """Write the file in one step: a reader sees the old or the new state, never half of one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        facts = {k: v for k, v in self.__dict__.items() if k != "path"}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        partial.replace(self.path)

    def finish(self, stage: str, seconds: float, result: Any) -> None:
        """Record one finished stage."""
        self.seconds[stage] = round(seconds, 1)
        self.results[stage] = result
        self.save()


def open_state(home: Path, world: dict[str, Any]) -> DemoState:
    """Continue an interrupted run of the same world, else start afresh.

    Starting afresh removes the store of the earlier demo. A store that no demo made is never touched:
    `SettingsError` says how to keep both.
    """
    path, store = home / "demo" / "state.json", home / "firstline.db"
    earlier = _read(path)
    if earlier is not None and earlier.get("world") == world and not earlier.get("complete"):
        return DemoState(path, **earlier)
    if earlier is None and store.exists():
        raise SettingsError(
            f"{store} holds data that did not come from a demo.",
            remedy="Run the demo with another home, for example FIRSTLINE_HOME=var-demo make demo.",
        )
    for file in (store, *home.glob("firstline.db-*")):
        file.unlink(missing_ok=True)
    state = DemoState(path, world)
    state.save()
    return state


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}  # ours, but unreadable: start afresh
    return facts if isinstance(facts, dict) else {}
