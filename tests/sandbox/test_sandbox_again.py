"""A desk that is served again: nothing new may look like something that was there before the restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from data.clock import to_millis
from data.sandbox.world import WorldConfig, build_world
from data.sandbox.youtrack.loading import SandboxState, file_ticket, go_on, load

CONFIG = WorldConfig(seed=3, months=1, clients=4, tickets_per_day=4, live_per_day=3)
STOPPED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def filed(state: SandboxState, count: int) -> list[tuple[str, str, int]]:
    """File so many live tickets with a comment each; return database id, readable id and time."""
    found = []
    for ticket in state.world.live[:count]:
        at = to_millis(state.clock.now())
        issue = file_ticket(state, ticket, at)
        state.tracker.add_comment(issue, issue.reporter, at, "One more thing.", internal=False)
        found.append((issue.id, issue.readable_id, at))
    return found


def test_after_a_restart_new_tickets_have_new_ids_and_later_times() -> None:
    world = build_world(CONFIG)
    first = load(world)
    before = filed(first, 40)
    again = load(world)
    go_on(again, STOPPED)
    after = filed(again, 40)
    once_more = load(world)
    go_on(once_more, STOPPED + timedelta(minutes=1))
    last = filed(once_more, 1)
    everything = [*before, *after, *last]
    assert len({entity for entity, _, _ in everything}) == len(everything)
    assert not {readable for _, readable, _ in before} & {readable for _, readable, _ in after}
    assert max(at for _, _, at in before) < min(at for _, _, at in after)
    assert max(at for _, _, at in after) < last[0][2]
    live_ends = to_millis(world.end + timedelta(days=CONFIG.live_days))
    assert min(at for _, _, at in after) >= live_ends
    comments = [c.id for state in (first, again) for i in state.tracker.issues.values() for c in i.comments]
    history = [c.id for i in load(world).tracker.issues.values() for c in i.comments]
    assert len(set(comments)) == len(comments) - len(history)
