"""The inbox: an event is kept once, in order, within its bound; what was dealt with is forgotten in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from data.store import Store, inbox
from data.store.inbox import Receipt
from data.store.schema import inbox as table

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


def offer(
    store: Store,
    key: str,
    webhook_id: str | None = None,
    second: int | None = None,
    *,
    room: int = 99,
    now: datetime = NOW,
    body: bytes = b"{}",
) -> Receipt:
    signed = None if second is None else at(second)
    with store.write() as conn:
        return inbox.accept(conn, key, body, now, room=room, webhook_id=webhook_id, signed_at=signed)


def test_a_row_says_everything_that_is_known(store: Store) -> None:
    assert offer(store, "k", "m", 5, now=at(7), body="h\u00e4".encode()) is Receipt.NEW
    assert offer(store, "q", body=b"\xff{") is Receipt.NEW
    with store.read() as conn:
        first, second = conn.execute(select(table).order_by(table.c.event_key)).all()
    assert (first.event_key, first.body, first.received_at, first.processed_at) == ("k", "hä", at(7), None)
    assert (first.webhook_id, first.signed_at) == ("m", at(5))
    assert (second.body, second.webhook_id, second.signed_at) == ("\ufffd{", None, None)


def test_a_newer_signature_takes_the_place_of_the_older(store: Store) -> None:
    offer(store, "other", "o", 1)
    offer(store, "k", "m1", 5)
    assert offer(store, "k", "m2", 6) is Receipt.DUPLICATE
    with store.read() as conn:
        rows = {r.event_key: (r.webhook_id, r.signed_at) for r in conn.execute(select(table))}
    assert rows == {"k": ("m2", at(6)), "other": ("o", at(1))}


def test_a_message_without_a_signature_leaves_the_signature_that_is_there(store: Store) -> None:
    offer(store, "k", "m", 5)
    assert offer(store, "k") is Receipt.DUPLICATE
    assert offer(store, "k", "m", 5) is Receipt.REPLAYED


def test_an_event_first_seen_without_a_signature_takes_one(store: Store) -> None:
    offer(store, "k")
    assert offer(store, "k", "m", 5) is Receipt.DUPLICATE
    assert offer(store, "k", "m", 5) is Receipt.REPLAYED


def test_another_event_under_a_known_id_counts_once_its_signature_is_newer(store: Store) -> None:
    offer(store, "k1", "m", 5)
    assert offer(store, "k2", "m", 5) is Receipt.REPLAYED
    assert offer(store, "k2", "m", 6) is Receipt.NEW
    assert offer(store, "k3", None, 1) is Receipt.NEW, "an event without an id shares none"
    assert offer(store, "k4", None, 1) is Receipt.NEW


@pytest.mark.parametrize(("room", "taken"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_no_more_wait_than_there_is_room_for(store: Store, room: int, taken: int) -> None:
    found = [offer(store, f"k{n}", room=max(room, 1)) for n in range(4)]
    assert found == [Receipt.NEW] * taken + [Receipt.FULL] * (4 - taken)
    assert offer(store, "k0", room=1) is Receipt.DUPLICATE
    with store.write() as conn:
        assert inbox.count(conn) == taken
        inbox.processed(conn, ["k0"], NOW)
    assert offer(store, "again", room=max(room, 1)) is Receipt.NEW


def test_no_room_at_all_is_room_for_one(store: Store) -> None:
    assert [offer(store, f"k{n}", room=0) for n in range(2)] == [Receipt.NEW, Receipt.FULL]


def test_the_oldest_come_first_and_no_more_than_asked_for(store: Store) -> None:
    for key, second in (("c", 1), ("b", 2), ("a", 2), ("d", 0)):
        offer(store, key, now=at(second), body=f'"{key}"'.encode())
    with store.write() as conn:
        assert inbox.pending(conn) == [("d", '"d"'), ("c", '"c"'), ("a", '"a"'), ("b", '"b"')]
        assert [k for k, _ in inbox.pending(conn, 2)] == ["d", "c"]
        inbox.processed(conn, ["c", "unknown"], NOW)
        inbox.processed(conn, [], NOW)
        assert [k for k, _ in inbox.pending(conn)] == ["d", "a", "b"]
        assert inbox.count(conn) == 4


def test_what_was_dealt_with_before_a_moment_is_forgotten(store: Store) -> None:
    for key in "abc":
        offer(store, key)
    with store.write() as conn:
        inbox.processed(conn, ["a"], at(1))
        inbox.processed(conn, ["b"], at(2))
        assert inbox.forget(conn, at(1)) == 0
        assert inbox.forget(conn, at(2)) == 1
        assert inbox.count(conn) == 2
    assert offer(store, "b") is Receipt.DUPLICATE
    assert offer(store, "a") is Receipt.NEW


def test_many_are_marked_at_once(store: Store) -> None:
    keys = [f"k{n}" for n in range(1100)]
    with store.write() as conn:
        for key in keys:
            inbox.accept(conn, key, b"{}", NOW, room=9999)
        assert len(inbox.pending(conn)) == 500
        inbox.processed(conn, keys, NOW)
        assert inbox.pending(conn) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["m", "n", None]), st.integers(0, 4)), max_size=12
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_signature_that_was_taken_is_never_taken_again(
    store: Store, offers: list[tuple[str, str | None, int]]
) -> None:
    with store.write() as conn:
        inbox.processed(conn, [k for k, _ in inbox.pending(conn)], NOW)
        inbox.forget(conn, NOW + timedelta(days=9))
    good: set[tuple[str, str | None, int]] = set()
    for one in offers:
        result = offer(store, *one)
        assert result in (Receipt.NEW, Receipt.DUPLICATE, Receipt.REPLAYED)
        if one in good:
            assert result is Receipt.REPLAYED
        elif result is not Receipt.REPLAYED:
            good.add(one)
    with store.read() as conn:
        assert inbox.count(conn) <= 2
