"""The triage policy: what may be written alone, and which queue gets what.

`python -m serving.policy FILE...` checks policy files against the default taxonomy (part of `make check`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.caps import Caps
from data.errors import FirstlineError, SettingsError
from data.taxonomy import Taxonomy, load_taxonomy
from eval.groups import Grouping

SHIPPED = Path(__file__).resolve().parent / "policies"


@dataclass(frozen=True, slots=True)
class Promise:
    """At most `error_budget` (0..1) of what is written alone is wrong, with `confidence` (0..1).

    `least_share` (0..1): the share of tickets from which acting alone is worth having. The proof
    starts there; fixed before anything is looked at, it costs nothing and gives the test more power.
    `target_error` (0..`error_budget`): of what is proven, go only as far as at most this share of the
    reviewed tickets was wrong; never further than is proven. Without one, as far as is proven.
    `wrong_share` (0..1): of *all* tickets at most this share is expected to be written alone and wrong;
    it only ever makes a threshold stricter.
    """

    error_budget: float
    confidence: float
    least_share: float = 0.25
    target_error: float | None = None
    wrong_share: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One queue that differs from the taxonomy's, for a client, a country, or both."""

    issue_type: str
    team: str
    client: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Policy:
    """A checked policy. `suggest_from` is a probability, `familiarity_floor` a cosine.

    `category` is the promise about category and queue (with the issue type as their finest label); it is
    kept for each of `groups` by itself: the whole desk, each category, or each client's categories.
    """

    category: Promise
    priority: Promise
    suggest_from: float
    familiarity_floor: float
    least_characters: int
    routing: tuple[Route, ...] = ()
    caps: Caps | None = None
    groups: Grouping = "desk"

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the content: the same rules give the same version."""
        content = asdict(self)
        # A policy from before there were caps, groups or shares keeps its version.
        if self.caps is None:
            del content["caps"]
        if self.groups == "desk":
            del content["groups"]
        for promise in (content["category"], content["priority"]):
            if promise["wrong_share"] is None:
                del promise["wrong_share"]
        facts = json.dumps(content, sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:12]

    def team(self, taxonomy: Taxonomy, issue_type: str, client: str | None, country: str | None) -> str:
        """Return the queue: the most specific fitting rule, else the taxonomy's."""
        fitting = [
            r
            for r in self.routing
            if r.issue_type == issue_type and r.client in (None, client) and r.country in (None, country)
        ]
        if not fitting:
            return taxonomy.team_of(issue_type)
        return max(fitting, key=lambda r: (r.client is not None, r.country is not None)).team


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Promise(_Strict):
    error_budget: Share
    confidence: Annotated[float, Field(ge=0.5, lt=1)]
    least_share: Share = 0.25
    target_error: Annotated[float, Field(ge=0, lt=1)] | None = None
    wrong_share: Share | None = None

    @model_validator(mode="after")
    def _target_within_budget(self) -> Self:
        if self.target_error is not None and self.target_error > self.error_budget:
            raise ValueError("target_error is larger than error_budget, so it would never matter")
        return self


class _Route(_Strict):
    issue_type: Name
    team: Name
    client: Name | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class _Caps(_Strict):
    per_hour: Annotated[int, Field(ge=1)] | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _some_cap(self) -> Self:
        if self.per_hour is None and self.per_day is None:
            raise ValueError("give per_hour, per_day, or both; leave caps out for none")
        if self.per_hour is not None and self.per_day is not None and self.per_hour > self.per_day:
            raise ValueError("per_hour is larger than per_day, so it would never matter")
        return self


class _Policy(_Strict):
    category: _Promise
    priority: _Promise
    suggest_from: Annotated[float, Field(ge=0, lt=1)]
    familiarity_floor: Annotated[float, Field(ge=-1, lt=1)]
    least_characters: Annotated[int, Field(ge=1, le=1000)]
    groups: Grouping = "desk"
    routing: list[_Route] = []
    caps: _Caps | None = None


def load_policy(path: Path, taxonomy: Taxonomy) -> Policy:
    """Read and check a policy file. Raises `SettingsError` with every problem found."""
    return parse_policy(_read(path), taxonomy, name=str(path))


def load_caps(path: Path) -> Caps | None:
    """Read only the caps, for who has no bundle at hand. Raises `SettingsError`."""
    try:
        checked = _Policy.model_validate(_read(path))
    except ValidationError as error:
        raise _refused(str(path), [_sentence(e) for e in error.errors()]) from None
    return Caps(**checked.caps.model_dump()) if checked.caps else None


def _read(path: Path) -> Any:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"The policy {path} does not exist.", remedy="Point FIRSTLINE_POLICY to an existing file."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"The policy {path} is not YAML: {error}", remedy="Correct that line.") from None
    return raw


def parse_policy(raw: Any, taxonomy: Taxonomy, *, name: str = "policy") -> Policy:
    """Check a decoded policy. Raises `SettingsError` with every problem found."""
    try:
        checked = _Policy.model_validate(raw)
    except ValidationError as error:
        raise _refused(name, [_sentence(e) for e in error.errors()]) from None
    routes = tuple(Route(**r.model_dump()) for r in checked.routing)
    if problems := list(_route_problems(routes, taxonomy)):
        raise _refused(name, problems)
    return Policy(
        category=Promise(**checked.category.model_dump()),
        priority=Promise(**checked.priority.model_dump()),
        suggest_from=checked.suggest_from,
        familiarity_floor=checked.familiarity_floor,
        least_characters=checked.least_characters,
        routing=routes,
        caps=Caps(**checked.caps.model_dump()) if checked.caps else None,
        groups=checked.groups,
    )


def _route_problems(routes: tuple[Route, ...], taxonomy: Taxonomy) -> Iterable[str]:
    seen: set[tuple[str, str | None, str | None]] = set()
    for i, route in enumerate(routes):
        if route.issue_type not in taxonomy.labels:
            yield f"routing.{i}: unknown issue type {route.issue_type!r}"
        if route.client is None and route.country is None:
            yield f"routing.{i}: name a client, a country, or both"
        key = (route.issue_type, route.client, route.country)
        if key in seen:
            yield f"routing.{i}: a second rule for the same issue type, client and country"
        seen.add(key)


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    return f"{where}: {error['msg']}"


def _refused(name: str, problems: list[str]) -> SettingsError:
    listing = "\n  - ".join(problems)
    return SettingsError(
        f"The policy {name} has {len(problems)} problem(s):\n  - {listing}",
        remedy=f"Correct these entries; {SHIPPED / 'triage.yaml'} is a working example.",
    )


def main(arguments: list[str]) -> int:
    """Check the named policy files, or the shipped ones; return 0 when all are good."""
    taxonomy = load_taxonomy()
    failed = 0
    for path in [Path(a) for a in arguments] or sorted(SHIPPED.glob("*.yaml")):
        try:
            print(f"{path.name}: policy {load_policy(path, taxonomy).version}")
        except FirstlineError as error:
            failed = 1
            print(error, file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
