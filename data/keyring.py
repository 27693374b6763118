"""Who a key belongs to: secrets of the installation beside the database, and a short memory.

Two files under FIRSTLINE_HOME, for the owner only: `keys.pepper` (without it no stored digest can be
checked, so a copied database opens nothing) and `worker.key` (our own worker's way into the service).
"""

from __future__ import annotations

import hmac
import secrets
import threading
from datetime import datetime, timedelta
from pathlib import Path

from data import api_key
from data.access import Principal, Role
from data.clock import Clock
from data.errors import StorageError
from data.private_file import create_once
from data.store import Store, api_keys
from data.store.api_keys import StoredKey

PEPPER_NAME, WORKER_NAME = "keys.pepper", "worker.key"
WORKER = Principal("worker", Role.OPERATOR, None)
REMEMBERED = timedelta(seconds=20)  # a revoked key is good for at most so long
_SIGN_OF_USE = timedelta(hours=1)
_MOST_REMEMBERED = 10_000


def secret_file(path: Path) -> str:
    """Return the secret in a file, made on first use, readable by the owner only. Raises `StorageError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            create_once(path, secrets.token_urlsafe(32).encode())
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"The secret {path} cannot be read or made.",
            remedy="Give this user write access to FIRSTLINE_HOME, or restore the file.",
        ) from error
    if len(found) < 43:
        raise StorageError(
            f"The secret {path} is damaged.",
            remedy="Restore it, or delete it: API keys made with it then have to be made anew.",
        )
    return found


def pepper_of(home: Path) -> bytes:
    """Return the pepper of this installation's keys."""
    return secret_file(home / PEPPER_NAME).encode()


class Keyring:
    """Looks keys up for the service. Safe to share between threads."""

    def __init__(self, store: Store, home: Path, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._pepper = pepper_of(home)
        self._worker = secret_file(home / WORKER_NAME)
        self._known: dict[str, tuple[StoredKey | None, datetime]] = {}
        self._lock = threading.Lock()

    def principal(self, authorization: str) -> Principal | None:
        """Return who sent this `Authorization` header, or `None`. Raises `StorageError`."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.isascii():
            return None
        if hmac.compare_digest(key, self._worker):
            return WORKER
        wanted = api_key.key_id(key)
        found = None if wanted is None else self._find(wanted)
        if found is None or not api_key.matches(key, self._pepper, found.digest):
            return None
        if not found.good(self._clock.now()):
            return None
        return Principal(found.key_id, found.role, found.tenant, found.acts_for_people)

    def _find(self, key_id: str) -> StoredKey | None:
        now = self._clock.now()
        with self._lock:
            key, at = self._known.get(key_id, (None, now - 2 * REMEMBERED))
        if abs(now - at) < REMEMBERED:
            return key
        with self._store.read() as conn:
            key = api_keys.get(conn, key_id)
        if key is not None and (key.last_used_at is None or now - key.last_used_at >= _SIGN_OF_USE):
            with self._store.write() as conn:
                api_keys.used(conn, key_id, now)
        with self._lock:
            if len(self._known) >= _MOST_REMEMBERED:  # ids that were only guessed
                self._known.clear()
            self._known[key_id] = (key, now)
        return key
