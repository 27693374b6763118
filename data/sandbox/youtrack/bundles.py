"""Sets of values of fields, and sets of people: `/admin/customFieldSettings/bundles`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.errors import ApiError, bad_request, entity_not_found
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.model import BUNDLE, ELEMENT, Element, Field
from data.sandbox.youtrack.schema_shapes import has_bundle
from data.sandbox.youtrack.settings import (
    Unused,
    administrators_only,
    attached,
    named,
    named_user,
    next_id,
)
from data.sandbox.youtrack.shapes import BundleView
from data.sandbox.youtrack.visibility import entity_id

FAMILIES = {
    **{name: name for name in ("enum", "state", "version", "build", "ownedField", "user")},
    "owned": "ownedField",  # a spelling in the wild (unverified)
}


# -- sets of values


def bundles(call: Call, unused: Unused) -> list[BundleView]:
    """Return the bundles of the family in the path, each once."""
    family = _family(call)
    every = {f.bundle: BundleView(f) for f in _holders(call, unused) if KINDS[f.kind].family == family}
    return call.page(list(every.values()))


def bundle(call: Call, unused: Unused) -> BundleView:
    """Return the bundle in the path."""
    return BundleView(_sharing(call, unused)[0])


def add_bundle(call: Call, unused: Unused) -> BundleView:
    """Make a set of values; the body may bring its first ones."""
    administrators_only(call)
    body, family = call.object_body(), _family(call)
    name = named(body)
    made = next_id(call, unused, BUNDLE)
    unused.bundles[made] = Field("", name, f"{family}[1]", made, {}, bundle_name=name)
    for value in body.get("values") or []:
        _add(call, unused, unused.bundles[made].values, value if isinstance(value, dict) else {})
    return BundleView(unused.bundles[made])


def change_bundle(call: Call, unused: Unused) -> BundleView:
    """Rename a bundle."""
    administrators_only(call)
    sharing, body = _sharing(call, unused), call.object_body()
    for known in sharing:
        known.bundle_name = named(body) if "name" in body else known.bundle_name
    return BundleView(sharing[0])


def remove_bundle(call: Call, unused: Unused) -> None:
    """Delete a bundle; one that a project uses stays."""
    administrators_only(call)
    _sharing(call, unused)
    if call.path("bundle") not in unused.bundles or _in_use(call, call.path("bundle")):
        raise bad_request("The set of values is used in a project")
    del unused.bundles[call.path("bundle")]


def values_of(call: Call, unused: Unused) -> dict[str, Element]:
    """Return the values of the bundle in the path."""
    return _sharing(call, unused)[0].values


def value(call: Call, unused: Unused) -> Element:
    """Return the value in the path."""
    for element in values_of(call, unused).values():
        if element.id == call.path("value"):
            return element
    raise entity_not_found(call.path("value"))


def add_value(call: Call, unused: Unused) -> Element:
    """Add a value to a bundle; its name must be new there."""
    administrators_only(call)
    return _add(call, unused, values_of(call, unused), call.object_body())


def change_value(call: Call, unused: Unused) -> Element:
    """Rename, archive or otherwise change a value; tickets that have it show it as it is now."""
    administrators_only(call)
    element, values, body = value(call, unused), values_of(call, unused), call.object_body()
    if "name" in body and named(body) != element.name:
        _check_new(values, named(body))
        kept = [(n, e) for n, e in values.items()]
        values.clear()
        for name, known in kept:
            values[body["name"] if known is element else name] = known
        _rename_default(call, element.name, body["name"], values)
        element.name = body["name"]
    _describe(call, element, body)
    return element


def remove_value(call: Call, unused: Unused) -> None:
    """Take a value away; tickets that have it keep it."""
    administrators_only(call)
    del values_of(call, unused)[value(call, unused).name]


def _add(call: Call, unused: Unused, values: dict[str, Element], body: dict[str, Any]) -> Element:
    name, family = named(body), _family(call)
    _check_new(values, name)
    resolved = bool(body.get("isResolved")) if family == "state" else None
    values[name] = Element(next_id(call, unused, ELEMENT), name, resolved, family)
    _describe(call, values[name], body)
    return values[name]


def _check_new(values: dict[str, Element], name: str) -> None:
    if name.casefold() in {v.casefold() for v in values}:
        raise ApiError(400, "Bad Request", f"The value {name} already exists", error_field="name")


def _describe(call: Call, element: Element, body: dict[str, Any]) -> None:
    given = {"description": "description", "localizedName": "localized", "releaseDate": "release_date"}
    for theirs, ours in given.items():
        if theirs in body:
            setattr(element, ours, body[theirs])
    for theirs, ours in {"archived": "archived", "released": "released", "isResolved": "resolved"}.items():
        if theirs in body and (theirs != "isResolved" or element.family == "state"):
            setattr(element, ours, bool(body[theirs]))
    if "owner" in body and element.family == "ownedField":
        element.owner = None if body["owner"] is None else named_user(call, body["owner"])


def _rename_default(call: Call, old: str, new: str, values: dict[str, Element]) -> None:
    for project in call.state.projects.values():
        for known in project.fields.values():
            if known.values is values and known.default == old:
                known.default = new


# -- sets of people


def members(call: Call, unused: Unused, part: str) -> list[Any]:
    """Return `individuals`, `groups` or all people (`aggregatedUsers`) of the set in the path."""
    known = _sharing(call, unused)[0]
    if part == "aggregatedUsers":
        return call.page(list(dict.fromkeys([*known.individuals, *known.people()])))
    return call.page(list(getattr(known, part)))


def add_member(call: Call, unused: Unused, part: str) -> Any:
    """Let a person or a group into the set of people in the path."""
    administrators_only(call)
    known, body = _sharing(call, unused)[0], call.object_body()
    made: Any = named_user(call, body) if part == "individuals" else call.state.groups.get(entity_id(body))
    if made is None:
        raise entity_not_found(entity_id(body))
    held = getattr(known, part)
    if made not in held:
        held.append(made)
    return made


def member(call: Call, unused: Unused, part: str) -> Any:
    """Return the person or group in the path."""
    for known in getattr(_sharing(call, unused)[0], part):
        if known.id == call.path("member"):
            return known
    raise entity_not_found(call.path("member"))


def remove_member(call: Call, unused: Unused, part: str) -> None:
    """Take a person or a group out of the set of people in the path."""
    administrators_only(call)
    getattr(_sharing(call, unused)[0], part).remove(member(call, unused, part))


def _holders(call: Call, unused: Unused) -> Iterator[Field]:
    yield from (f for f in attached(call) if has_bundle(f))
    yield from unused.bundles.values()


def _sharing(call: Call, unused: Unused) -> list[Field]:
    """Return every field that takes its values from the bundle in the path."""
    wanted, family = call.path("bundle"), _family(call)
    found = [f for f in _holders(call, unused) if f.bundle == wanted and KINDS[f.kind].family == family]
    if not found:
        raise entity_not_found(wanted)
    return found


def _in_use(call: Call, wanted: str) -> bool:
    return any(f.bundle == wanted for f in attached(call))


def _family(call: Call) -> str:
    family = FAMILIES.get(call.path("family"))
    if family is None:
        raise entity_not_found(call.path("family"))
    return family
