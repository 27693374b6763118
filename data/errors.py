"""Errors that a person can act on.

Every expected failure is a `FirstlineError`: one sentence that says what happened and one that says
what to do. The command line prints both and exits with `exit_code`; the service renders them as
`application/problem+json`. Programmer mistakes stay ordinary exceptions and keep their traceback.
"""

from __future__ import annotations

from typing import ClassVar


class FirstlineError(Exception):
    """An expected failure, with the remedy beside it."""

    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Operation failed"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.remedy}"


class SettingsError(FirstlineError):
    """A setting, a recipe, a policy or a command-line argument is wrong."""

    exit_code = 2
    title = "Wrong setting"


class BadInputError(FirstlineError):
    """Input data cannot be used (a ticket, a file, a dataset)."""

    exit_code = 3
    title = "Bad input"


class TrackerError(FirstlineError):
    """The tracker cannot be reached, refuses us, or answers nonsense."""

    exit_code = 4
    title = "Tracker not usable"


class BundleError(FirstlineError):
    """A model bundle is missing, corrupted, or does not fit its surroundings."""

    exit_code = 5
    title = "Bundle refused"


class GateError(FirstlineError):
    """A candidate did not pass the promotion gate."""

    exit_code = 6
    title = "Promotion refused"


class StorageError(FirstlineError):
    """The disk or the database does not take what we write."""

    exit_code = 7
    title = "Storage failed"
