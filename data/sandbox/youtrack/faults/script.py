"""A fault script: which requests are spoilt, how, and what happens to visibility and webhooks.

```yaml
seed: 7
rules:                          # the first rule that fires decides; the others do not see the request
  - name: replies lost
    match: {method: POST, path: "/api/issues/*/comments", share: 0.08}
    effect: {kind: reset, applied: true}
  - match: {nth: [3, 5]}
    effect: {kind: status, status: 429, retry_after: 2}
  - match: {since: 60, until: 1860}
    effect: {kind: reset}
visibility: {query: 5, comments: 2}
webhooks: {drop: 0.3, copies: 10, spread: 2.0, format: signed}
```
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Method = Literal["GET", "POST", "DELETE", "PUT", "PATCH"]
Status = Literal[400, 401, 403, 404, 405, 408, 409, 429, 500, 502, 503, 504]
LARGEST = 256 * 1024


class FaultScriptError(SettingsError):
    """The script has mistakes; `problems` has all of them."""

    title: ClassVar[str] = "Fault script refused"

    def __init__(self, source: str, problems: list[str]) -> None:
        listed = "".join(f"\n  - {p}" for p in problems)
        super().__init__(
            f"{source} has {len(problems)} mistake{'s' if len(problems) > 1 else ''}:{listed}",
            remedy="Correct these; data/sandbox/youtrack/faults/script.py shows the form.",
        )
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Match(_Part):
    """Which requests a rule is for. What is left out does not matter.

    `path`: `*` stands for one segment, `**` for any number. `query`: text that the decoded query string
    contains. `after`: so many matching requests pass first. `nth`: only these (1 is the first).
    `share`: probability. `count`: at most so many times. `since`, `until`: seconds since the script
    was given.
    """

    method: Method | list[Method] | None = None
    path: Annotated[str, Field(pattern="^/", max_length=500)] = "/**"
    query: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    after: Annotated[int, Field(ge=0)] = 0
    nth: list[Annotated[int, Field(ge=1)]] | Annotated[int, Field(ge=1)] | None = None
    share: Share = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    since: Annotated[float, Field(ge=0)] = 0.0
    until: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Match:
        if self.until is not None and self.until <= self.since:
            raise ValueError("until must be later than since")
        return self

    @cached_property
    def methods(self) -> frozenset[str] | None:
        if self.method is None:
            return None
        return frozenset([self.method] if isinstance(self.method, str) else self.method)

    @cached_property
    def numbers(self) -> frozenset[int] | None:
        if self.nth is None:
            return None
        return frozenset([self.nth] if isinstance(self.nth, int) else self.nth)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\*\*|\*)", self.path)
        swapped = {"**": ".*", "*": "[^/]*"}
        return re.compile("".join(swapped.get(p, re.escape(p)) for p in parts))


class Answer(_Part):
    """Answer with an error; with `applied` the tracker does what was asked all the same.

    `html`: a page of a proxy instead of JSON; by default for 500 and above.
    """

    kind: Literal["status"]
    status: Status
    retry_after: Annotated[int, Field(ge=0, le=86_400)] | None = None
    html: bool | None = None
    applied: bool = False


class Slow(_Part):
    """Wait before the work is done, or (`applied`) between the work and the answer."""

    kind: Literal["slow"]
    seconds: Seconds
    applied: bool = False


class Reset(_Part):
    """Break the connection without an answer, before or (`applied`) after the work is done."""

    kind: Literal["reset"]
    applied: bool = False


class Spoilt(_Part):
    """Do the work, then spoil the answer.

    `truncated`: the JSON ends early. `cut`: the connection ends in the middle of the body. `garbage`:
    bytes that are no JSON. `keep` is the share of the body that is sent, of those that end early.
    """

    kind: Literal["truncated", "cut", "garbage"]
    keep: Share = 0.5
    applied: ClassVar[bool] = True


class Veto(_Part):
    """A workflow rule forbids the change; nothing is done."""

    kind: Literal["veto"]
    text: Annotated[str, Field(min_length=1, max_length=500)] = "The workflow does not allow this change."
    applied: ClassVar[bool] = False


class Uncounted(_Part):
    """`issuesGetter/count` has not counted yet: -1."""

    kind: Literal["uncounted"]
    applied: ClassVar[bool] = True


Effect = Annotated[Answer | Slow | Reset | Spoilt | Veto | Uncounted, Field(discriminator="kind")]


class Rule(_Part):
    """One kind of trouble for one kind of request."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    match: Match = Match()
    effect: Effect


class Visibility(_Part):
    """Delay, in seconds, until a write shows in searches and counts, and a new comment in lists.

    By its id everything is there at once.
    """

    query: Seconds = 0.0
    comments: Seconds = 0.0


class Webhooks(_Part):
    """What happens to events on their way.

    `drop`: share that is never sent (None: as the server was started). `copies`: how often each of the
    others is sent. `delay`: seconds until then. `spread`: up to so many seconds more for each copy, by
    chance, so that later events overtake earlier ones. `format`: our signed event, or the JSON of the
    vendor's app "Webhook Triggers".
    """

    drop: Share | None = None
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    delay: Seconds = 0.0
    spread: Seconds = 0.0
    format: Literal["signed", "vendor"] = "signed"


class Script(_Part):
    """Everything that goes wrong on purpose. The same seed and requests give the same faults."""

    seed: int = 7
    rules: Annotated[list[Rule], Field(max_length=200)] = []
    visibility: Visibility = Visibility()
    webhooks: Webhooks = Webhooks()

    @field_validator("rules")
    @classmethod
    def _named_once(cls, rules: list[Rule]) -> list[Rule]:
        names = [r.name for r in rules if r.name]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"names must be unique; twice: {', '.join(twice)}")
        return rules


def parse_script(text: str, source: str = "The fault script") -> Script:
    """Read YAML or JSON. Raises `FaultScriptError` with every mistake it has."""
    if len(text) > LARGEST:
        raise FaultScriptError(source, [f"larger than {LARGEST // 1024} KiB"])
    try:
        given: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise FaultScriptError(source, [f"not YAML or JSON: {' '.join(str(error).split())}"]) from None
    if given is None:
        return Script()
    try:
        # JSON mode takes what YAML gives (int for float, list for tuple) and still no text for a number.
        return Script.model_validate_json(json.dumps(given))
    except (TypeError, ValueError) as error:
        raise FaultScriptError(source, _problems(error)) from None


def read_script(path: Path) -> Script:
    """Read a script from a file. Raises `FaultScriptError`."""
    try:
        return parse_script(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise FaultScriptError(str(path), [f"cannot be read: {error}"]) from None


def _problems(error: Exception) -> list[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    return [
        f"{'.'.join(str(p) for p in e['loc']) or 'script'}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_url=False, include_input=False)
    ]
