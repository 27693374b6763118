"""`fields`: exactly what was asked for, plus `$type`, of any entity."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from data.sandbox.youtrack.errors import bad_request
from data.sandbox.youtrack.model import User
from data.sandbox.youtrack.shapes import FieldView
from data.sandbox.youtrack.views import ABSENT, Getter, attributes, type_name

Tree = dict[str, "Tree | None"]
_PLAIN = (str, int, float, bool, type(None))
_SYNTAX = "Query string has invalid syntax"


def parse_fields(text: str | None) -> Tree | None:
    """Parse `a,b(c,d(e))`; None without `fields`. Raises `ApiError` 400 on bad syntax."""
    if text is None or not text.strip():
        return None
    tree, rest = _parse(text.replace(" ", ""), 0)
    if rest != len(text.replace(" ", "")):
        raise bad_request(_SYNTAX)
    return tree


def _parse(text: str, at: int) -> tuple[Tree, int]:
    tree: Tree = {}
    while True:
        start = at
        while at < len(text) and text[at] not in ",()":
            at += 1
        name = text[start:at]
        if not name:
            raise bad_request(_SYNTAX)
        if at < len(text) and text[at] == "(":
            inner, at = _parse(text, at + 1)
            if at >= len(text) or text[at] != ")":
                raise bad_request(_SYNTAX)
            at += 1
            known = tree.get(name)
            tree[name] = {**known, **inner} if known else inner
        else:
            tree.setdefault(name, None)
        if at >= len(text) or text[at] != ",":
            return tree, at
        at += 1


@lru_cache(maxsize=256)
def projection(text: str | None, only: frozenset[str] = frozenset()) -> Projection:
    """Return how to show what `fields` asks for; `only`: names of the custom fields to show, empty: all."""
    return Projection(parse_fields(text), only)


class Projection:
    """Shows entities as their `$type` and the attributes of a tree; unknown names are dropped silently."""

    def __init__(self, tree: Tree | None, only: frozenset[str]) -> None:
        wanted: Tree = {"id": None} if tree is None else tree
        self._inner = [(name, Projection(inner, only)) for name, inner in wanted.items()] if tree else []
        self._wanted, self._only = wanted, only
        self._plans: dict[type, list[tuple[str, Getter, Projection]]] = {}

    def show(self, entity: Any, viewer: User) -> Any:
        """Return the JSON of `entity` for `viewer`."""
        kind = entity.__class__
        if kind in _PLAIN:
            return entity
        if kind is list or kind is tuple:
            if self._only:
                entity = [e for e in entity if not isinstance(e, FieldView) or e.field.name in self._only]
            return [self.show(e, viewer) for e in entity]
        if kind is dict:
            return self._of_dict(entity, viewer)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = self._plan(kind)
        out: dict[str, Any] = {}
        for name, getter, inner in plan:
            value = getter(entity, viewer)
            if value.__class__ in _PLAIN:
                out[name] = value
            elif value is not ABSENT:
                out[name] = inner.show(value, viewer)
        out["$type"] = type_name(entity)
        return out

    def _parts(self) -> list[tuple[str, Projection]]:
        return self._inner or [(name, self) for name in self._wanted]

    def _plan(self, kind: type) -> list[tuple[str, Getter, Projection]]:
        known = attributes(kind)
        return [(name, known[name], inner) for name, inner in self._parts() if name in known]

    def _of_dict(self, entity: dict[str, Any], viewer: User) -> dict[str, Any]:
        if "$type" not in entity:  # a structure of its own, not an entity
            return {k: self.show(v, viewer) for k, v in entity.items()}
        shown = {n: inner.show(entity[n], viewer) for n, inner in self._parts() if n in entity}
        return {**shown, "$type": entity["$type"]}
