"""Who a key belongs to, and for how long an answer is remembered."""

from __future__ import annotations

import secrets
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data import api_key, keyring
from data.access import Principal, Role
from data.clock import ManualClock
from data.errors import StorageError
from data.keyring import PEPPER_NAME, WORKER, WORKER_NAME, Keyring, pepper_of, secret_file
from data.store import Store, api_keys
from data.store.api_keys import StoredKey

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def ring(store: Store, tmp_path: Path, clock: ManualClock) -> Keyring:
    return Keyring(store, tmp_path, clock)


def made(store: Store, home: Path, role: Role = Role.OPERATOR, **facts: Any) -> str:
    key = api_key.new_key(secrets.token_bytes)
    name = str(api_key.key_id(key))
    stored = StoredKey(name, "test", role, None, api_key.digest(key, pepper_of(home)), NOW)
    with store.write() as conn:
        api_keys.add(conn, replace(stored, **facts))
    return key


def stored(store: Store, key: str) -> StoredKey:
    with store.read() as conn:
        found = api_keys.get(conn, str(api_key.key_id(key)))
    assert found is not None
    return found


def test_a_key_says_who_it_is(ring: Keyring, store: Store, tmp_path: Path) -> None:
    key = made(store, tmp_path, Role.CLIENT, tenant="acme")
    who = Principal(str(api_key.key_id(key)), Role.CLIENT, "acme")
    assert ring.principal(f"Bearer {key}") == who
    assert ring.principal(f"bEaReR {key}") == who, "the scheme's case does not matter"
    own = secret_file(tmp_path / WORKER_NAME)
    assert ring.principal(f"Bearer {own}") == WORKER == Principal("worker", Role.OPERATOR, None)


def test_what_is_no_good_key_is_nobody(ring: Keyring, store: Store, tmp_path: Path) -> None:
    key, own = made(store, tmp_path), secret_file(tmp_path / WORKER_NAME)
    body = key[:12] + "0" * 43
    forged = body + api_key._checksum(body)
    assert api_key.key_id(forged) == api_key.key_id(key)
    unknown = api_key.new_key(secrets.token_bytes)
    for header in (
        "",
        "Bearer",
        "Bearer ",
        key,
        own,
        f"Basic {key}",
        f"Basic {own}",
        f"Bearer  {key}",
        f"Bearer {key} x",
        f"Bearer {forged}",
        f"Bearer {unknown}",
        "Bearer \u00e9",
        f"Bearer {own}\u00e9",
    ):
        assert ring.principal(header) is None, header


def test_a_key_is_good_until_its_end_and_never_after(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    end = NOW + timedelta(minutes=1)
    key = made(store, tmp_path, expires_at=end)
    clock.sleep(59)
    assert ring.principal(f"Bearer {key}") is not None
    clock.sleep(1)
    assert ring.principal(f"Bearer {key}") is None, "also while its row is remembered"


def test_a_key_that_is_revoked_is_remembered_for_less_than_twenty_seconds(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    key = made(store, tmp_path)
    assert ring.principal(f"Bearer {key}") is not None
    with store.write() as conn:
        assert api_keys.revoke(conn, str(api_key.key_id(key)), NOW)
    clock.sleep(19.999)
    assert ring.principal(f"Bearer {key}") is not None, "so long it is not asked for again"
    clock.sleep(0.001)
    assert ring.principal(f"Bearer {key}") is None


def test_a_key_that_is_made_after_it_was_refused_is_found_within_the_same_time(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    key = api_key.new_key(secrets.token_bytes)
    assert ring.principal(f"Bearer {key}") is None
    with store.write() as conn:
        digest = api_key.digest(key, pepper_of(tmp_path))
        api_keys.add(conn, StoredKey(str(api_key.key_id(key)), "x", Role.REVIEWER, None, digest, NOW))
    assert ring.principal(f"Bearer {key}") is None
    clock.sleep(20)
    assert ring.principal(f"Bearer {key}") is not None


def test_its_use_is_noted_once_an_hour(
    ring: Keyring, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    key, idle = made(store, tmp_path), made(store, tmp_path)
    noted = []
    for minutes in (0, 1, 58, 1, 30):
        clock.sleep(60 * minutes)
        assert ring.principal(f"Bearer {key}") is not None
        noted.append(stored(store, key).last_used_at)
    hour = NOW + timedelta(hours=1)
    assert noted == [NOW, NOW, NOW, hour, hour]
    assert stored(store, idle).last_used_at is None


def test_ids_that_were_only_guessed_do_not_fill_the_memory(
    ring: Keyring, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "_MOST_REMEMBERED", 3)
    key = made(store, tmp_path)
    for _ in range(3):
        assert ring.principal(f"Bearer {api_key.new_key(secrets.token_bytes)}") is None
    with store.write() as conn:
        api_keys.revoke(conn, str(api_key.key_id(key)), NOW)
    assert ring.principal(f"Bearer {key}") is None
    assert len(ring._known) == 1, "it was emptied before the fourth"
    assert ring.principal(f"Bearer {api_key.new_key(secrets.token_bytes)}") is None
    assert len(ring._known) == 2


def test_secrets_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    pepper = pepper_of(home)
    assert pepper_of(home) == pepper == secret_file(home / PEPPER_NAME).encode()
    assert len(pepper) == 43, "256 bits"
    assert pepper_of(tmp_path / "other") != pepper
    assert stat.S_IMODE((home / PEPPER_NAME).stat().st_mode) == 0o600


def test_a_copied_database_opens_nothing(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    key = made(store, tmp_path)
    assert Keyring(store, tmp_path, clock).principal(f"Bearer {key}") is not None
    assert Keyring(store, tmp_path / "elsewhere", clock).principal(f"Bearer {key}") is None


def test_a_secret_that_is_damaged_or_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / PEPPER_NAME
    for content, words in (
        ("x" * 42, "is damaged"),
        (" \n", "is damaged"),
        ("\u00e9" * 50, "cannot be read"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(StorageError, match=words) as refused:
            secret_file(path)
        assert str(path) in refused.value.message
        assert content.strip() == "" or content.strip() not in str(refused.value), "it says nothing of it"
    path.write_text("x" * 43 + "\n")
    assert secret_file(path) == "x" * 43
    with pytest.raises(StorageError, match="cannot be read or made"):
        secret_file(path / "below a file")
