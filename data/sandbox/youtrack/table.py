"""What a route is: a path under `/api` and what each method does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.model import Issue

Read = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A write that is announced: `kind` is `created`, `updated`, `commented` or `deleted`."""

    kind: str
    write: Callable[[Call], tuple[Issue, Any]]


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is no JSON."""

    content: bytes
    media_type: str
    name: str = ""


Methods = dict[str, Read | Told]
Table = list[tuple[str, Mapping[str, Read | Told]]]
"""Path -> method in lower case -> what it does; earlier rows go first."""
