"""What fields, sets of values and values show in the settings."""

from __future__ import annotations

from data.sandbox.youtrack import model as s
from data.sandbox.youtrack.kinds import KINDS
from data.sandbox.youtrack.shapes import (
    ABSENT,
    BundleView,
    FieldType,
    Getter,
    ProjectFieldView,
    PrototypeView,
)

COLOUR = {"id": "0", "background": "#FFFFFF", "foreground": "#444444", "$type": "FieldStyle"}
"""Nothing here has a colour of its own."""


def _only(family: str, getter: Getter) -> Getter:
    """Show an attribute for values of that family only."""
    return lambda e, v: getter(e, v) if e.family == family else ABSENT


def _people(bundle: BundleView) -> list[s.User]:
    found = [*bundle.field.individuals, *bundle.field.people()]
    return list(dict.fromkeys(found))


def _is_people(bundle: BundleView) -> bool:
    return KINDS[bundle.field.kind].family == "user"


def has_bundle(field: s.Field) -> bool:
    """Tell whether the field takes its values from a set: of values, or of people."""
    return KINDS[field.kind].bundled or KINDS[field.kind].family == "user"


SCHEMA_SHAPES: dict[type, dict[str, Getter]] = {
    ProjectFieldView: {
        "id": lambda p, v: p.field.id,
        "canBeEmpty": lambda p, v: p.field.can_be_empty,
        "emptyFieldText": lambda p, v: p.field.empty_text or f"No {p.field.name.lower()}",
        "isPublic": lambda p, v: p.field.public,
        "ordinal": lambda p, v: 0,
        "field": lambda p, v: PrototypeView(p.field),
        "project": lambda p, v: p.field.home,
        "hasRunningJob": lambda p, v: False,
        "bundle": lambda p, v: BundleView(p.field) if has_bundle(p.field) else None,
        "defaultValues": lambda p, v: [p.field.values[p.field.default]] if p.field.default else [],
    },
    PrototypeView: {
        "id": lambda p, v: p.field.prototype or p.field.id,
        "name": lambda p, v: p.field.name,
        "localizedName": lambda p, v: p.field.localized,
        "aliases": lambda p, v: None,
        "isAutoAttached": lambda p, v: False,
        "isDisplayedInIssueList": lambda p, v: True,
        "isPublic": lambda p, v: p.field.public,
        "fieldType": lambda p, v: FieldType(p.field.kind),
    },
    BundleView: {
        "id": lambda p, v: p.field.bundle,
        "name": lambda p, v: p.field.bundle_name or p.field.name,
        "isUpdateable": lambda p, v: True,
        "values": lambda p, v: ABSENT if _is_people(p) else list(p.field.values.values()),
        "individuals": lambda p, v: list(p.field.individuals) if _is_people(p) else ABSENT,
        "groups": lambda p, v: list(p.field.groups) if _is_people(p) else ABSENT,
        "aggregatedUsers": lambda p, v: _people(p) if _is_people(p) else ABSENT,
    },
    FieldType: {
        "id": lambda f, v: f.id,
        "presentation": lambda f, v: f.id,
        "isMultiValue": lambda f, v: KINDS[f.id].many,
        "isBundleType": lambda f, v: KINDS[f.id].bundled or KINDS[f.id].family == "user",
        "valueType": lambda f, v: f.id.partition("[")[0],
    },
    s.Element: {
        "id": lambda e, v: e.id,
        "name": lambda e, v: e.name,
        "localizedName": lambda e, v: e.localized,
        "description": lambda e, v: e.description,
        "archived": lambda e, v: e.archived,
        "color": lambda e, v: dict(COLOUR),
        "hasRunningJob": lambda e, v: False,
        "isResolved": _only("state", lambda e, v: e.resolved),
        "released": _only("version", lambda e, v: e.released),
        "releaseDate": _only("version", lambda e, v: e.release_date),
        "owner": _only("ownedField", lambda e, v: e.owner),
    },
}
