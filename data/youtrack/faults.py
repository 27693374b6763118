"""Ways in which the tracker fails, apart by what to do next."""

from __future__ import annotations

from typing import ClassVar

from data.errors import TrackerError


class UnavailableError(TrackerError):
    """It may work later: no connection, time limit, overload, garbled answer.

    `uncertain` is true where a write may have taken effect all the same: look before writing again.
    `retry_after` is the pause in seconds that the tracker asked for; `busy` is true where it answered
    only that it has too much to do.
    """

    title: ClassVar[str] = "Tracker not available"

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        uncertain: bool = False,
        retry_after: float | None = None,
        busy: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.uncertain = uncertain
        self.retry_after = retry_after
        self.busy = busy


class PausedError(UnavailableError):
    """We do not ask now: the tracker failed several times, or wants a pause. `retry_after` says how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The tracker is not asked for the next {max(1, round(seconds))} s: it failed or wants a pause.",
            remedy="Wait; `firstline doctor` says when it is tried again.",
            retry_after=seconds,
        )


class RefusedError(TrackerError):
    """It will not work however often it is tried: token, permission, wrong request."""

    title: ClassVar[str] = "Tracker refused"


class NotFoundError(RefusedError):
    """The thing does not exist, was moved or deleted, or must not be seen by this account."""

    title: ClassVar[str] = "Not found in the tracker"
