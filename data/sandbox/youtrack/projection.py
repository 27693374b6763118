"""`fields`: exactly what was asked for, plus `$type`, of any entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from data.sandbox.youtrack import model as s
from data.sandbox.youtrack.errors import bad_request
from data.sandbox.youtrack.views import (
    ActivityPage,
    Count,
    FieldType,
    FieldView,
    LinkView,
    Me,
    ProjectFieldView,
    Visibility,
    attributes,
    type_name,
)

Tree = dict[str, "Tree | None"]
_ENTITIES = (
    *(s.Issue, s.Comment, s.User, s.Element, s.Tag, s.Project, s.Activity, s.Group, s.LinkType),
    *(ActivityPage, Count, FieldType, FieldView, Me, ProjectFieldView, LinkView, Visibility),
)
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


def project(entity: object, tree: Tree | None, viewer: s.User) -> Any:
    """Return the JSON of `entity` for `viewer`; unknown names are dropped without a word."""
    if isinstance(entity, list | tuple):
        return [project(e, tree, viewer) for e in entity]
    if isinstance(entity, Mapping):
        return dict(entity)
    if not isinstance(entity, _ENTITIES):
        return entity
    known: Mapping[str, Callable[[Any, s.User], object]] = attributes(entity)
    wanted: Tree = {"id": None} if tree is None else tree
    out: dict[str, Any] = {
        name: project(known[name](entity, viewer), inner, viewer)
        for name, inner in wanted.items()
        if name in known
    }
    out["$type"] = type_name(entity)
    return out
