"""Keys as stored: when one is good, and what changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from data.access import Role
from data.store import Store, api_keys
from data.store.api_keys import StoredKey

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = StoredKey("b", "portal", Role.CLIENT, "acme", "d1", NOW, NOW + HOUR, None, NOW)
OTHER = StoredKey("a", "desk", Role.OPERATOR, None, "d2", NOW)


def test_a_key_is_good_before_its_end_and_until_it_is_revoked() -> None:
    just_before = NOW + HOUR - timedelta(microseconds=1)
    assert [KEY.good(at) for at in (NOW, just_before, NOW + HOUR)] == [True, True, False]
    assert OTHER.good(NOW + 9999 * HOUR)
    assert not replace(OTHER, revoked_at=NOW + HOUR).good(NOW)


def test_keys_come_back_as_stored_the_oldest_first(store: Store) -> None:
    oldest = replace(OTHER, key_id="c", created_at=NOW - HOUR)
    with store.write() as conn:
        for key in (KEY, OTHER, oldest):
            api_keys.add(conn, key)
    with store.read() as conn:
        assert api_keys.every(conn) == [oldest, OTHER, KEY]
        assert api_keys.get(conn, "b") == KEY
        assert isinstance(api_keys.every(conn)[0].role, Role)
        assert api_keys.get(conn, "none") is None


def test_each_change_is_of_one_key(store: Store) -> None:
    with store.write() as conn:
        for key in (KEY, OTHER):
            api_keys.add(conn, key)
        assert api_keys.revoke(conn, "b", NOW + HOUR)
        assert not api_keys.revoke(conn, "b", NOW + 2 * HOUR), "it keeps the moment of the first time"
        assert not api_keys.revoke(conn, "none", NOW)
        api_keys.used(conn, "a", NOW + HOUR)
        assert api_keys.every(conn) == [
            replace(OTHER, last_used_at=NOW + HOUR),
            replace(KEY, revoked_at=NOW + HOUR),
        ]


def test_an_end_only_comes_nearer(store: Store) -> None:
    with store.write() as conn:
        for key in (KEY, OTHER):
            api_keys.add(conn, key)
        for at, expected in ((NOW + 2 * HOUR, NOW + HOUR), (NOW + HOUR / 2, NOW + HOUR / 2)):
            api_keys.expire(conn, "b", at)
            assert api_keys.get(conn, "b") == replace(KEY, expires_at=expected)
        assert api_keys.get(conn, "a") == OTHER
        api_keys.expire(conn, "a", NOW)
        assert api_keys.get(conn, "a") == replace(OTHER, expires_at=NOW)
