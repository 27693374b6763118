"""A client system behind HTTP. The contract, for whoever builds the other side:

- `POST {base}/v1/reads/{name}` looks up, `POST {base}/v1/writes/{name}` has an effect. The names, their
  arguments and what comes back are those of `data.client_system`; a body is a JSON object with exactly the
  call's arguments, all texts. POST for look-ups too: who is asked about must not stand in access logs.
- Headers: `Authorization: Bearer TOKEN`; `X-Firstline-Tenant`: the client's key. A system must answer
  for that client alone, and 403 for one that the token is not for. A write has `Idempotency-Key` (at most
  200 characters): the first answer under a key is kept for 30 days at least and given again, without
  another effect; the same key with another call or other arguments is refused with 409.
- 200: a read gives the record as an object (dates `YYYY-MM-DD`, months `YYYY-MM`, `null` or left out where
  something may be missing, texts up to 200 characters); a write gives `{"changed": true|false}`. Entries
  that are not known are ignored, values outside the contract refused.
- 404 or 409: no such record, or the system's own rules forbid it; nothing was changed. 400: the call is
  wrong. 401, 403: the token. 429, 503: not now, nothing was done; `Retry-After` may be sent. Any other
  5xx to a write counts as "may have happened". The title of a `application/problem+json` is not told to
  anybody: it could name people.

Redirects are not followed. An answer must come within `Patience` and be at most 64 KiB long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from data import client_system as s
from data.client_system_calls import ByName, ClientSystemError, RefusedError, UnavailableError, UncertainError
from data.client_system_wire import from_json
from data.errors import SettingsError

R = TypeVar("R")
TENANT_HEADER = "X-Firstline-Tenant"
KEY_HEADER = "Idempotency-Key"
MOST_KEY = 200
_MOST_BYTES = 64 << 10
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NOT_NOW = frozenset({429, 503})
_LATER = "Check that the client system runs and that FIRSTLINE_CLIENT_SYSTEM_URL is right, then try again."
_TOKEN = "Set FIRSTLINE_CLIENT_SYSTEM_TOKEN to a token that the client system knows, for this client."
_PERSON = "Let a person look at the client system; it keeps its own rules."
_CONTRACT = "Compare the client system with the contract in data/client_system_http.py."


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a connection stands, and between two parts of an answer."""

    connect: float = 3.0
    answer: float = 10.0


class HttpClientSystem(ByName):
    """One client's system. Nothing is retried here. The token is in no message or repr."""

    def __init__(
        self, http: httpx.Client, base_url: str, token: str, tenant: str, patience: Patience | None = None
    ) -> None:
        # An illegal header would be repeated in the HTTP library's own error text.
        for what, value in (("token", token), ("client's key", tenant)):
            if not value or not value.isascii() or not value.isprintable() or " " in value:
                raise SettingsError(
                    f"The {what} for the client system is empty or has illegal characters.", remedy=_TOKEN
                )
        patience = patience or Patience()
        self._http, self._base, self._token = http, base_url.rstrip("/"), token
        self.tenant = tenant
        self._timeout = httpx.Timeout(patience.answer, connect=patience.connect)

    def __repr__(self) -> str:
        return f"HttpClientSystem({self._base!r}, tenant={self.tenant!r})"

    def read(self, name: str, result: type[R], arguments: Mapping[str, str]) -> R:
        try:
            return from_json(result, self._post(f"reads/{name}", arguments, None))
        except ValueError as error:
            raise UnavailableError(
                f"The client system's answer to {name} cannot be used: {error}.", remedy=_CONTRACT
            ) from None

    def write(self, name: str, key: s.Key, arguments: Mapping[str, str]) -> s.Done:
        try:
            return from_json(s.Done, self._post(f"writes/{name}", arguments, key))
        except ValueError as error:
            raise UncertainError(
                f"The client system's answer to {name} cannot be used: {error}.", remedy=_CONTRACT
            ) from None

    def _post(self, path: str, arguments: Mapping[str, str], key: s.Key | None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", TENANT_HEADER: self.tenant}
        if key is not None:
            headers[KEY_HEADER] = key
        lost = UnavailableError if key is None else UncertainError
        try:
            with self._http.stream(
                "POST",
                f"{self._base}/v1/{path}",
                json=dict(arguments),
                headers=headers,
                timeout=self._timeout,
                follow_redirects=False,
            ) as reply:
                body = _whole(reply, lost)
        except _UNSENT:
            raise UnavailableError("The client system cannot be reached.", remedy=_LATER) from None
        except httpx.TransportError:
            raise lost("The client system's answer did not arrive.", remedy=_LATER) from None
        except (httpx.InvalidURL, httpx.HTTPError):
            raise lost("The client system's address or answer cannot be used.", remedy=_LATER) from None
        if reply.status_code != 200:
            raise _refusal(reply.status_code, path, writing=key is not None)
        return httpx.Response(200, content=body).json()


def _whole(reply: httpx.Response, lost: type[ClientSystemError]) -> bytes:
    kept = bytearray()
    for part in reply.iter_bytes():
        kept += part
        if len(kept) > _MOST_BYTES:
            raise lost("The client system's answer is longer than 64 KiB.", remedy=_CONTRACT)
    return bytes(kept)


def _refusal(status: int, path: str, *, writing: bool) -> ClientSystemError:
    if status in (401, 403):
        return UnavailableError(f"The client system refuses our token ({status}).", remedy=_TOKEN)
    if status in (404, 409):
        return RefusedError(f"The client system refuses {path} ({status}).", remedy=_PERSON)
    if 300 <= status < 500 and status not in (408, 429):
        return UnavailableError(f"The client system does not understand {path} ({status}).", remedy=_CONTRACT)
    if writing and status not in _NOT_NOW:
        return UncertainError(f"The client system failed in {path} ({status}).", remedy=_LATER)
    return UnavailableError(f"The client system does not answer now ({status}).", remedy=_LATER)
