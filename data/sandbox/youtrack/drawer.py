"""What people have written and not published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data.sandbox.youtrack.model import User


@dataclass(slots=True, eq=False)
class Draft:
    """What somebody has written so far: the body as it will be published."""

    id: str
    owner: User
    body: dict[str, Any]
    created: int
    updated: int
    shown: Any = None
    """What the API shows of it."""


@dataclass
class Drafts:
    """The drafts of a tracker by id; of comments one for each issue and author."""

    issues: dict[str, Draft] = field(default_factory=dict)
    articles: dict[str, Draft] = field(default_factory=dict)
    comments: dict[tuple[str, str], Draft] = field(default_factory=dict)
