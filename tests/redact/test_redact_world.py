"""The promised recall, on a smaller sandbox world than the benchmark's and with another seed."""

from __future__ import annotations

import json

import pytest

from data.sandbox.world import World, WorldConfig, build_world
from eval.benchmarks.redaction import NAMES_BAR, STRUCTURED_BAR, directory_of, main, measure, report, table


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(WorldConfig(seed=11, months=2, tickets_per_day=28.0))


def test_recall_and_precision_meet_the_bars(world: World) -> None:
    found = report(world)
    assert found["passed"], table(found)
    structured, names = found["structured"], found["names"]
    assert isinstance(structured, dict)
    assert isinstance(names, dict)
    assert structured["n"] >= 150
    assert structured["value"] >= STRUCTURED_BAR
    assert names["n"] >= 600
    assert names["low"] >= NAMES_BAR
    alone = found["structured_without_directory"]
    assert isinstance(alone, dict)
    assert alone["value"] >= 0.98
    known = found["with_directory"]
    assert isinstance(known, dict)
    assert known["precision"]["person"]["value"] >= 0.99


def test_the_measure_notices_what_is_missed(world: World) -> None:
    tickets = world.history[:400]
    directory = measure(tickets, directory_of(world))
    nothing = measure(tickets, [])
    assert nothing.recall["person"].value < 0.5 < directory.recall["person"].value
    assert any(line.startswith("person: ") for line in nothing.missed)


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--months", "1", "--tickets-per-day", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert set(found["with_directory"]["recall"]) >= {"person", "email", "employee_id"}
