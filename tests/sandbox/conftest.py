"""One full-size world and one small one for this folder's tests."""

from __future__ import annotations

import pytest

from data.sandbox.world import World, WorldConfig, build_world

SMALL = WorldConfig(seed=11, months=1, tickets_per_day=12, live_days=2, live_per_day=15)


@pytest.fixture(scope="session")
def world() -> World:
    """The default world."""
    return build_world(WorldConfig())


@pytest.fixture(scope="session")
def small_world() -> World:
    """A month of a small desk."""
    return build_world(SMALL)
