"""An interrupted demo continues, a finished one starts afresh, foreign data is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import SettingsError
from serving.demo.processes import process_name
from serving.demo.state import open_state

WORLD = {"seed": 7, "months": 6}


def test_interrupted_run_of_the_same_world_continues(tmp_path: Path) -> None:
    state = open_state(tmp_path, WORLD)
    state.finish("sync", 3.21, {"tickets": 5})
    (tmp_path / "firstline.db").write_text("store")
    again = open_state(tmp_path, WORLD)
    assert (again.seconds, again.results) == ({"sync": 3.2}, {"sync": {"tickets": 5}})
    assert (tmp_path / "firstline.db").exists()


def test_finished_run_starts_afresh_with_a_new_store(tmp_path: Path) -> None:
    state = open_state(tmp_path, WORLD)
    state.complete = True
    state.finish("sync", 3, {})
    (tmp_path / "firstline.db").write_text("store")
    assert open_state(tmp_path, WORLD).results == {}
    assert not (tmp_path / "firstline.db").exists()


def test_another_world_starts_afresh(tmp_path: Path) -> None:
    open_state(tmp_path, WORLD).finish("sync", 3, {})
    assert open_state(tmp_path, {**WORLD, "seed": 8}).results == {}


def test_a_store_that_no_demo_made_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "firstline.db").write_text("real tickets")
    with pytest.raises(SettingsError) as caught:
        open_state(tmp_path, WORLD)
    assert "FIRSTLINE_HOME" in caught.value.remedy
    assert (tmp_path / "firstline.db").read_text() == "real tickets"


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_damaged_state_starts_afresh(tmp_path: Path, content: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "state.json").write_text(content)
    assert open_state(tmp_path, WORLD).results == {}


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["/x/python", "/x/firstline", "train", "r.yaml"], "train"),
        (["/x/python", "/x/firstline", "sandbox", "serve"], "sandbox"),
        (["/x/python", "-m", "bentoml", "serve"], "service"),
        (["/x/python", "/x/firstline", "worker"], "worker"),
        (["/x/python", "-m", "mlflow", "server"], "mlflow"),
        (["sh"], "other"),
    ],
)
def test_processes_are_named_by_what_they_run(command: list[str], name: str) -> None:
    assert process_name(command) == name
