"""One request to the tracker: authentication, time limits, retries of reads, errors in words."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import stamina

from data.clock import Clock, SystemClock
from data.errors import SettingsError, TrackerError
from data.youtrack.faults import NotFoundError, PausedError, RefusedError, UnavailableError
from data.youtrack.gate import Gate
from data.youtrack.origin import address

Params = Mapping[str, str | int | Sequence[str]]

_CONNECT_SECONDS = 5.0
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
MOST_BYTES = 64 << 20
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_RUNS = "Check that the tracker runs and that FIRSTLINE_TRACKER_URL is right, then run it again."
_TOKEN = "Set FIRSTLINE_TRACKER_TOKEN to a permanent token of the service account with YouTrack scope."


@dataclass(frozen=True, slots=True)
class Retrying:
    """How reads are retried: attempts in all, seconds in all, first and longest pause in seconds.

    `patience` is how many seconds one request may take to answer.
    """

    attempts: int = 5
    total: float = 45.0
    first: float = 0.2
    longest: float = 5.0
    patience: float = 30.0
    asked: float = 30.0
    """The longest pause that the tracker may ask for and that is slept here, in seconds."""


class RetryBudget:
    """Retries are at most a tenth of the calls, and a few to begin with."""

    SHARE, MOST = 0.1, 10.0

    def __init__(self) -> None:
        self._left = self.MOST

    def earn(self) -> None:
        """Count a call."""
        self._left = min(self.MOST, self._left + self.SHARE)

    def spend(self) -> bool:
        """Take one retry; False where there is none left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Transport:
    """Sends requests below `<service URL>/api` as one account. The token is in no message or repr."""

    def __init__(
        self,
        http: httpx.Client,
        base_url: str,
        token: str,
        retrying: Retrying,
        gate: Gate | None = None,
        clock: Clock | None = None,
        *,
        verify: bool = False,
    ) -> None:
        # An illegal header would be repeated in the HTTP library's own error text.
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsError("The tracker token is empty or has illegal characters.", remedy=_TOKEN)
        _quieten("stamina")
        self._http = http
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._retrying = retrying
        self._gate, self._clock = gate, clock or SystemClock()
        self._budget = RetryBudget()
        self._login: str | None = None
        self._unverified = verify
        self.skew: timedelta | None = None
        self.build = ""
        self._timeout = httpx.Timeout(retrying.patience, connect=_CONNECT_SECONDS)

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def get(self, path: str, params: Params) -> Any:
        """Read `path`; retried. Returns the parsed JSON."""
        return self._retried(lambda: self._send("GET", path, params, None))

    def ask(self, path: str, params: Params, body: Any) -> Any:
        """Post a question that changes nothing; retried like a read."""
        return self._retried(lambda: self._send("POST", path, params, body))

    def post(self, path: str, params: Params, body: Any) -> Any:
        """Write once. Never retried here: whoever wants to must look first (see `uncertain`)."""
        return self._send("POST", path, params, body)

    def delete(self, path: str) -> None:
        """Delete `path`; retried, because deleting twice is deleting."""
        self._retried(lambda: self._send("DELETE", path, {}, None))

    def _retried(self, send: Callable[[], Any]) -> Any:
        r = self._retrying
        self._budget.earn()
        contexts = stamina.retry_context(
            on=self._again,
            attempts=r.attempts,
            timeout=timedelta(seconds=r.total),
            wait_initial=r.first,
            wait_max=r.longest,
            wait_jitter=r.first,
        )
        for attempt in contexts:
            with attempt:
                return send()
        raise AssertionError("unreachable: the last attempt raises")

    def _again(self, error: Exception) -> bool | float:
        pause = _pause(error, self._retrying.asked)
        return pause if pause is not False and self._budget.spend() else False

    def _send(self, method: str, path: str, params: Params, body: Any) -> Any:
        """Send one request through the gate and tell the gate how it went."""
        if self._gate is None:
            return self._known(method, path, params, body)
        self._gate.enter()
        try:
            found = self._known(method, path, params, body)
        except UnavailableError as error:
            note = self._gate.busy if error.busy else self._gate.failed
            note(error.retry_after)
            raise
        except TrackerError:
            self._gate.answered()
            raise
        self._gate.answered()
        return found

    def _known(self, method: str, path: str, params: Params, body: Any) -> Any:
        """Send a request; the very first one is preceded by the question who we are."""
        if self._unverified:
            me = self._exchange("GET", "/users/me", {"fields": "id,login,guest"}, None)
            if not isinstance(me, dict) or me.get("guest") is not False:
                raise guest_refused()
            self._unverified = False
        return self._exchange(method, path, params, body)

    def _exchange(self, method: str, path: str, params: Params, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        try:
            url = address(self.base_url, path)
            with self._http.stream(
                method,
                url,
                params={k: v if isinstance(v, (str, int)) else list(v) for k, v in params.items()},
                json=body,
                headers=headers,
                timeout=self._timeout,
                follow_redirects=False,
            ) as reply:
                answer = self._whole(reply)
        except httpx.TransportError as error:
            raise self._unreached(error, method) from None
        except (httpx.InvalidURL, httpx.HTTPError, ValueError) as error:
            words = self._safe(str(error))
            raise TrackerError(f"The tracker's address cannot be used: {words}", remedy=_RUNS) from None
        if not answer.is_success:
            raise self._refused(answer, method)
        self._know(answer.headers.get("X-YouTrack-User"))
        return self._parsed(answer, method)

    def _whole(self, reply: httpx.Response) -> httpx.Response:
        """Read an answer to its end, which must come within bounds."""
        began, kept = self._clock.now(), bytearray()
        self.build = reply.headers.get("X-Version", self.build)
        self._compare(reply.headers.get("Date"), began)
        for part in reply.iter_bytes():
            kept += part
            if len(kept) > MOST_BYTES:
                raise RefusedError(
                    f"The tracker's answer is longer than {MOST_BYTES >> 20} MiB.",
                    remedy="Check that FIRSTLINE_TRACKER_URL points to a YouTrack.",
                )
            if (self._clock.now() - began).total_seconds() > 4 * self._retrying.patience:
                raise httpx.ReadTimeout("the answer has no end", request=reply.request)
        # The body is decoded already; its old encoding and length would be applied again.
        headers = [(k, v) for k, v in reply.headers.multi_items() if k.lower() not in _OF_THE_BODY]
        return httpx.Response(reply.status_code, headers=headers, content=bytes(kept), request=reply.request)

    def _know(self, login: str | None) -> None:
        """Check on every answer that it is for the same account as before, and not for the guest."""
        if login is None:
            return
        if login == "guest":
            raise guest_refused()
        if self._login is not None and login != self._login:
            raise RefusedError("The tracker answered as another account than before.", remedy=_TOKEN)
        self._login = login

    def _compare(self, date: str | None, now: datetime) -> None:
        try:
            self.skew = parsedate_to_datetime(date) - now if date else self.skew
        except (TypeError, ValueError):
            return

    def _unreached(self, error: httpx.TransportError, method: str) -> TrackerError:
        if isinstance(error, httpx.UnsupportedProtocol):
            return RefusedError(f"{self.base_url} is not an http address.", remedy=_RUNS)
        uncertain = method != "GET" and not isinstance(error, _UNSENT)
        if isinstance(error, httpx.TimeoutException):
            return UnavailableError(
                f"The tracker at {self.base_url} did not answer in time.", remedy=_RUNS, uncertain=uncertain
            )
        what = "cannot be reached" if isinstance(error, httpx.ConnectError) else "broke the connection off"
        words = self._safe(str(error)) or type(error).__name__
        return UnavailableError(
            f"The tracker at {self.base_url} {what}: {words}.", remedy=_RUNS, uncertain=uncertain
        )

    def _refused(self, answer: httpx.Response, method: str) -> TrackerError:
        status, words = answer.status_code, self._safe(_description(answer))
        if status in _LATER:
            uncertain = method != "GET" and status not in (425, 429)
            return UnavailableError(
                f"The tracker answers {status}{words and ': ' + words}.",
                remedy="Wait until the tracker is well again, then run the same command again.",
                uncertain=uncertain,
                retry_after=_retry_after(answer),
                busy=status in (425, 429),
            )
        if status == 401:
            return RefusedError(f"The tracker does not accept our token ({words or '401'}).", remedy=_TOKEN)
        if status == 403:
            return RefusedError(
                f"The service account lacks a permission ({words or '403'}).",
                remedy="Give it read and update rights in the project, and add it to the project team.",
            )
        if status == 400 and _code(answer) == "invalid_query":
            return RefusedError(
                f"The tracker does not know what is asked for ({words or '400'}).",
                remedy="Check FIRSTLINE_PROJECT, and that the service account may see that project.",
            )
        if status == 404:
            return NotFoundError(
                f"The tracker does not have it, or hides it from us ({words or '404'}).",
                remedy="Check FIRSTLINE_PROJECT, the id, and that the service account may see it.",
            )
        if answer.is_redirect:
            return RefusedError(f"The tracker at {self.base_url} has moved ({status}).", remedy=_RUNS)
        return RefusedError(
            f"The tracker refused the request ({status}{words and ': ' + words}).",
            remedy="Check that the project's custom fields and workflow rules allow it.",
        )

    def _parsed(self, answer: httpx.Response, method: str) -> Any:
        if not answer.content.strip():
            return None
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            pass
        try:  # some instances answer raw control characters inside strings
            return json.loads(answer.content.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            pass
        if "html" in answer.headers.get("Content-Type", ""):
            raise RefusedError(
                f"{self.base_url} answers with a web page, not with data: it is no YouTrack.",
                remedy="Set FIRSTLINE_TRACKER_URL to the service URL, without /api.",
            )
        raise UnavailableError(
            "The tracker's answer is truncated or not JSON.", remedy=_RUNS, uncertain=method != "GET"
        )

    def _safe(self, words: str) -> str:
        return _CONTROL.sub(" ", words.replace(self._token, "***"))[:300].strip().rstrip(".")


def guest_refused() -> RefusedError:
    """Return the error for a tracker that took us for its guest: it would show a part of the data only."""
    return RefusedError("The tracker takes us for its guest user: the token did not work.", remedy=_TOKEN)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def _quieten(name: str) -> None:
    """Keep Python from printing a library's warnings where no logging is set up: our errors say it all."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _pause(error: Exception, longest: float) -> bool | float:
    """Decide whether a failed read is retried, and after which pause where the tracker named one."""
    if not isinstance(error, UnavailableError) or isinstance(error, PausedError):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= longest else False


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "").strip()
    # The form with a date is not used by YouTrack and needs a clock that agrees with the server's.
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content, strict=False)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _code(answer: httpx.Response) -> str:
    return str(_body(answer).get("error") or "").lower()


def _description(answer: httpx.Response) -> str:
    body = _body(answer)
    children = body.get("error_children")
    parts = [body, *(c for c in children if isinstance(c, dict))] if isinstance(children, list) else [body]
    words = [str(p.get("error_description") or p.get("error") or "") for p in parts]
    return "; ".join(dict.fromkeys(w for w in words if w))
